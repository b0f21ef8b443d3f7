"""Step Functions in memory: runs the state machine that is deployed, with the doors as its tasks.

It knows of Amazon States Language what the order workflow uses: Task (also with a task token),
Choice, Succeed, Catch and Retry, where a retry is made at once. Time passes when a test says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Function = Callable[[dict[str, Any]], dict[str, Any]]


class Failed(Exception):
    """A task failed, by the name that Step Functions gives its failure."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """One order's run. ``path`` lists the states it entered."""

    state: str | None
    data: dict[str, Any]
    status: str = "RUNNING"
    token: str | None = None
    path: list[str] = field(default_factory=list)


class MemoryWorkflow:
    """See :class:`shop.orders.ports.OrderWorkflow`. ``tasks`` finds a door by its module."""

    def __init__(self, definition: Mapping[str, Any], tasks: Mapping[str, Function]) -> None:
        self._definition = definition
        self._tasks = tasks
        self.runs: dict[str, Execution] = {}
        self._waiting: dict[str, Execution] = {}
        self._tokens = 0

    def start(self, order_id: str) -> None:
        if order_id in self.runs:
            return
        data = {"order_id": order_id}
        run = self.runs[order_id] = Execution(self._definition["StartAt"], data)
        self._go(run)

    def resume(self, token: str, result: dict[str, Any]) -> None:
        run = self._waiting.pop(token, None)
        if run is not None:
            self._over(run)

    def abort(self, token: str, error: str, cause: str) -> None:
        run = self._waiting.pop(token, None)
        if run is not None:
            self._caught(run, Failed(error, cause))

    def deadline(self, order_id: str) -> None:
        """The deadline of the waiting step passes."""
        run = self.runs.get(order_id)
        if run is not None and run.token in self._waiting:
            del self._waiting[run.token]
            self._caught(run, Failed("States.Timeout"))

    def waiting(self, order_id: str) -> str | None:
        """The state that an order's run waits in."""
        run = self.runs.get(order_id)
        return run.state if run is not None and run.token in self._waiting else None

    # One state after the other

    def _go(self, run: Execution) -> None:
        while run.state is not None and run.status == "RUNNING":
            state = self._definition["States"][run.state]
            run.path.append(run.state)
            if state["Type"] == "Succeed":
                run.status = "SUCCEEDED"
            elif state["Type"] == "Choice":
                run.state = self._chosen(state, run.data)
            elif not self._task(run, state):
                return

    def _chosen(self, state: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        for choice in state["Choices"]:
            if _at(data, choice["Variable"]) is choice["BooleanEquals"]:
                return str(choice["Next"])
        return str(state["Default"])

    def _task(self, run: Execution, state: Mapping[str, Any]) -> bool:
        """Do a task. Returns whether the run goes on at once."""
        attempts = 1 + sum(r["MaxAttempts"] for r in state.get("Retry", ()) if r["MaxAttempts"])
        waits = state["Resource"].endswith("waitForTaskToken")
        for left in reversed(range(attempts)):
            self._tokens += 1
            token = f"token-{self._tokens}"
            context = {**run.data, "$token": token}
            payload = {
                name.removesuffix(".$"): _at(context, path.replace("$$.Task.Token", "$.$token"))
                for name, path in state["Parameters"]["Payload"].items()
            }
            if waits:
                run.token = token
                self._waiting[token] = run
            function = state["Parameters"]["FunctionName"]
            try:
                answer = self._tasks[function](payload)
            except Exception as error:  # noqa: BLE001  as Step Functions does
                self._waiting.pop(token, None)
                if left:
                    continue
                self._caught(run, Failed(type(error).__name__, str(error)))
                return False
            if waits:
                return False  # whoever answers the token drives it on
            self._keep(run, state, answer)
            self._next(run, state)
            return True
        raise AssertionError

    def _keep(self, run: Execution, state: Mapping[str, Any], answer: dict[str, Any]) -> None:
        if state.get("ResultPath") is None:
            return
        result: Any = {"Payload": answer}
        if "ResultSelector" in state:
            result = {
                name.removesuffix(".$"): _at(result, path)
                for name, path in state["ResultSelector"].items()
            }
        run.data[state["ResultPath"].removeprefix("$.")] = result

    def _over(self, run: Execution) -> None:
        assert run.state is not None
        self._next(run, self._definition["States"][run.state])
        self._go(run)

    def _next(self, run: Execution, state: Mapping[str, Any]) -> None:
        if state.get("End"):
            run.status = "SUCCEEDED"
        else:
            run.state = state["Next"]

    def _caught(self, run: Execution, failure: Failed) -> None:
        assert run.state is not None
        catch = self._definition["States"][run.state].get("Catch", ())
        if not catch:
            run.status = "FAILED"
            return
        run.data["failure"] = {"Error": failure.error, "Cause": failure.cause}
        run.state = catch[0]["Next"]
        self._go(run)


def _at(data: Mapping[str, Any], path: str) -> Any:
    found: Any = data
    for part in path.removeprefix("$.").split("."):
        found = found[part]
    return found
