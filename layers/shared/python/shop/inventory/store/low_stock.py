"""Thresholds and what crossed them, beside the rows of stock and written with them.

The row of a crossing carries its event: the table's stream takes it out once the crossing is noted,
so nothing can crash between noting and telling.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.transactions import TransactWrite

from shop.inventory.model import AlertState, LowStockCrossing, StockLevel
from shop.inventory.model.shards import (
    NO_THRESHOLD,
    ShardWrites,
    expect_version,
    set_alert_state_update,
    set_threshold_update,
)
from shop.inventory.store.rows import ShardRow, add_shard_writes, parse_shard_key, shard_key
from shop.kernel.errors import VersionConflict
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage import notifications
from shop.storage.connection import Row, connection
from shop.storage.documents import EventsAttribute
from shop.storage.transactions import DynamoUnitOfWork

WATCHED, LOW = "WATCHED", "LOW"
_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}#.{1,128}")


class ThresholdRow(Row):
    """A threshold there is (``WATCHED``/``<location>#<sku>``); its number stands in bin 0."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


class OpenAlertRow(Row):
    """A crossing that is not over (``LOW``/``<location>#<sku>``), and its event."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    at = UnicodeAttribute()
    available = NumberAttribute()
    low_at = NumberAttribute()
    crossing = NumberAttribute()
    events = EventsAttribute()


class StockEmailRow(notifications.SentEmailRow):
    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]


class DynamoStockEmails(notifications.DynamoSentEmails):
    """Letters that speak of a crossing."""

    rows = StockEmailRow
    subject = "TOLD"


class DynamoLowStockAlerts:
    """See :class:`shop.inventory.ports.LowStockAlerts`."""

    def __init__(self) -> None:
        self._ledger = DynamoUnitOfWork(connection())

    def set_threshold(self, low_at: int | None, before: StockLevel) -> None:
        row = ThresholdRow(WATCHED, _named(before))

        def part(writes: TransactWrite) -> None:
            add_shard_writes(
                writes, (expect_version(set_threshold_update(before, low_at), before),)
            )
            if low_at is None:
                writes.delete(row)
            else:
                writes.save(row)
            writes.delete(OpenAlertRow(LOW, _named(before)))

        if not self._committed(part):
            raise VersionConflict(f"the stock of {before.sku} at {before.location} moved meanwhile")

    def open_alert(self, crossing: LowStockCrossing, level: StockLevel) -> bool:
        row = OpenAlertRow(
            LOW,
            _named(level),
            at=crossing.at.isoformat(),
            available=crossing.available,
            low_at=crossing.low_at,
            crossing=crossing.crossing,
            events=(crossing.event,),
        )

        def part(writes: TransactWrite) -> None:
            add_shard_writes(writes, _marked(level, AlertState.LOW))
            writes.save(row)

        return self._committed(part)

    def close_alert(self, level: StockLevel) -> bool:
        def part(writes: TransactWrite) -> None:
            add_shard_writes(writes, _marked(level, AlertState.OK))
            writes.delete(OpenAlertRow(LOW, _named(level)))

        return self._committed(part)

    def list_open(self, *, cursor: str | None, limit: int) -> Page[LowStockCrossing]:
        after = decode_name_cursor(cursor, _PLACE)
        beyond = None if after is None else OpenAlertRow.sk > after
        rows = list(OpenAlertRow.query(LOW, beyond, limit=limit + 1, consistent_read=True))
        more = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(_crossing(row) for row in rows[:limit]), more)

    def list_watched(self, *, cursor: str | None, limit: int) -> Page[tuple[str, str]]:
        after = decode_name_cursor(cursor, _PLACE)
        beyond = None if after is None else ThresholdRow.sk > after
        rows = list(ThresholdRow.query(WATCHED, beyond, limit=limit + 1))
        more = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(_read(row.sk) for row in rows[:limit]), more)

    def with_threshold(self, places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        keys = [shard_key(sku, location) for sku, location in places]
        found = {
            (row.pk, row.sk)
            for row in ShardRow.batch_get(keys)
            if row.low_stock_threshold != NO_THRESHOLD
        }
        return [one for one in places if shard_key(*one) in found]

    def _committed(self, part: WriteOperation) -> bool:
        try:
            self._ledger.commit(part)
        except ConditionFailed:
            return False
        return True


def changed_location(image: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """The SKU and location that a changed row gives a reason to look at; ``None``: none.

    A level of one bin is in its row: where that says what was noted already, nobody need look. Of a
    split one, any bin may be the one that sold.
    """
    path = parse_shard_key(str(image["PK"])) if image else None
    if image is None or path is None:
        return None
    sku, shard = path
    if shard < 0 or (
        shard == 0 and int(image.get("low_stock_threshold", NO_THRESHOLD)) == NO_THRESHOLD
    ):
        return None
    if shard == 0 and int(image.get("shard_count", 1)) == 1:
        low = int(image["available"]) <= int(image["low_stock_threshold"])
        if low == (int(image.get("alert_state", 0)) != AlertState.OK):
            return None
    return sku, str(image["SK"]).removeprefix("LOC#")


def _marked(level: StockLevel, alert_state: AlertState) -> ShardWrites:
    return (set_alert_state_update(level, alert_state),)


def _named(level: StockLevel) -> str:
    return f"{level.location}#{level.sku}"


def _read(name: str) -> tuple[str, str]:
    location, _, sku = name.partition("#")
    return sku, location


def _crossing(row: OpenAlertRow) -> LowStockCrossing:
    sku, location = _read(row.sk)
    return LowStockCrossing(
        sku,
        location,
        int(row.available),
        int(row.low_at),
        int(row.crossing),
        datetime.fromisoformat(row.at),
    )
