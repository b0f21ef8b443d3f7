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

from shop.inventory.model import LowStock, StockLevel, Watch
from shop.inventory.model.bins import NO_ALARM, Step, at_version, marking, watching
from shop.inventory.store.rows import BinRow, key, place, write
from shop.kernel.errors import Stale
from shop.kernel.paging import Page, place_in, to_cursor
from shop.kernel.transactions import Clash, Part
from shop.storage import letters
from shop.storage.documents import Events
from shop.storage.table import Row, connection
from shop.storage.transactions import DynamoLedger

WATCHED, LOW = "WATCHED", "LOW"
_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}#.{1,128}")


class WatchedRow(Row):
    """A threshold there is (``WATCHED``/``<location>#<sku>``); its number stands in bin 0."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


class LowRow(Row):
    """A crossing that is not over (``LOW``/``<location>#<sku>``), and its event."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    at = UnicodeAttribute()
    available = NumberAttribute()
    low_at = NumberAttribute()
    crossing = NumberAttribute()
    events = Events()


class StockLetterRow(letters.LetterRow):
    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]


class DynamoStockLetters(letters.DynamoLetters):
    """Letters that speak of a crossing."""

    rows = StockLetterRow
    subject = "TOLD"


class DynamoAlarms:
    """See :class:`shop.inventory.ports.Alarms`."""

    def __init__(self) -> None:
        self._ledger = DynamoLedger(connection())

    def set(self, low_at: int | None, before: StockLevel) -> None:
        row = WatchedRow(WATCHED, _named(before))

        def part(writes: TransactWrite) -> None:
            write(writes, (at_version(watching(before, low_at), before),))
            if low_at is None:
                writes.delete(row)
            else:
                writes.save(row)
            writes.delete(LowRow(LOW, _named(before)))

        if not self._committed(part):
            raise Stale(f"the stock of {before.sku} at {before.location} moved meanwhile")

    def note_low(self, news: LowStock, level: StockLevel) -> bool:
        row = LowRow(
            LOW,
            _named(level),
            at=news.at.isoformat(),
            available=news.available,
            low_at=news.low_at,
            crossing=news.crossing,
            events=(news.event,),
        )

        def part(writes: TransactWrite) -> None:
            write(writes, _marked(level, Watch.CROSSED))
            writes.save(row)

        return self._committed(part)

    def note_fine(self, level: StockLevel) -> bool:
        def part(writes: TransactWrite) -> None:
            write(writes, _marked(level, Watch.FINE))
            writes.delete(LowRow(LOW, _named(level)))

        return self._committed(part)

    def low(self, *, cursor: str | None, limit: int) -> Page[LowStock]:
        after = place_in(cursor, _PLACE)
        beyond = None if after is None else LowRow.sk > after
        rows = list(LowRow.query(LOW, beyond, limit=limit + 1, consistent_read=True))
        more = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(_crossing(row) for row in rows[:limit]), more)

    def watched(self, *, cursor: str | None, limit: int) -> Page[tuple[str, str]]:
        after = place_in(cursor, _PLACE)
        beyond = None if after is None else WatchedRow.sk > after
        rows = list(WatchedRow.query(WATCHED, beyond, limit=limit + 1))
        more = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(_read(row.sk) for row in rows[:limit]), more)

    def armed(self, places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        keys = [key(sku, location) for sku, location in places]
        found = {(row.pk, row.sk) for row in BinRow.batch_get(keys) if row.low_at != NO_ALARM}
        return [one for one in places if key(*one) in found]

    def _committed(self, part: Part) -> bool:
        try:
            self._ledger.commit(part)
        except Clash:
            return False
        return True


def stirred(image: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """The SKU and location that a changed row gives a reason to look at; ``None``: none.

    A level of one bin is in its row: where that says what was noted already, nobody need look. Of a
    split one, any bin may be the one that sold.
    """
    where = place(str(image["PK"])) if image else None
    if image is None or where is None:
        return None
    sku, shard = where
    if shard < 0 or (shard == 0 and int(image.get("low_at", NO_ALARM)) == NO_ALARM):
        return None
    if shard == 0 and int(image.get("bins", 1)) == 1:
        low = int(image["available"]) <= int(image["low_at"])
        if low == (int(image.get("watch", 0)) != Watch.FINE):
            return None
    return sku, str(image["SK"]).removeprefix("LOC#")


def _marked(level: StockLevel, watch: Watch) -> Step:
    return (marking(level, watch),)


def _named(level: StockLevel) -> str:
    return f"{level.location}#{level.sku}"


def _read(name: str) -> tuple[str, str]:
    location, _, sku = name.partition("#")
    return sku, location


def _crossing(row: LowRow) -> LowStock:
    sku, location = _read(row.sk)
    return LowStock(
        sku,
        location,
        int(row.available),
        int(row.low_at),
        int(row.crossing),
        datetime.fromisoformat(row.at),
    )
