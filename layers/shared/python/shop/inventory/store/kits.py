"""Kits in the inventory table: what one takes stands on its own row at the main location.

There the conditions meet: a SKU with goods does not become a kit while they come, a kit gets no
goods, and no kit becomes a part while it is one, however closely two writers follow.
"""

from collections.abc import Iterable, Mapping
from typing import Any

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
    """A part that fails where one of the SKUs is a kit by now."""

    def add(writes: Any) -> None:
        for sku in sorted(skus):
            single = ShardRow.pk.does_not_exist() | ShardRow.parts.does_not_exist()
            writes.condition_check(ShardRow, *shard_key(sku, MAIN_LOCATION), condition=single)

    return add


class DynamoKitRepository:
    """See :class:`shop.inventory.ports.KitRepository`."""

    def get(self, sku: str) -> tuple[Kit | None, int]:
        found = _rows([sku]).get(sku)
        if found is None:
            return None, 0
        return (Kit(sku, found.parts) if found.parts else None), found.version

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        return {sku: Kit(sku, one.parts) for sku, one in _rows(skus).items() if one.parts}

    def save(self, sku: str, parts: Mapping[str, int], before: Kit | None, version: int) -> int:
        old = before.parts if before else {}
        news = [part for part in parts if part not in old]
        gone = [part for part in old if part not in parts]
        rows = _rows([sku, *news])
        if before is None:
            self._refuse(sku, news, rows)
        elsewhere = [
            name for name in DynamoLocationRepository().get().locations if name != MAIN_LOCATION
        ]

        def add(writes: Any) -> None:
            _put(writes, sku, parts, version)
            for name in elsewhere:
                writes.condition_check(ShardRow, *shard_key(sku, name), condition=_nothing_there())
            for part in news:
                if part in rows:
                    single = ShardRow.pk.exists() & ShardRow.parts.does_not_exist()
                    writes.update(
                        ShardRow(*shard_key(part, MAIN_LOCATION)),
                        actions=[ShardRow.kits.set((ShardRow.kits | 0) + 1)],
                        condition=single,
                    )
                else:
                    add_shard_writes(writes, (StockShard(part, version=1, kits=1),))
            for part in gone:
                writes.update(
                    ShardRow(*shard_key(part, MAIN_LOCATION)),
                    actions=[ShardRow.kits.set(ShardRow.kits - 1)],
                    condition=ShardRow.kits >= 1,
                )

        try:
            DynamoUnitOfWork(connection()).commit(add)
        except ConditionFailed:
            self._explain(sku, news, version)
            raise VersionConflict(f"{sku} or a part of it was changed meanwhile") from None
        return version + 1

    def _explain(self, sku: str, news: Iterable[str], version: int) -> None:
        there = _rows([sku, *news])
        known = there[sku].version if sku in there else 0
        if known != version:
            raise VersionConflict(f"{sku} is at version {known}, not {version}")
        self._refuse(sku, news, there)
        places = DynamoLocationRepository().get().locations
        rows = ShardRow.batch_get([shard_key(sku, name) for name in places], consistent_read=True)
        if any(not _empty(shard_from_row(row)) for row in rows):
            raise _has_stock(sku)

    @staticmethod
    def _refuse(sku: str, news: Iterable[str], there: Mapping[str, StockShard]) -> None:
        """Say what stands in the way of a kit, where one of these rows does."""
        own = there.get(sku)
        if own is not None and own.kits:
            raise Conflict(f"{sku} is a part of a kit, and so is none itself", code="sku_is_part")
        if own is not None and not own.parts and not _empty(own):
            raise _has_stock(sku)
        for part in news:
            if part in there and there[part].parts:
                raise Conflict(
                    f"{part} is a kit itself, and so is no part", code="part_is_kit", path="$.parts"
                )


def _has_stock(sku: str) -> Conflict:
    return Conflict(
        f"{sku} has stock of its own, or terms for it; a kit has only that of its parts",
        code="kit_has_stock",
    )


def _empty(own: StockShard) -> bool:
    coming = own.incoming or own.in_transit or own.version_of_terms
    return not (own.on_hand or own.reserved or own.committed or coming)


def _nothing_there() -> Any:
    zero = (ShardRow.on_hand == 0) & (ShardRow.reserved == 0) & (ShardRow.committed == 0)
    zero &= (ShardRow.incoming == 0) & (ShardRow.version_of_terms == 0)
    zero &= ShardRow.in_transit.does_not_exist() | (ShardRow.in_transit == 0)
    return ShardRow.pk.does_not_exist() | zero


def _put(writes: Any, sku: str, parts: Mapping[str, int], version: int) -> None:
    if version == 0:
        add_shard_writes(writes, (StockShard(sku, version=1, parts=parts),))
        return
    actions: list[Action] = [
        ShardRow.version.set(ShardRow.version + 1),
        ShardRow.parts.set(dict(parts)) if parts else ShardRow.parts.remove(),
    ]
    own = (ShardRow.version == version) & (ShardRow.shard_count == 1) & _nothing_there()
    free = ShardRow.kits.does_not_exist() | (ShardRow.kits == 0)
    writes.update(ShardRow(*shard_key(sku, MAIN_LOCATION)), actions=actions, condition=own & free)


def _rows(skus: Iterable[str]) -> dict[str, StockShard]:
    keys = [shard_key(sku, MAIN_LOCATION) for sku in dict.fromkeys(skus)]
    found = [shard_from_row(row) for row in ShardRow.batch_get(keys, consistent_read=True)]
    return {one.sku: one for one in found}
