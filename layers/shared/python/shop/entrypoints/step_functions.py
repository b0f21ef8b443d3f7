"""The doorframe of a step of the order workflow, and of its undo.

A step that raises is tried again by Step Functions and, when that does not help, undone. So a
refusal is not an answer here but a failure, told by the name of its class.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shop.entrypoints.http import log
from shop.kernel.frozen import frozen


@frozen(slots=False)
class WorkflowTask:
    """What the workflow says to a step.

    ``token`` is what a waiting step is answered by; ``failure`` is why an undo runs; ``at`` is now.
    """

    order_id: str
    at: datetime
    token: str = ""
    failure: str = ""


class StillPending:
    """An undo finds that it is too early: its step waits once more."""


STILL_PENDING = StillPending()
HandlerFunction = Callable[[WorkflowTask], bool | StillPending | None]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def workflow_task(door: HandlerFunction) -> LambdaHandler:
    """Hang a step in its frame. An undo returns whether the step came to pass after all."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        order_id = str(event["order_id"])
        log.set_correlation_id(order_id)
        failure: Mapping[str, Any] = event.get("failure") or {}
        cause = str(failure.get("Error", ""))
        message = door(
            WorkflowTask(order_id, datetime.now(UTC), str(event.get("token", "")), cause)
        )
        if message is None:
            return {"order_id": order_id}
        again, goes_on = message is STILL_PENDING, message is True
        log.info("undone", extra={"because": cause, "goes_on": goes_on, "again": again})
        return {"order_id": order_id, "goes_on": goes_on, "again": again}

    return handler
