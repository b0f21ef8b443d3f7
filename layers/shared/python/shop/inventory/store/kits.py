"""Kits in the inventory table: the parts of a kit are in its row at the main location.

All writers put conditions on these rows, so three rules hold for concurrent writes as well: a SKU
with stock cannot become a kit, a kit receives no stock, and a part cannot become a kit.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shop.inventory.model import MAIN_LOCATION
from shop.inventory.model.kits import Kit
from shop.inventory.model.shards import StockShard
from shop.inventory.store.locations import DynamoLocationRepository
from shop.inventory.store.rows import ShardRow, add_shard_writes, shard_from_row, shard_key
from shop.kernel.errors import Conflict, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork


def require_no_kits(skus: Iterable[str]) -> WriteOperation:
    """Return the condition checks that none of the SKUs has become a kit."""

    def add(transaction: Any) -> None:
        for sku in sorted(skus):
            is_no_kit = ShardRow.pk.does_not_exist() | ShardRow.parts.does_not_exist()
            transaction.condition_check(
                ShardRow, *shard_key(sku, MAIN_LOCATION), condition=is_no_kit
            )

    return add


class DynamoKitRepository:
    """See :class:`shop.inventory.ports.KitRepository`."""

    def get(self, sku: str) -> tuple[Kit | None, int]:
        shard = _read_main_shards([sku]).get(sku)
        if shard is None:
            return None, 0
        return (Kit(sku, shard.parts) if shard.parts else None), shard.version

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        return {
            sku: Kit(sku, shard.parts)
            for sku, shard in _read_main_shards(skus).items()
            if shard.parts
        }

    def save(self, sku: str, parts: Mapping[str, int], before: Kit | None, version: int) -> int:
        old_parts = before.parts if before else {}
        added = [part for part in parts if part not in old_parts]
        removed = [part for part in old_parts if part not in parts]
        shards = _read_main_shards([sku, *added])
        if before is None:
            # An early check with a precise message; the conditions below are decisive.
            _raise_if_impossible(sku, added, shards)
        other_locations = [
            name for name in DynamoLocationRepository().get().locations if name != MAIN_LOCATION
        ]

        def add(transaction: Any) -> None:
            _add_parts(transaction, sku, parts, version)
            for location in other_locations:
                transaction.condition_check(
                    ShardRow, *shard_key(sku, location), condition=_has_no_stock()
                )
            for part in added:
                _add_part_reference(transaction, part, exists=part in shards)
            for part in removed:
                transaction.update(
                    ShardRow(*shard_key(part, MAIN_LOCATION)),
                    actions=[ShardRow.kit_count.set(ShardRow.kit_count - 1)],
                    condition=ShardRow.kit_count >= 1,
                )

        try:
            DynamoUnitOfWork(connection()).commit(add)
        except ConditionFailed:
            self._raise_rejection(sku, added, version)
            raise VersionConflict(
                f"The kit {sku} or one of its parts changed after it was read. "
                "Read it again and repeat the change."
            ) from None
        return version + 1

    def _raise_rejection(self, sku: str, added: Iterable[str], version: int) -> None:
        """Raise the error that explains a failed write; return if the rows explain none."""
        shards = _read_main_shards([sku, *added])
        current = shards[sku].version if sku in shards else 0
        if current != version:
            raise VersionConflict(
                f"The kit {sku} is at version {current}, not {version}. "
                "Read it again and repeat the change."
            )
        _raise_if_impossible(sku, added, shards)
        locations = DynamoLocationRepository().get().locations
        keys = [shard_key(sku, location) for location in locations]
        rows = ShardRow.batch_get(keys, consistent_read=True)
        if any(_holds_stock(shard_from_row(row)) for row in rows):
            raise _kit_has_stock(sku)


def _raise_if_impossible(sku: str, added: Iterable[str], shards: Mapping[str, StockShard]) -> None:
    """Raise Conflict if the SKU cannot become a kit of the added parts."""
    own = shards.get(sku)
    if own is not None and own.kit_count:
        raise Conflict(
            f"{sku} is a part of a kit and cannot become a kit. Remove it from that kit first.",
            code="sku_is_part",
        )
    if own is not None and not own.parts and _holds_stock(own):
        raise _kit_has_stock(sku)
    for part in added:
        if part in shards and shards[part].parts:
            raise Conflict(
                f"{part} is a kit and cannot be a part. Send its parts instead.",
                code="part_is_kit",
                path="$.parts",
            )


def _kit_has_stock(sku: str) -> Conflict:
    return Conflict(
        f"{sku} has stock or back-order terms, which a kit cannot have. "
        "Write the stock off and end the terms first.",
        code="kit_has_stock",
    )


def _holds_stock(shard: StockShard) -> bool:
    """Return whether a SKU has units, promises, announcements or back-order terms."""
    has_units = shard.on_hand or shard.reserved or shard.committed
    is_awaiting = shard.incoming or shard.in_transit or shard.inbound_shard_count
    return bool(has_units or is_awaiting)


def _has_no_stock() -> Condition:
    """Return the opposite of :func:`_holds_stock`, as a condition on a row that may be absent."""
    is_zero: Condition = (ShardRow.on_hand == 0) & (ShardRow.reserved == 0)
    is_zero &= (ShardRow.committed == 0) & (ShardRow.incoming == 0)
    is_zero &= ShardRow.inbound_shard_count == 0
    is_zero &= ShardRow.in_transit.does_not_exist() | (ShardRow.in_transit == 0)
    condition: Condition = ShardRow.pk.does_not_exist() | is_zero
    return condition


def _add_parts(transaction: Any, sku: str, parts: Mapping[str, int], version: int) -> None:
    """Write the parts into the row of the kit; without parts it is a kit no longer."""
    if version == 0:
        add_shard_writes(transaction, (StockShard(sku, version=1, parts=parts),))
        return
    actions: list[Action] = [
        ShardRow.version.set(ShardRow.version + 1),
        ShardRow.parts.set(dict(parts)) if parts else ShardRow.parts.remove(),
    ]
    is_unchanged = (ShardRow.version == version) & (ShardRow.shard_count == 1)
    is_no_part = ShardRow.kit_count.does_not_exist() | (ShardRow.kit_count == 0)
    transaction.update(
        ShardRow(*shard_key(sku, MAIN_LOCATION)),
        actions=actions,
        condition=is_unchanged & _has_no_stock() & is_no_part,
    )


def _add_part_reference(transaction: Any, part: str, *, exists: bool) -> None:
    """Count the kit in the row of its part, on condition that the part is not a kit."""
    if not exists:
        add_shard_writes(transaction, (StockShard(part, version=1, kit_count=1),))
        return
    transaction.update(
        ShardRow(*shard_key(part, MAIN_LOCATION)),
        actions=[ShardRow.kit_count.set((ShardRow.kit_count | 0) + 1)],
        condition=ShardRow.pk.exists() & ShardRow.parts.does_not_exist(),
    )


def _read_main_shards(skus: Iterable[str]) -> dict[str, StockShard]:
    """Return shard 0 at the main location by SKU."""
    keys = [shard_key(sku, MAIN_LOCATION) for sku in dict.fromkeys(skus)]
    shards = [shard_from_row(row) for row in ShardRow.batch_get(keys, consistent_read=True)]
    return {shard.sku: shard for shard in shards}
