"""The order workflow as Step Functions runs it, from the steps and compensations of the manifest.

``infra`` writes the deployed state machine from the same manifest, and the journeys run that.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from functions.manifest import Compensation, Step
from functions.workflows.manifest import FEATURE as WORKFLOW
from tests.kit.faults import Crash, FaultInjector
from tests.kit.shop import Context

STEPS: tuple[Step, ...] = tuple(f for f in WORKFLOW.functions if isinstance(f, Step))
COMPENSATIONS: Mapping[str, Compensation] = {
    f.module: f for f in WORKFLOW.functions if isinstance(f, Compensation)
}
TIMEOUT = "States.Timeout"

Deliver = Callable[[str, Callable[[], Any], FaultInjector], Any]
"""Runs something until it succeeds; ``None`` if it never did."""


def load_handler(module: str) -> Callable[[Mapping[str, Any], Any], Any]:
    """Return the Lambda handler of a module below ``functions``."""
    handler: Callable[[Mapping[str, Any], Any], Any] = importlib.import_module(
        f"functions.{module}"
    ).handler
    return handler


@dataclass
class Execution:
    """The workflow of one order. ``position`` is the index of its step."""

    order_id: str
    position: int = 0
    token: str | None = None
    outcome: str | None = None
    """Outcome sent with the token: the name of an error, empty for success, ``None`` before it."""
    finished: bool = False
    failure: str | None = None
    """Reason for an end that raises an alarm."""

    @property
    def step(self) -> Step:
        return STEPS[self.position]

    @property
    def waits(self) -> bool:
        return not self.finished and self.token is not None and self.outcome is None

    def end(self, failure: str | None = None) -> None:
        self.finished, self.failure = True, failure

    def advance(self) -> None:
        """Enter the next step, or end after the last one."""
        self.token = None
        if self.position + 1 == len(STEPS):
            self.end()
        else:
            self.position += 1


@dataclass
class WorkflowEngine:
    """Runs the executions of all orders. ``retry`` prepares one more attempt of a failed step."""

    deliver: Deliver
    retry: Callable[[], None]
    max_retries: int
    executions: dict[str, Execution] = field(default_factory=dict)
    failed_steps: list[str] = field(default_factory=list)
    """Steps that failed at every attempt."""
    _tokens: Any = field(default_factory=count)

    def call(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer a call of the Step Functions API: status and response."""
        if operation == "StartExecution":
            name = payload["name"]
            if name in self.executions:
                return 400, {"__type": "ExecutionAlreadyExists", "message": name}
            self.executions[name] = Execution(name)
            return 200, {"executionArn": f"arn:{name}", "startDate": 0}
        assert operation in ("SendTaskSuccess", "SendTaskFailure"), operation
        waiting = [
            execution
            for execution in self.executions.values()
            if execution.token == payload["taskToken"] and execution.waits
        ]
        if not waiting:
            return 400, {"__type": "TaskTimedOut", "message": "no step waits for this token"}
        waiting[0].outcome = payload["error"] if operation == "SendTaskFailure" else ""
        return 200, {}

    @property
    def runnable(self) -> list[Execution]:
        return [e for e in self.executions.values() if not (e.finished or e.waits)]

    def run(self, execution: Execution, injector: FaultInjector) -> None:
        """Run an execution until it ends or waits for a token."""
        while not execution.finished and not execution.waits:
            if execution.outcome is None:
                self._start_step(execution, injector)
                continue
            error = execution.outcome
            execution.token = execution.outcome = None
            if error:
                self._compensate(execution, error, injector)
            else:
                execution.advance()

    def _start_step(self, execution: Execution, injector: FaultInjector) -> None:
        step = execution.step
        error = ""
        for attempt in range(1 + self.max_retries):
            if attempt:
                self.retry()
            execution.token = f"token-{next(self._tokens)}" if step.waits_for_token else None
            payload = {"order_id": execution.order_id, "token": execution.token or ""}
            error = _attempt(step.module, payload, injector)
            if execution.outcome is not None:
                return  # the token was answered before the Lambda failed, and that counts
            if not error:
                if not step.waits_for_token:
                    execution.advance()
                return
            execution.token = None
        self.failed_steps.append(f"{step.module}: {error}")
        self._compensate(execution, error, injector)

    def _compensate(self, execution: Execution, error: str, injector: FaultInjector) -> None:
        """Run the compensation of this step and of those before it, but not past a pivot."""
        position = execution.position
        while True:
            step = STEPS[position]
            if step.compensation is None and step.pivot:
                execution.end(error)
                return
            if step.compensation is not None:
                payload = {"order_id": execution.order_id, "failure": {"Error": error, "Cause": ""}}
                handler = load_handler(COMPENSATIONS[step.compensation].module)
                run = partial(handler, payload, Context())
                answer = self.deliver(step.compensation, run, injector)
                if answer is None:
                    execution.end(f"{step.compensation} failed")
                    return
                if answer["succeeded"]:
                    # The step succeeded after all, just before its timeout.
                    execution.position = position
                    execution.advance()
                    return
                if answer["still_pending"]:
                    # Too early: the step waits once more.
                    execution.position = position
                    return
            if step.pivot or position == 0:
                execution.end()
                return
            position -= 1


def _attempt(module: str, payload: Mapping[str, Any], injector: FaultInjector) -> str:
    """Run a step once. Return the name of its error, or nothing."""
    try:
        load_handler(module)(payload, Context())
    except Crash:
        return "Lambda.Unknown"
    except Exception as failure:  # noqa: BLE001  whatever a Lambda raises, the step is retried
        return type(failure).__name__
    finally:
        # The next attempt runs in another process with a working network.
        injector.deliver_late_calls()
        injector.reconnect()
    return ""
