"""Stock in memory: what the inventory table does, without one. Runs the ports' own test-suite."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from shop.inventory.model import (
    MAIN,
    Claim,
    Demand,
    Hold,
    Kind,
    Movement,
    Shortage,
    StockLevel,
    add_up,
    merged,
    shortages,
)
from shop.kernel.errors import Stale
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Clash, Part


class MemoryTransaction:
    """All or nothing: checks first, then effects. Stores in memory write their parts into it."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, Callable[[], bool], Callable[[], object]]] = []

    def add(self, name: str, check: Callable[[], bool], effect: Callable[[], object]) -> None:
        """Write ``effect`` to the row called ``name`` if ``check`` holds when it is committed."""
        self._parts.append((name, check, effect))

    def commit(self) -> None:
        failed = frozenset(name for name, check, _ in self._parts if not check())
        if failed:
            raise Clash(failed)
        for _, _, effect in self._parts:
            effect()


class MemoryLedger:
    """Commits parts one transaction after the other, so nobody is ever in the way."""

    _one_at_a_time = threading.RLock()

    def commit(self, *parts: Part) -> None:
        with self._one_at_a_time:
            transaction = MemoryTransaction()
            for part in parts:
                part(transaction)
            transaction.commit()


class MemoryStock:
    """Both ports of the floor: the stock book and the stock side of an order's transaction."""

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self._rows: dict[tuple[str, str], StockLevel] = {
            (sku, MAIN): StockLevel(sku, on_hand=units, version=1)
            for sku, units in (counts or {}).items()
        }
        self._journal: dict[str, list[Movement]] = {}

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        return {sku: self.level(sku) for sku in skus}

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        return self._rows.get((sku, location)) or StockLevel(sku, location)

    def record(self, movement: Movement, before: StockLevel) -> StockLevel:
        now = self.level(before.sku, before.location)
        if now.version != before.version:
            raise Stale(f"the stock of {before.sku} moved meanwhile")
        after = now.after(movement)
        self._rows[before.sku, before.location] = after
        self._journal.setdefault(movement.sku, []).append(movement)
        return after

    def open(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        fresh = frozenset(sku for sku in counts if self.level(sku).version == 0)
        for sku in fresh:
            movement = Movement(sku, Kind.COUNTED, at, actor, reason, on_hand=counts[sku])
            self.record(movement, StockLevel(sku))
        return fresh

    def journal(self, sku: str, *, cursor: str | None = None, limit: int = 50) -> Page[Movement]:
        start = int((from_cursor(cursor) or {"start": 0})["start"])
        newest_first = sorted(self._journal.get(sku, []), key=lambda m: m.at, reverse=True)
        page = newest_first[start : start + limit]
        more = start + limit < len(newest_first)
        return Page(tuple(page), to_cursor({"start": start + limit}) if more else None)

    # The stock side of an order's transaction

    def draw(self, demands: Iterable[Demand]) -> tuple[Hold, ...]:
        return tuple(Hold(d.sku, d.quantity) for d in add_up(demands))

    def reserve(
        self, transaction: MemoryTransaction, wanted: Iterable[Demand | Hold]
    ) -> tuple[Hold, ...]:
        asked = list(wanted)
        drawn = self.draw(one for one in asked if isinstance(one, Demand))
        holds = merged([*drawn, *(one for one in asked if isinstance(one, Hold))])
        for hold in holds:
            transaction.add(
                f"SKU#{hold.sku}",
                self._for_sale(hold),
                self._later(hold, reserved=hold.quantity),
            )
        return holds

    def release(
        self, transaction: MemoryTransaction, holds: Iterable[Hold], claim: Claim = Claim.RESERVED
    ) -> None:
        for hold in merged(holds):
            transaction.add(
                f"SKU#{hold.sku}",
                self._claims(hold, claim),
                self._later(hold, **{claim.value: -hold.quantity}),
            )

    def commit(self, transaction: MemoryTransaction, holds: Iterable[Hold]) -> None:
        for hold in merged(holds):
            transaction.add(
                f"SKU#{hold.sku}",
                self._claims(hold, Claim.RESERVED),
                self._later(hold, reserved=-hold.quantity, committed=hold.quantity),
            )

    def uncommit(self, transaction: MemoryTransaction, holds: Iterable[Hold]) -> None:
        for hold in merged(holds):
            transaction.add(
                f"SKU#{hold.sku}",
                self._claims(hold, Claim.COMMITTED),
                self._later(hold, reserved=hold.quantity, committed=-hold.quantity),
            )

    def ship(
        self,
        transaction: MemoryTransaction,
        holds: Iterable[Hold],
        *,
        order: str,
        actor: str,
        at: datetime,
        claim: Claim = Claim.RESERVED,
    ) -> None:
        for hold in merged(holds):
            gone = {claim.value: -hold.quantity, "on_hand": -hold.quantity, "version": 1}
            transaction.add(f"SKU#{hold.sku}", self._claims(hold, claim), self._later(hold, **gone))
            movement = Movement(
                hold.sku,
                Kind.SHIPPED,
                at,
                actor,
                reference=order,
                location=hold.location,
                shard=hold.shard,
                on_hand=-hold.quantity,
            )
            transaction.add(f"MOVES#{hold.sku}", lambda: True, self._noted(movement))

    def shortages_after(self, error: Exception, demands: Iterable[Demand]) -> tuple[Shortage, ...]:
        wanted = add_up(demands)
        return shortages(wanted, self.levels([d.sku for d in wanted]))

    def _of(self, hold: Hold) -> StockLevel:
        return self.level(hold.sku, hold.location)

    def _for_sale(self, hold: Hold) -> Callable[[], bool]:
        return lambda: self._of(hold).available >= hold.quantity

    def _noted(self, movement: Movement) -> Callable[[], None]:
        return lambda: self._journal.setdefault(movement.sku, []).append(movement)

    def _claims(self, hold: Hold, claim: Claim) -> Callable[[], bool]:
        return lambda: getattr(self._of(hold), claim.value) >= hold.quantity

    def _later(self, hold: Hold, **differences: int) -> Callable[[], None]:
        def effect() -> None:
            level = self._of(hold)
            changed = {name: getattr(level, name) + by for name, by in differences.items()}
            self._rows[hold.sku, hold.location] = replace(level, **changed)

        return effect
