"""Bounds for the Lambda workers of a laptop, and a fair queue in front of them.

MiniStack starts a worker for each invocation that finds none free, and keeps one of each function
for ever. Twenty clients of cold functions then start twenty workers on two cores: all of them are
slow together, until API Gateway's 30 seconds are over. Here, invocations wait in a queue of their
function. The functions take turns, so that a busy one does not delay the others.
"""

import asyncio
import contextlib
import os
import threading
from collections import OrderedDict, deque
from typing import Any

from local.emulator_patches import TIMEOUT_FACTOR

RUNNING = max(8, 4 * (os.cpu_count() or 1))
"""Invocations at once. A handler uses a part of a core: it often waits for the emulator."""
RUNNING_PER_FUNCTION = RUNNING // 2
"""Invocations of one function at once; the others always find a place."""
WAITING_PER_FUNCTION = 200
"""Invocations that wait for one function; AWS throttles at its limit of concurrency too."""
PATIENCE_SECONDS = 20.0 * TIMEOUT_FACTOR
"""Time in the queue before an invocation is throttled (429), within the gateway's timeout."""
IDLE = 80
"""Idle workers that are kept; of more, the least recently used end."""


class Admission:
    """Admits invocations: a bounded number at once, and function by function in turn."""

    def __init__(
        self,
        *,
        running: int = RUNNING,
        per_function: int = RUNNING_PER_FUNCTION,
        waiting: int = WAITING_PER_FUNCTION,
    ) -> None:
        self._limit = running
        self._per_function = per_function
        self._waiting = waiting
        self._lock = threading.Lock()
        self._total = 0
        self._running: dict[str, int] = {}
        self._queues: OrderedDict[str, deque[threading.Event]] = OrderedDict()
        """The waiting invocations of each function; the function whose turn is next is first."""

    def enter(self, function: str, patience: float) -> bool:
        """Wait for a place. Return whether the invocation may run; then call :meth:`leave`."""
        with self._lock:
            queue = self._queues.get(function)
            if queue is None and self._has_place(function):
                self._admit(function)
                return True
            if queue is not None and len(queue) >= self._waiting:
                return False
            admitted = threading.Event()
            self._queues.setdefault(function, deque()).append(admitted)
        if admitted.wait(patience):
            return True
        with self._lock:
            if admitted.is_set():  # at the last moment
                return True
            queue = self._queues[function]
            queue.remove(admitted)
            if not queue:
                del self._queues[function]
            return False

    def enter_at_once(self, function: str) -> None:
        """Admit an invocation for which a running one may wait, beyond every limit."""
        with self._lock:
            self._admit(function)

    def leave(self, function: str) -> None:
        """End an invocation, and admit the next ones."""
        with self._lock:
            self._total -= 1
            self._running[function] -= 1
            if not self._running[function]:
                del self._running[function]
            while (turn := next(filter(self._has_place, self._queues), None)) is not None:
                queue = self._queues[turn]
                self._admit(turn)
                queue.popleft().set()
                self._queues.move_to_end(turn)
                if not queue:
                    del self._queues[turn]

    def _has_place(self, function: str) -> bool:
        return self._total < self._limit and self._running.get(function, 0) < self._per_function

    def _admit(self, function: str) -> None:
        self._total += 1
        self._running[function] = self._running.get(function, 0) + 1


class WorkerPool:
    """MiniStack's pool of workers with these bounds."""

    def __init__(
        self, admission: Admission, *, idle: int = IDLE, patience: float = PATIENCE_SECONDS
    ) -> None:
        self._admission = admission
        self._idle = idle
        self._patience = patience

    def attach(self) -> None:
        """Put the queue in front of MiniStack's invocations."""
        from ministack.core import lambda_runtime
        from ministack.services import lambda_svc

        self._runtime = lambda_runtime
        self._service = lambda_svc
        self._invoke = lambda_svc._execute_function_warm
        lambda_svc._execute_function_warm = self.invoke

    def invoke(self, function: dict[str, Any], event: Any, request: str) -> dict[str, Any]:
        """Run an invocation after a place is free; throttle it after a long wait."""
        config = function.get("config") or function
        name = config.get("FunctionName", "unknown")
        place = f"{config.get('FunctionArn', name)} {config.get('Version', '$LATEST')}"
        if not self._may_wait():
            self._admission.enter_at_once(place)
        elif not self._admission.enter(place, self._patience):
            throttle: dict[str, Any] = self._service._throttle_response(
                "ConcurrentInvocationLimitExceeded",
                f"Rate Exceeded: too many invocations of {name} wait for a worker",
            )
            return throttle
        try:
            result: dict[str, Any] = self._invoke(function, event, request)
            self._end_surplus_workers()
            return result
        finally:
            self._admission.leave(place)

    def _may_wait(self) -> bool:
        """Return whether an invocation may queue.

        One that came through the Lambda API may not: the Lambda that invokes it keeps its own
        place meanwhile. On the event loop's thread, waiting would stop the whole emulator.
        """
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            return False
        return not self._service._invoke_depth.get()

    def _end_surplus_workers(self) -> None:
        """End the least recently used idle workers above the bound."""
        with self._runtime._lock:
            pools = self._runtime._workers
            idle = [
                (worker.last_used, key, worker)
                for key, workers in pools.items()
                for worker in workers
                if not worker.in_use and not worker._lock.locked()
            ]
            idle.sort(key=lambda entry: entry[0])
            surplus = idle[: max(0, len(idle) - self._idle)]
            for _, key, worker in surplus:
                pools[key].remove(worker)
                if not pools[key]:
                    del pools[key]
        self._runtime.kill_workers([worker for _, _, worker in surplus])
