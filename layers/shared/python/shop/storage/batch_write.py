"""Unconditional writes of many items with BatchWriteItem, for items that may be written again."""

import random
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from shop.kernel.errors import Unavailable
from shop.storage.connection import connection

BATCH_WRITE_SIZE = 25
"""Items in one BatchWriteItem."""
MAX_ATTEMPTS = 8
"""Consecutive calls without any progress before the write fails."""
MAX_PAUSE_SECONDS = 2.0
"""Longest pause between two calls while DynamoDB throttles."""


def write_unconditionally(
    table: str, puts: Iterable[dict[str, Any]], deletes: Iterable[dict[str, Any]]
) -> None:
    """Write items and delete keys, 25 at a time, and retry unprocessed ones with jitter.

    No key may occur twice. Raises :class:`Unavailable` if DynamoDB repeatedly accepts none.
    """
    requests: deque[dict[str, Any]] = deque({"PutRequest": {"Item": item}} for item in puts)
    requests.extend({"DeleteRequest": {"Key": key}} for key in deletes)
    client: Any = connection().client
    idle_attempts = 0
    while requests:
        batch = [requests.popleft() for _ in range(min(BATCH_WRITE_SIZE, len(requests)))]
        response = client.batch_write_item(RequestItems={table: batch})
        unprocessed = response.get("UnprocessedItems", {}).get(table, [])
        requests.extend(unprocessed)
        idle_attempts = idle_attempts + 1 if len(unprocessed) == len(batch) else 0
        if idle_attempts == MAX_ATTEMPTS:
            raise Unavailable("High demand. Please try again.", code="contention")
        if unprocessed:
            time.sleep(random.uniform(0, min(0.05 * 2**idle_attempts, MAX_PAUSE_SECONDS)))
