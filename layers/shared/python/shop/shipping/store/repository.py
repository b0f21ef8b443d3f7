"""Where staff keep the shipping table: every edition an item of its own, and which is in force."""

from collections.abc import Sequence
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.shipping.model.table_versions import BUNDLED_VERSION, ShippingTableVersion
from shop.shipping.store.rows import (
    SHIPPING,
    VERSION,
    ShippingRow,
    current_version,
    version_document,
    version_from_row,
    version_key,
)
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ITEM_BYTES = 380 * 1024
"""An item holds 400 KB."""


class DynamoShippingTableRepository:
    """See :class:`shop.shipping.ports.ShippingTableRepository`."""

    def get_current(self) -> ShippingTableVersion:
        return self.get(current_version(consistent=True))

    def get(self, version: int) -> ShippingTableVersion:
        if version == BUNDLED_VERSION.version:
            return BUNDLED_VERSION
        try:
            row = ShippingRow.get(SHIPPING, version_key(version), consistent_read=True)
        except ShippingRow.DoesNotExist:
            raise NotFound(f"there is no version {version} of the shipping table") from None
        return version_from_row(row)

    def list_versions(self, *, cursor: str | None, limit: int) -> Page[ShippingTableVersion]:
        before = _version_in(cursor)
        most = version_key(10**9 - 1 if before is None else before - 1)
        within = ShippingRow.sk.between(version_key(0), most)
        rows = list(
            ShippingRow.query(
                SHIPPING, within, scan_index_forward=False, limit=limit + 1, consistent_read=True
            )
        )
        found = [version_from_row(row) for row in rows[:limit]]
        if len(rows) > limit:
            return Page(tuple(found), to_cursor({"before": found[-1].version}))
        if len(found) < limit and before != 0:
            return Page((*found, BUNDLED_VERSION))
        more = to_cursor({"before": found[-1].version}) if found else None
        return Page(tuple(found), more)

    def save(self, edition: ShippingTableVersion, events: Sequence[Event]) -> ShippingTableVersion:
        doc = version_document(edition)
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict("this table is too large; say less in it", code="too_large")
        before = edition.version - 1
        row = ShippingRow(
            SHIPPING,
            version_key(edition.version),
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
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            raise VersionConflict("somebody else changed the shipping table meanwhile") from None
        return edition


def _version_in(cursor: str | None) -> int | None:
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    if len(key) != 1 or type(before) is not int or not 0 < before < 10**9:
        raise InvalidRequest("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    return before
