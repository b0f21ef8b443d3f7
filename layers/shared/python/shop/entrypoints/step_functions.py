"""Adapters for the tasks of workflows: those of an order, its compensations, and those of jobs.

Step Functions retries a task that raises and finally runs its compensation. A domain error
therefore propagates as a failure; Step Functions gets the name of its class.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shop.entrypoints.http import LambdaHandler, log
from shop.kernel.frozen import frozen


@frozen(slots=False)
class WorkflowTask:
    """The input of a task.

    ``at`` is the current time. ``token`` completes a task that waits for a callback. ``failure`` is
    the error that caused a compensation.
    """

    order_id: str
    at: datetime
    token: str = ""
    failure: str = ""


class StillPending:
    """Result of a compensation that is too early: its task waits again."""


STILL_PENDING = StillPending()
TaskFunction = Callable[[WorkflowTask], bool | StillPending | None]


def workflow_task(function: TaskFunction) -> LambdaHandler:
    """Decorate a task or a compensation.

    A task returns ``None``. A compensation returns whether the task succeeded after all, so that
    the workflow continues, or :data:`STILL_PENDING`.
    """

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        order_id = str(event["order_id"])
        log.set_correlation_id(order_id)
        failure: Mapping[str, Any] = event.get("failure") or {}
        error = str(failure.get("Error", ""))
        result = function(
            WorkflowTask(order_id, datetime.now(UTC), str(event.get("token", "")), error)
        )
        if result is None:
            return {"order_id": order_id}
        outcome = {"succeeded": result is True, "still_pending": result is STILL_PENDING}
        log.info("compensated", extra={"failure": error, **outcome})
        return {"order_id": order_id, **outcome}

    return handler


@frozen(slots=False)
class JobTask:
    """The input of a task in the workflow of a job, such as an import.

    ``at`` is the current time. ``input`` has further values that an earlier task returned.
    """

    job_id: str
    at: datetime
    input: Mapping[str, Any]


JobTaskFunction = Callable[[JobTask], Mapping[str, Any]]


def job_task(function: JobTaskFunction) -> LambdaHandler:
    """Decorate a task of a job's workflow: it returns the values for the tasks after it."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        job_id = str(event["job_id"])
        log.set_correlation_id(job_id)
        output = dict(function(JobTask(job_id, datetime.now(UTC), event)))
        log.info("done", extra={"output": output})
        return output

    return handler
