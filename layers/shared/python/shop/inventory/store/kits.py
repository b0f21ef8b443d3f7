"""Kits in the inventory table: what one takes stands on its own row at the main location.

There the conditions meet: a SKU with goods does not become a kit while they come, a kit gets no
goods, and no kit becomes a part while it is one, however closely two writers follow.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pynamodb.expressions.update import Action

from shop.inventory.model import MAIN
from shop.inventory.model.bins import Bin
from shop.inventory.model.kits import Kit
from shop.inventory.store.network import DynamoLocations
from shop.inventory.store.rows import BinRow, key, read_bin, write
from shop.kernel.errors import Conflict, Stale
from shop.kernel.transactions import Clash, Part
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger


def no_kits(skus: Iterable[str]) -> Part:
    """A part that fails where one of the SKUs is a kit by now."""

    def add(writes: Any) -> None:
        for sku in sorted(skus):
            single = BinRow.pk.does_not_exist() | BinRow.parts.does_not_exist()
            writes.condition_check(BinRow, *key(sku, MAIN), condition=single)

    return add


class DynamoKits:
    """See :class:`shop.inventory.ports.Kits`."""

    def kit(self, sku: str) -> tuple[Kit | None, int]:
        found = _rows([sku]).get(sku)
        if found is None:
            return None, 0
        return (Kit(sku, found.parts) if found.parts else None), found.version

    def among(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        return {sku: Kit(sku, one.parts) for sku, one in _rows(skus).items() if one.parts}

    def define(self, sku: str, parts: Mapping[str, int], before: Kit | None, version: int) -> int:
        old = before.parts if before else {}
        news = [part for part in parts if part not in old]
        gone = [part for part in old if part not in parts]
        there = _rows([sku, *news])
        if before is None:
            self._refuse(sku, news, there)
        elsewhere = [name for name in DynamoLocations().network().locations if name != MAIN]

        def add(writes: Any) -> None:
            _put(writes, sku, parts, version)
            for name in elsewhere:
                writes.condition_check(BinRow, *key(sku, name), condition=_nothing_there())
            for part in news:
                if part in there:
                    single = BinRow.pk.exists() & BinRow.parts.does_not_exist()
                    writes.update(
                        BinRow(*key(part, MAIN)),
                        actions=[BinRow.kits.set((BinRow.kits | 0) + 1)],
                        condition=single,
                    )
                else:
                    write(writes, (Bin(part, version=1, kits=1),))
            for part in gone:
                writes.update(
                    BinRow(*key(part, MAIN)),
                    actions=[BinRow.kits.set(BinRow.kits - 1)],
                    condition=BinRow.kits >= 1,
                )

        try:
            DynamoLedger(connection()).commit(add)
        except Clash:
            self._explain(sku, news, version)
            raise Stale(f"{sku} or a part of it was changed meanwhile") from None
        return version + 1

    def _explain(self, sku: str, news: Iterable[str], version: int) -> None:
        there = _rows([sku, *news])
        known = there[sku].version if sku in there else 0
        if known != version:
            raise Stale(f"{sku} is at version {known}, not {version}")
        self._refuse(sku, news, there)
        places = DynamoLocations().network().locations
        rows = BinRow.batch_get([key(sku, name) for name in places], consistent_read=True)
        if any(not _empty(read_bin(row)) for row in rows):
            raise _has_stock(sku)

    @staticmethod
    def _refuse(sku: str, news: Iterable[str], there: Mapping[str, Bin]) -> None:
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


def _empty(own: Bin) -> bool:
    coming = own.incoming or own.in_transit or own.awaits
    return not (own.on_hand or own.reserved or own.committed or coming)


def _nothing_there() -> Any:
    zero = (BinRow.on_hand == 0) & (BinRow.reserved == 0) & (BinRow.committed == 0)
    zero &= (BinRow.incoming == 0) & (BinRow.awaits == 0)
    zero &= BinRow.in_transit.does_not_exist() | (BinRow.in_transit == 0)
    return BinRow.pk.does_not_exist() | zero


def _put(writes: Any, sku: str, parts: Mapping[str, int], version: int) -> None:
    if version == 0:
        write(writes, (Bin(sku, version=1, parts=parts),))
        return
    actions: list[Action] = [
        BinRow.version.set(BinRow.version + 1),
        BinRow.parts.set(dict(parts)) if parts else BinRow.parts.remove(),
    ]
    own = (BinRow.version == version) & (BinRow.bins == 1) & _nothing_there()
    free = BinRow.kits.does_not_exist() | (BinRow.kits == 0)
    writes.update(BinRow(*key(sku, MAIN)), actions=actions, condition=own & free)


def _rows(skus: Iterable[str]) -> dict[str, Bin]:
    keys = [key(sku, MAIN) for sku in dict.fromkeys(skus)]
    found = [read_bin(row) for row in BinRow.batch_get(keys, consistent_read=True)]
    return {one.sku: one for one in found}
