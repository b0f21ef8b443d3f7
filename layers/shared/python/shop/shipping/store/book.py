"""Where staff keep the shipping table: every edition an item of its own, and which is in force."""

from collections.abc import Sequence
from typing import Any

from shop.kernel.errors import Conflict, Invalid, NotFound, Stale
from shop.kernel.events import Event
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Clash
from shop.shipping.model.editions import BUNDLED, Edition
from shop.shipping.store.rows import (
    SHIPPING,
    VERSION,
    ShippingRow,
    edition_from,
    edition_key,
    version_in_force,
    written_out,
)
from shop.storage.documents import packed
from shop.storage.transactions import DynamoLedger

MOST_BYTES = 380 * 1024
"""An item holds 400 KB."""


class DynamoShippingBook:
    """See :class:`shop.shipping.ports.ShippingBook`."""

    def now(self) -> Edition:
        return self.of(version_in_force(consistent=True))

    def of(self, version: int) -> Edition:
        if version == BUNDLED.version:
            return BUNDLED
        try:
            row = ShippingRow.get(SHIPPING, edition_key(version), consistent_read=True)
        except ShippingRow.DoesNotExist:
            raise NotFound(f"there is no version {version} of the shipping table") from None
        return edition_from(row)

    def past(self, *, cursor: str | None, limit: int) -> Page[Edition]:
        before = _version_in(cursor)
        most = edition_key(10**9 - 1 if before is None else before - 1)
        within = ShippingRow.sk.between(edition_key(0), most)
        rows = list(
            ShippingRow.query(
                SHIPPING, within, scan_index_forward=False, limit=limit + 1, consistent_read=True
            )
        )
        found = [edition_from(row) for row in rows[:limit]]
        if len(rows) > limit:
            return Page(tuple(found), to_cursor({"before": found[-1].version}))
        if len(found) < limit and before != 0:
            return Page((*found, BUNDLED))
        more = to_cursor({"before": found[-1].version}) if found else None
        return Page(tuple(found), more)

    def save(self, edition: Edition, events: Sequence[Event]) -> Edition:
        doc = written_out(edition)
        if len(packed(doc)) > MOST_BYTES:
            raise Conflict("this table is too large; say less in it", code="too_large")
        before = edition.version - 1
        row = ShippingRow(
            SHIPPING,
            edition_key(edition.version),
            version=edition.version,
            doc=doc,
            events=tuple(events),
        )
        in_force = ShippingRow(SHIPPING, VERSION, version=edition.version)
        unchanged = ShippingRow.version == before if before else ShippingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(row, ShippingRow.pk.does_not_exist())
            writes.save(in_force, unchanged)

        try:
            DynamoLedger().commit(write)
        except Clash:
            raise Stale("somebody else changed the shipping table meanwhile") from None
        return edition


def _version_in(cursor: str | None) -> int | None:
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    if len(key) != 1 or type(before) is not int or not 0 < before < 10**9:
        raise Invalid("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    return before
