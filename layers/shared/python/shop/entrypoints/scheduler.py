"""The doorframe of what the clock wakes. It may be woken twice for one moment, and late."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shop.entrypoints.http import log

HandlerFunction = Callable[[datetime], dict[str, Any]]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def scheduled(door: HandlerFunction) -> LambdaHandler:
    """Hang a door in its frame. It is told what time it is and says what it did."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        done = door(datetime.now(UTC))
        log.info("done", extra=done)
        return done

    return handler
