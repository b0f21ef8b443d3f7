"""Low-stock thresholds and open alerts, written together with the shards they belong to.

The row of an open alert carries the event of its crossing. The stream of the table publishes it,
so a crash cannot separate the alert from its event.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.transactions import TransactWrite

from shop.inventory.model import AlertState, LowStockCrossing, StockKey, StockLevel
from shop.inventory.model.shard_writes import (
    expect_version,
    set_alert_state_update,
    set_threshold_update,
)
from shop.inventory.model.shards import NO_THRESHOLD
from shop.inventory.store.movements import page_of
from shop.inventory.store.rows import ShardRow, add_shard_writes, parse_shard_key, shard_key
from shop.kernel.errors import VersionConflict
from shop.kernel.pagination import Page, decode_name_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage import notifications
from shop.storage.connection import Row, connection
from shop.storage.documents import EventsAttribute
from shop.storage.transactions import DynamoUnitOfWork

THRESHOLD_PARTITION, OPEN_ALERT_PARTITION = "THRESHOLD", "OPEN_ALERT"
_SORT_KEY_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}#.{1,128}")


class ThresholdRow(Row):
    """``THRESHOLD``/``<location>#<sku>``: the level has a threshold; its number is in shard 0."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


class OpenAlertRow(Row):
    """``OPEN_ALERT``/``<location>#<sku>``: an open alert with the event of its crossing."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    at = UnicodeAttribute()
    available = NumberAttribute()
    threshold = NumberAttribute()
    crossing = NumberAttribute()
    events = EventsAttribute()


class StockEmailRow(notifications.SentEmailRow):
    """An email about a crossing, in the inventory table."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]


class DynamoStockEmails(notifications.DynamoSentEmails):
    """The emails that were sent about crossings."""

    rows = StockEmailRow
    subject = "ALERT"


class DynamoLowStockAlerts:
    """See :class:`shop.inventory.ports.LowStockAlerts`."""

    def __init__(self) -> None:
        self._uow = DynamoUnitOfWork(connection())

    def set_threshold(self, threshold: int | None, before: StockLevel) -> None:
        row = ThresholdRow(THRESHOLD_PARTITION, _sort_key(before))
        update = expect_version(set_threshold_update(before, threshold), before)

        def add(transaction: TransactWrite) -> None:
            add_shard_writes(transaction, (update,))
            if threshold is None:
                transaction.delete(row)
            else:
                transaction.save(row)
            # A new threshold starts with a closed alert.
            transaction.delete(OpenAlertRow(OPEN_ALERT_PARTITION, _sort_key(before)))

        if not self._try_commit(add):
            raise VersionConflict(
                f"The stock of {before.sku} at {before.location} changed after it was read. "
                "Read it again and repeat the change."
            )

    def open_alert(self, crossing: LowStockCrossing, level: StockLevel) -> bool:
        row = OpenAlertRow(
            OPEN_ALERT_PARTITION,
            _sort_key(level),
            at=crossing.at.isoformat(),
            available=crossing.available,
            threshold=crossing.threshold,
            crossing=crossing.crossing,
            events=(crossing.event,),
        )

        def add(transaction: TransactWrite) -> None:
            add_shard_writes(transaction, (set_alert_state_update(level, AlertState.LOW),))
            transaction.save(row)

        return self._try_commit(add)

    def close_alert(self, level: StockLevel) -> bool:
        def add(transaction: TransactWrite) -> None:
            add_shard_writes(transaction, (set_alert_state_update(level, AlertState.OK),))
            transaction.delete(OpenAlertRow(OPEN_ALERT_PARTITION, _sort_key(level)))

        return self._try_commit(add)

    def list_open(self, *, cursor: str | None, limit: int) -> Page[LowStockCrossing]:
        last_key = decode_name_cursor(cursor, _SORT_KEY_PATTERN)
        following = None if last_key is None else OpenAlertRow.sk > last_key
        rows = OpenAlertRow.query(
            OPEN_ALERT_PARTITION, following, limit=limit + 1, consistent_read=True
        )
        return page_of(list(rows), limit, _crossing_from_row)

    def list_watched(self, *, cursor: str | None, limit: int) -> Page[StockKey]:
        last_key = decode_name_cursor(cursor, _SORT_KEY_PATTERN)
        following = None if last_key is None else ThresholdRow.sk > last_key
        rows = ThresholdRow.query(THRESHOLD_PARTITION, following, limit=limit + 1)
        return page_of(list(rows), limit, lambda row: _stock_key(row.sk))

    def filter_watched(self, keys: Iterable[StockKey]) -> Sequence[StockKey]:
        requested = list(keys)
        row_keys = [shard_key(sku, location) for sku, location in requested]
        watched = {
            (row.pk, row.sk)
            for row in ShardRow.batch_get(row_keys)
            if row.low_stock_threshold != NO_THRESHOLD
        }
        return [key for key in requested if shard_key(*key) in watched]

    def _try_commit(self, write: WriteOperation) -> bool:
        """Commit, or return ``False`` if the level changed after it was read."""
        try:
            self._uow.commit(write)
        except ConditionFailed:
            return False
        return True


def changed_location(image: Mapping[str, Any] | None) -> StockKey | None:
    """Return the SKU and location to check after a row changed; ``None`` if no check is needed.

    The row of an unsharded level contains all data that its alert depends on. A change of any
    shard of a sharded level may cross the threshold.
    """
    sku_and_shard = parse_shard_key(str(image["PK"])) if image else None
    if image is None or sku_and_shard is None:
        return None
    sku, shard = sku_and_shard
    threshold = int(image.get("low_stock_threshold", NO_THRESHOLD))
    if shard < 0 or (shard == 0 and threshold == NO_THRESHOLD):
        # Neither inbound stock nor a level without a threshold can cross one.
        return None
    if shard == 0 and int(image.get("shard_count", 1)) == 1:
        is_low = int(image["available"]) <= threshold
        if is_low == (int(image.get("alert_state", 0)) != AlertState.OK):
            return None
    return sku, str(image["SK"]).removeprefix("LOC#")


def _sort_key(level: StockLevel) -> str:
    return f"{level.location}#{level.sku}"


def _stock_key(sort_key: str) -> StockKey:
    location, _, sku = sort_key.partition("#")
    return sku, location


def _crossing_from_row(row: OpenAlertRow) -> LowStockCrossing:
    sku, location = _stock_key(row.sk)
    return LowStockCrossing(
        sku,
        location,
        int(row.available),
        int(row.threshold),
        int(row.crossing),
        datetime.fromisoformat(row.at),
    )
