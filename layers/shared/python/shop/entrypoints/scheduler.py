"""Adapter for scheduled functions. EventBridge Scheduler may invoke them late, and twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shop.entrypoints.http import LambdaHandler, log

ScheduledFunction = Callable[[datetime], dict[str, Any]]


def scheduled(function: ScheduledFunction) -> LambdaHandler:
    """Decorate a scheduled function: it takes the current time and returns a summary to log."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        summary = function(datetime.now(UTC))
        log.info("done", extra=summary)
        return summary

    return handler
