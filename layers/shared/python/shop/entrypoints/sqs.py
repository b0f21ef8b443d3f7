"""The doorframe of a queue's consumer: one message in, done or to be tried again.

Each message stands for itself: one that fails is reported and comes back after the visibility
timeout, until it has failed so often that the queue sets it aside in its dead-letter queue. The
others of the batch are done and do not come back. What trying again cannot mend is refused for
good: logged as an error, counted (``MessagesRefused``, which has an alarm), and done with.
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
from shop.entrypoints.http import log
from shop.entrypoints.request_body import parse_body
from shop.kernel.errors import ShopError
from shop.kernel.frozen import frozen

Body = TypeVar("Body", bound=BaseModel)


@frozen(slots=False)
class QueueMessage(Generic[Body]):
    """One message. ``attempt`` counts its deliveries, from 1; ``at`` is now, UTC."""

    body: Body
    id: str
    attempt: int
    at: datetime


HandlerFunction = Callable[[QueueMessage[Body]], None]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def consumer(
    body: type[Body], *, final: tuple[type[ShopError], ...] = ()
) -> Callable[[HandlerFunction[Body]], LambdaHandler]:
    """Hang a door in its frame. ``body`` is the pydantic class that each message must fit.

    ``final`` are the door's refusals that stay true however often it is asked.
    """

    def hang(door: HandlerFunction[Body]) -> LambdaHandler:
        @log.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            failed = [r["messageId"] for r in event["Records"] if not _done(r, body, door, final)]
            return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

        return handler

    return hang


def _done(
    record: Mapping[str, Any],
    body: type[Body],
    handler: HandlerFunction[Body],
    final: tuple[type[ShopError], ...],
) -> bool:
    log.set_correlation_id(record["messageId"])
    attempt = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    read = None
    try:
        read = parse_body(body, record["body"].encode("utf-8", "surrogatepass"))
        message = cast(Body, read)
        handler(QueueMessage(message, record["messageId"], attempt, datetime.now(UTC)))
    except ShopError as refusal:
        if read is not None and isinstance(refusal, final):
            log.error("refused for good", extra={"code": refusal.code, "why": refusal.detail})
            emit_metrics({"MessagesRefused": 1}, datetime.now(UTC), Stage=os.environ["STAGE"])
            return True
        log.warning(
            "not done", extra={"code": refusal.code, "why": refusal.detail, "attempt": attempt}
        )
        return False
    except Exception as error:
        log.error("not done", extra={"attempt": attempt, **log_fields(error)})
        return False
    return True


def send_message(queue_url: str, message: Mapping[str, Any], *, delay: int = 0) -> None:
    """Put a message on a queue, to be seen after ``delay`` seconds (at most 900)."""
    _queues().send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps(message, ensure_ascii=False, separators=(",", ":")),
        DelaySeconds=delay,
    )


@lru_cache(maxsize=1)
def _queues() -> Any:
    import boto3  # a consumer that sends nothing does without

    return boto3.client("sqs")
