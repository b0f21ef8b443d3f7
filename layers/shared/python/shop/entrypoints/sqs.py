"""Adapter for SQS consumers: each message succeeds, is retried, or is rejected permanently.

Messages are independent. A failed message is reported and returns after the visibility timeout,
until SQS moves it to the dead-letter queue. The other messages of the batch do not return.

A permanent error cannot be cured by a retry. Its message is logged as an error, counted by the
metric ``MessagesRejected``, which has an alarm, and removed from the queue.
"""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel

from shop.entrypoints.eventbridge import emit_metrics
from shop.entrypoints.fault_mapping import log_fields
from shop.entrypoints.http import LambdaHandler, log
from shop.entrypoints.request_body import parse_body
from shop.kernel.errors import ShopError
from shop.kernel.frozen import frozen

Body = TypeVar("Body", bound=BaseModel)


@frozen(slots=False)
class QueueMessage(Generic[Body]):
    """A message. ``attempt`` counts its deliveries from 1; ``at`` is the current time (UTC)."""

    body: Body
    id: str
    attempt: int
    at: datetime


ConsumerFunction = Callable[[QueueMessage[Body]], None]


def consumer(
    body: type[Body], *, final: tuple[type[ShopError], ...] = ()
) -> Callable[[ConsumerFunction[Body]], LambdaHandler]:
    """Decorate a function that handles one message of a queue.

    ``body`` is the schema of a message. ``final`` are the permanent errors of the function.
    """

    def decorate(function: ConsumerFunction[Body]) -> LambdaHandler:
        @log.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            failed = [
                record["messageId"]
                for record in event["Records"]
                if not _is_done(record, body, function, final)
            ]
            return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

        return handler

    return decorate


def _is_done(
    record: Mapping[str, Any],
    schema: type[Body],
    function: ConsumerFunction[Body],
    final: tuple[type[ShopError], ...],
) -> bool:
    """Handle one message; return whether it can be removed from the queue."""
    log.set_correlation_id(record["messageId"])
    attempt = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    body = None
    try:
        body = parse_body(schema, record["body"].encode("utf-8", "surrogatepass"))
        message = QueueMessage(cast(Body, body), record["messageId"], attempt, datetime.now(UTC))
        function(message)
    except ShopError as error:
        fields = {"code": error.code, "detail": error.detail}
        # Only errors of the function are final: an unreadable message is kept for inspection.
        if body is not None and isinstance(error, final):
            log.error("message rejected permanently", extra=fields)
            emit_metrics({"MessagesRejected": 1}, datetime.now(UTC), Stage=os.environ["STAGE"])
            return True
        log.warning("message failed", extra={**fields, "attempt": attempt})
        return False
    # Any exception: one message must not fail the others of its batch.
    except Exception as error:
        log.error("message failed", extra={"attempt": attempt, **log_fields(error)})
        return False
    return True


def send_message(queue_url: str, message: Mapping[str, Any], *, delay: int = 0) -> None:
    """Send a message that becomes visible after ``delay`` seconds (at most 900)."""
    _queues().send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps(message, ensure_ascii=False, separators=(",", ":")),
        DelaySeconds=delay,
    )


@lru_cache(maxsize=1)
def _queues() -> Any:
    import boto3  # lazy: most consumers send no messages

    return boto3.client("sqs")
