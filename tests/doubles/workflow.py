"""Step Functions in memory. It executes the deployed state machine with handlers as its tasks.

It implements the parts of the Amazon States Language that the order workflow uses: Task (also with
a task token), Choice, Succeed, Catch and Retry. A retry follows at once; a deadline passes only
when a test calls :meth:`MemoryWorkflow.deadline`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Task = Callable[[dict[str, Any]], dict[str, Any]]


class TaskFailure(Exception):
    """A failed task, with the error name that Step Functions reports."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class Execution:
    """The execution of one order. ``path`` lists the states that it entered."""

    state: str | None
    data: dict[str, Any]
    status: str = "RUNNING"
    token: str | None = None
    path: list[str] = field(default_factory=list)


class MemoryWorkflow:
    """See :class:`shop.orders.ports.OrderWorkflow`. ``tasks`` maps modules to handlers."""

    def __init__(self, definition: Mapping[str, Any], tasks: Mapping[str, Task]) -> None:
        self._definition = definition
        self._tasks = tasks
        self.executions: dict[str, Execution] = {}
        self._waiting: dict[str, Execution] = {}
        self._tokens = 0

    def start(self, order_id: str) -> None:
        if order_id in self.executions:
            return
        data = {"order_id": order_id}
        execution = self.executions[order_id] = Execution(self._definition["StartAt"], data)
        self._continue(execution)

    def resume(self, token: str, result: dict[str, Any]) -> None:
        execution = self._waiting.pop(token, None)
        if execution is not None:
            self._finish_waiting(execution)

    def abort(self, token: str, error: str, cause: str) -> None:
        execution = self._waiting.pop(token, None)
        if execution is not None:
            self._catch(execution, TaskFailure(error, cause))

    def deadline(self, order_id: str) -> None:
        """Let the deadline of the waiting step pass."""
        execution = self.executions.get(order_id)
        if execution is not None and execution.token in self._waiting:
            del self._waiting[execution.token]
            self._catch(execution, TaskFailure("States.Timeout"))

    def waiting(self, order_id: str) -> str | None:
        """Return the state in which an order's execution waits."""
        execution = self.executions.get(order_id)
        return (
            execution.state if execution is not None and execution.token in self._waiting else None
        )

    # State transitions

    def _continue(self, execution: Execution) -> None:
        while execution.state is not None and execution.status == "RUNNING":
            state = self._definition["States"][execution.state]
            execution.path.append(execution.state)
            if state["Type"] == "Succeed":
                execution.status = "SUCCEEDED"
            elif state["Type"] == "Choice":
                execution.state = self._choose(state, execution.data)
            elif not self._call_task(execution, state):
                return

    def _choose(self, state: Mapping[str, Any], data: Mapping[str, Any]) -> str:
        for choice in state["Choices"]:
            if _at(data, choice["Variable"]) is choice["BooleanEquals"]:
                return str(choice["Next"])
        return str(state["Default"])

    def _call_task(self, execution: Execution, state: Mapping[str, Any]) -> bool:
        """Call a task. Returns whether the execution continues at once."""
        attempts = 1 + sum(r["MaxAttempts"] for r in state.get("Retry", ()) if r["MaxAttempts"])
        waits = state["Resource"].endswith("waitForTaskToken")
        for attempts_left in reversed(range(attempts)):
            self._tokens += 1
            token = f"token-{self._tokens}"
            context = {**execution.data, "$token": token}
            payload = {
                name.removesuffix(".$"): _at(context, path.replace("$$.Task.Token", "$.$token"))
                for name, path in state["Parameters"]["Payload"].items()
            }
            if waits:
                execution.token = token
                self._waiting[token] = execution
            function = state["Parameters"]["FunctionName"]
            try:
                result = self._tasks[function](payload)
            except Exception as error:  # noqa: BLE001  as Step Functions does
                self._waiting.pop(token, None)
                if attempts_left:
                    continue
                self._catch(execution, TaskFailure(type(error).__name__, str(error)))
                return False
            if waits:
                return False  # the token resumes it
            self._store_result(execution, state, result)
            self._advance(execution, state)
            return True
        raise AssertionError

    def _store_result(
        self, execution: Execution, state: Mapping[str, Any], payload: dict[str, Any]
    ) -> None:
        if state.get("ResultPath") is None:
            return
        result: Any = {"Payload": payload}
        if "ResultSelector" in state:
            result = {
                name.removesuffix(".$"): _at(result, path)
                for name, path in state["ResultSelector"].items()
            }
        execution.data[state["ResultPath"].removeprefix("$.")] = result

    def _finish_waiting(self, execution: Execution) -> None:
        assert execution.state is not None
        self._advance(execution, self._definition["States"][execution.state])
        self._continue(execution)

    def _advance(self, execution: Execution, state: Mapping[str, Any]) -> None:
        if state.get("End"):
            execution.status = "SUCCEEDED"
        else:
            execution.state = state["Next"]

    def _catch(self, execution: Execution, failure: TaskFailure) -> None:
        assert execution.state is not None
        catch = self._definition["States"][execution.state].get("Catch", ())
        if not catch:
            execution.status = "FAILED"
            return
        execution.data["failure"] = {"Error": failure.error, "Cause": failure.cause}
        execution.state = catch[0]["Next"]
        self._continue(execution)


def _at(data: Mapping[str, Any], path: str) -> Any:
    value: Any = data
    for key in path.removeprefix("$.").split("."):
        value = value[key]
    return value
