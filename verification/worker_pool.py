"""Worker processes of one verification, and their progress on the terminal.

Each process has its own emulated AWS, or all share one.
"""

import importlib
import multiprocessing
import queue
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from verification.emulator import configure_environment, emulated_aws

POLL_SECONDS = 1
"""Wait for a message before the processes are checked for an unexpected end."""
LIVE_INTERVAL_SECONDS, LOG_INTERVAL_SECONDS = 0.2, 10
"""Time between two progress messages, on a terminal and elsewhere."""
LINE_WIDTH = 79


class ProgressReporter:
    """Reports a worker's progress: the number of pieces done since the last call."""

    def __init__(self, send: Callable[[str, int], None]) -> None:
        self._send = send

    def __call__(self, done: int) -> None:
        self._send("progress", done)

    def set_total(self, number: int) -> None:
        """Replace the expected total."""
        self._send("total", number)


def run_workers(
    function: str,
    shares: Sequence[Mapping[str, Any]],
    *,
    total: int,
    title: str,
    endpoint: str | None = None,
) -> list[Any]:
    """Run ``module:function`` once per share, all at the same time; return the results in order.

    The function receives a :class:`ProgressReporter` and its share as keywords. Each process starts
    its own emulator, or uses the one at ``endpoint``. Raises RuntimeError if one worker fails.
    """
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    workers = [
        context.Process(
            target=_work, args=(function, number, dict(share), endpoint, messages), daemon=True
        )
        for number, share in enumerate(shares)
    ]
    for worker in workers:
        worker.start()
    results: dict[int, Any] = {}
    progress = ProgressLine(title, total)
    try:
        while len(results) < len(workers):
            try:
                number, kind, value = messages.get(timeout=POLL_SECONDS)
            except queue.Empty:
                # A killed process sends no message: without this check the loop would never end.
                dead = [w.pid for n, w in enumerate(workers) if n not in results and w.exitcode]
                if dead:
                    raise RuntimeError(f"{title}: worker {dead} died") from None
                continue
            if kind == "result":
                results[number] = value
            elif kind == "failed":
                raise RuntimeError(f"{title}: a worker failed\n{value}")
            elif kind == "total":
                progress.total = value
            else:
                progress.advance(value)
    finally:
        progress.clear()
        for worker in workers:
            worker.join(timeout=10 if len(results) == len(workers) else 0)
            if worker.is_alive():
                worker.terminate()
    return [results[number] for number in range(len(workers))]


def _work(
    function: str, number: int, share: Mapping[str, Any], endpoint: str | None, messages: Any
) -> None:
    module, _, name = function.partition(":")

    def run() -> Any:
        # Imported only now: the shop reads its environment when it is imported.
        work = getattr(importlib.import_module(module), name)
        return work(
            ProgressReporter(lambda kind, value: messages.put((number, kind, value))), **share
        )

    def terminate(*_: object) -> None:
        raise SystemExit(1)

    # As an exception, the signal runs the context managers, so the emulator stops too.
    signal.signal(signal.SIGTERM, terminate)
    try:
        if endpoint is None:
            with emulated_aws():
                result = run()
        else:
            configure_environment(endpoint)
            result = run()
        messages.put((number, "result", result))
    except BaseException:  # noqa: BLE001  the parent process waits for a message, whatever happened
        messages.put((number, "failed", traceback.format_exc()))


class ProgressLine:
    """Progress of all workers: one changing line on a terminal, elsewhere a line now and then."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self.total = title, total
        self._done = 0
        self._started = time.monotonic()
        self._printed_at = 0.0

    def advance(self, number: int) -> None:
        """Add finished pieces, and print the progress if it is due."""
        self._done += number
        now = time.monotonic()
        live = sys.stderr.isatty()
        if now - self._printed_at < (LIVE_INTERVAL_SECONDS if live else LOG_INTERVAL_SECONDS):
            return
        self._printed_at = now
        # In a log, a run that ends within the first interval leaves no line at all.
        if not live and now - self._started < LOG_INTERVAL_SECONDS:
            return
        per_piece = (now - self._started) / max(self._done, 1)
        remaining = per_piece * max(self.total - self._done, 0)
        text = f"  {self._title}: {self._done:,} of {self.total:,}, {remaining:.0f} s remaining"
        line = f"\r{text:<{LINE_WIDTH}}" if live else text
        print(line, end="" if live else "\n", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line from the terminal."""
        if sys.stderr.isatty():
            print("\r" + " " * LINE_WIDTH + "\r", end="", file=sys.stderr, flush=True)
