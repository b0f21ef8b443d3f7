"""DynamoDB repository of the shipping table: one item per version, one for the current number."""

from collections.abc import Sequence
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.shipping.model.table_versions import BUNDLED_VERSION, ShippingTableVersion
from shop.shipping.store.rows import (
    CURRENT,
    SHIPPING,
    ShippingRow,
    current_version,
    version_document,
    version_from_row,
    version_key,
)
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ITEM_BYTES = 380 * 1024
"""Bytes of a table; an item of 400 KB at most also holds other attributes and the events."""


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
            raise NotFound(
                f"The shipping table has no version {version}. Use one of its history."
            ) from None
        return version_from_row(row)

    def list_versions(self, *, cursor: str | None, limit: int) -> Page[ShippingTableVersion]:
        before = _version_before(cursor)
        newest = version_key(10**9 - 1 if before is None else before - 1)
        in_range = ShippingRow.sk.between(version_key(0), newest)
        # One row more than requested shows whether another page follows.
        rows = list(
            ShippingRow.query(
                SHIPPING, in_range, scan_index_forward=False, limit=limit + 1, consistent_read=True
            )
        )
        versions = [version_from_row(row) for row in rows[:limit]]
        if len(rows) > limit:
            return Page(tuple(versions), to_cursor({"before": versions[-1].version}))
        if len(versions) < limit and before != 0:
            return Page((*versions, BUNDLED_VERSION))
        # The last page is full, so the bundled table needs another page.
        next_cursor = to_cursor({"before": versions[-1].version}) if versions else None
        return Page(tuple(versions), next_cursor)

    def save(self, new: ShippingTableVersion, events: Sequence[Event]) -> ShippingTableVersion:
        doc = version_document(new)
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict(
                "The table is too large to store. Use fewer zones, methods or bands.",
                code="too_large",
            )
        before = new.version - 1
        row = ShippingRow(
            SHIPPING,
            version_key(new.version),
            version=new.version,
            doc=doc,
            events=tuple(events),
        )
        current = ShippingRow(SHIPPING, CURRENT, version=new.version)
        unchanged = ShippingRow.version == before if before else ShippingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            # Two conditions: a stored version is never overwritten, and only the next version
            # becomes current. Both items change together or not at all.
            writes.save(row, ShippingRow.pk.does_not_exist())
            writes.save(current, unchanged)

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            raise VersionConflict(
                "The shipping table changed after it was read. Read it again and repeat the change."
            ) from None
        return new


def _version_before(cursor: str | None) -> int | None:
    """Return the last version of the previous page. Raises InvalidRequest (``cursor_invalid``)."""
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    # A cursor comes from the client: check its shape and range, and reject true, which is an int.
    if len(key) != 1 or type(before) is not int or not 0 < before < 10**9:
        raise InvalidRequest(
            "The cursor is invalid. Use the cursor of the previous page unchanged.",
            code="cursor_invalid",
            path="cursor",
        )
    return before
