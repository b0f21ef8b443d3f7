"""The doorframe of a reaction: an event of the shop's bus in.

EventBridge may deliver an event twice and in any order; a reaction that raises is tried again and
then set aside in its dead-letter queue. So a door must bear to see an event twice.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shop.entrypoints.http import log
from shop.kernel.frozen import frozen


@frozen(slots=False)
class EventEnvelope:
    """What happened, to what and when; ``now`` is when the door hears of it."""

    id: str
    type: str
    subject: str
    at: datetime
    data: Mapping[str, Any]
    now: datetime


HandlerFunction = Callable[[EventEnvelope], None]
LambdaHandler = Callable[[dict[str, Any], Any], None]


def event_handler(door: HandlerFunction) -> LambdaHandler:
    """Hang a door in its frame."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> None:
        detail = event["detail"]
        log.set_correlation_id(detail["id"])
        door(
            EventEnvelope(
                id=detail["id"],
                type=event["detail-type"],
                subject=detail["subject"],
                at=datetime.fromisoformat(detail["at"]),
                data=detail["data"],
                now=datetime.now(UTC),
            )
        )

    return handler


NAMESPACE = "Doorbuster"


def emit_metrics(numbers: Mapping[str, float], at: datetime, **dimensions: str) -> None:
    """Write metrics in CloudWatch's embedded format: a log line that CloudWatch counts.

    Written by hand, for it is one line and Powertools' Metrics cost a cold start 34 ms. Source:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    line = {
        "_aws": {
            "Timestamp": int(at.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name} for name in numbers],
                }
            ],
        },
        **dimensions,
        **numbers,
    }
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
