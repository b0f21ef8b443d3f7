"""What is left of limited things, and how orders count it, in DynamoDB."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from shop.inventory.model import USES, Demand, Hold, StockLevel
from shop.inventory.ports import Holds
from shop.kernel.counts import Count
from shop.kernel.errors import Conflict
from shop.kernel.transactions import Clash, Crowded, Part
from shop.pricing.model.basket import Basket
from shop.pricing.model.counts import CODE as A_CODE
from shop.pricing.model.counts import CREDIT, SHARED
from shop.pricing.model.coupons import normal
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.rules import Rules, first_order_about
from shop.pricing.model.standing import UNTOUCHED, Standing
from shop.pricing.store.coupons import facts_of
from shop.pricing.store.customers import key_of
from shop.pricing.store.hot import name_of, row_of
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.store.ledgers import key_of as account_key
from shop.pricing.store.rows import CODE, COUNT, HEAD, PricingRow

ROWS_BELIEVED_FOR = 2.0
"""Seconds for which a row that handed its uses over is not read again: all it says is where they
are. In a rush every page and every quote would read it."""
ROWS_REMEMBERED = 1_000


class Levels(Protocol):
    """What is left in bins; ``anew`` where it is about to be relied on."""

    def levels(self, skus: Iterable[str], *, anew: bool = False) -> Mapping[str, StockLevel]: ...


class Bins(Holds[Any], Protocol):
    """Bins of counts, drawn from like stock."""

    def told(self, sku: str, bins: int) -> None:
        """There are so many bins: whoever knows nothing of them yet begins at any."""


class DynamoStandings:
    """See :class:`shop.pricing.ports.Standings`."""

    def __init__(self, bins: Levels, clock: Callable[[], float] = time.monotonic) -> None:
        self._bins = bins
        self._clock = clock
        self._handed_over: dict[str, tuple[float, PricingRow]] = {}

    def standing(
        self, basket: Basket, rules: Rules, who: str | None, *, surely: bool = False
    ) -> Standing:
        codes = tuple(dict.fromkeys(code for c in basket.codes if (code := normal(c))))
        keys = [(f"CODE#{code}", CODE) for code in codes]
        quotas: dict[str, int] = {}
        limited: list[str] = []
        for candidate, _ in rules.plan.touching(basket.lines) if rules.promotions else ():
            effect = candidate.effect
            if not isinstance(effect, FlashSale):
                continue
            if effect.quota is not None:
                quotas[candidate.id] = effect.quota
                keys.append((f"QUOTA#{candidate.id}", COUNT))
            if effect.per_customer is not None and who is not None:
                limited.append(candidate.id)
                keys.append((f"HAD#{candidate.id}#{who}", COUNT))
        asked = basket.customer.id if basket.customer is not None else None
        if asked is not None and rules.asks_for_groups:
            keys.append((key_of(asked), HEAD))
        if who is not None and first_order_about(basket, rules):
            keys.append((f"FIRST#{who}", COUNT))
        if not keys:
            return UNTOUCHED
        rows = self._rows(keys, surely)
        in_bins = self._in_bins(rows, surely)
        found = {code: rows[f"CODE#{code}"] for code in codes if f"CODE#{code}" in rows}
        known = rows[key_of(asked)].doc if asked and key_of(asked) in rows else {}
        return Standing(
            groups=tuple(known.get("groups", ())),
            segments=tuple(known.get("segments", ())),
            orders_before=_used(rows.get(f"FIRST#{who}")) or None,
            codes=facts_of(found, who, surely, in_bins) if found else {},
            quota_left={
                id_: max(0, in_bins.get(f"QUOTA#{id_}", quota - _used(rows.get(f"QUOTA#{id_}"))))
                for id_, quota in quotas.items()
            },
            quota_bins={
                id_: int(rows[f"QUOTA#{id_}"].bins) for id_ in quotas if f"QUOTA#{id_}" in in_bins
            },
            customer_had={id_: _used(rows.get(f"HAD#{id_}#{who}")) for id_ in limited},
        )

    def _rows(self, keys: Sequence[tuple[str, str]], surely: bool) -> dict[str, PricingRow]:
        now = self._clock()
        known = {
            pk: self._handed_over[pk][1]
            for pk, _ in keys
            if pk in self._handed_over and now - self._handed_over[pk][0] < ROWS_BELIEVED_FOR
        }
        missing = [key for key in keys if key[0] not in known]
        for row in PricingRow.batch_get(missing, surely) if missing else ():
            known[row.pk] = row
            if row.bins:
                self._handed_over.pop(row.pk, None)
                self._handed_over[row.pk] = (now, row)
        while len(self._handed_over) > ROWS_REMEMBERED:
            del self._handed_over[next(iter(self._handed_over))]
        return known

    def _in_bins(self, rows: Mapping[str, PricingRow], surely: bool) -> Mapping[str, int]:
        articles = [pk for pk, row in rows.items() if row.bins]
        if not articles:
            return {}
        levels = self._bins.levels(articles, anew=surely)
        return {article: level.available for article, level in levels.items()}


class DynamoTallies:
    """See :class:`shop.pricing.ports.Tallies`.

    A count that was handed over to ``bins`` is taken there, each unit from the bin it was drawn of.

    Credits are accounts: what is taken of one is decided when it is written, from the account as it
    is then, and holds only if nobody else changes it meanwhile.
    """

    def __init__(
        self, bins: Bins, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bins = bins
        self._handed_over: dict[str, int] = {}
        self._clock = clock
        self._ledgers = DynamoLedgers()

    def _spend(self, writes: Any, count: Count) -> None:
        account, order_id = count.name.split("|")
        before, at = self._ledgers.of(account), self._clock()
        try:
            after = before.spend(f"{order_id}:spend", count.units, at, reference=order_id)
        except Conflict:
            raise Clash(frozenset({_name(count)})) from None
        self._ledgers.posting(before, after)(writes)

    def _return(self, writes: Any, count: Count) -> None:
        account, order_id = count.name.split("|")
        before, at = self._ledgers.of(account), self._clock()
        out = before.spent(order_id)
        if out:
            after = before.give_back(f"{order_id}:void", out, at, reference=order_id)
            self._ledgers.posting(before, after)(writes)

    def draw(self, counts: Sequence[Count]) -> Sequence[Count]:
        drawn: list[Count] = []
        for count in counts:
            bins = self._bins_of(count)
            if not bins:
                drawn.append(count)
                continue
            article = _name(count)
            self._bins.told(article, bins)
            drawn += (
                replace(count, units=hold.quantity, bins=bins, shard=hold.shard)
                for hold in self._bins.draw([Demand(article, count.units)])
            )
        return drawn

    def _bins_of(self, count: Count) -> int:
        """How many bins a count is kept in, as far as is known; 0 for a row."""
        if count.sort not in SHARED:
            return 0
        return self._handed_over.get(_name(count), count.bins)

    def taking(self, counts: Sequence[Count]) -> Part:
        def write(writes: Any) -> None:
            for count in counts:
                if count.sort == CREDIT:
                    self._spend(writes, count)
                    continue
                if count.shard is not None:
                    self._bins.reserve(writes, [_hold(count)])
                    continue
                row, units = row_of(count), count.units
                if count.sort == A_CODE:
                    taken = [PricingRow.left.add(-units), PricingRow.used.add(units)]
                    writes.update(row, taken, PricingRow.left >= units)
                    continue
                limit = 0 if count.limit is None else count.limit
                room = PricingRow.used <= limit - units
                if units <= limit:
                    room = PricingRow.pk.does_not_exist() | room
                writes.update(row, [PricingRow.used.add(units)], room)

        return write

    def giving(self, counts: Sequence[Count]) -> Part:
        def write(writes: Any) -> None:
            for count in counts:
                if count.sort == CREDIT:
                    self._return(writes, count)
                    continue
                if count.shard is not None:
                    self._bins.release(writes, [_hold(count)])
                    continue
                row, units = row_of(count), count.units
                back = [PricingRow.used.add(-units)]
                if count.sort == A_CODE:
                    back.append(PricingRow.left.add(units))
                writes.update(row, back, PricingRow.used >= units)

        return write

    def spent(self, clash: Clash | Crowded, counts: Sequence[Count]) -> Sequence[Count]:
        in_bins = [count for count in counts if self._bins_of(count)]
        refused = [count for count in counts if _name(count) in clash.about]
        rows = {_name(c): row_of(c) for c in refused if c.sort in SHARED and c not in in_bins}
        moved = self._moved(list(rows.values()))
        wanted = [Demand(_name(count), count.units) for count in in_bins]
        short = {one.sku for one in self._bins.shortages_after(clash, wanted)} if wanted else set()
        return [
            count
            for count in counts
            if (count in refused and count not in in_bins and _name(count) not in moved)
            or (count in in_bins and _name(count) in short)
        ]

    def _moved(self, rows: Sequence[PricingRow]) -> set[str]:
        """Those of the rows that handed their uses over since they were read."""
        keys = [(row.pk, row.sk) for row in rows]
        for row in PricingRow.batch_get(keys, True) if keys else ():
            if row.bins:
                self._handed_over[row.pk] = int(row.bins)
        while len(self._handed_over) > ROWS_REMEMBERED:
            del self._handed_over[next(iter(self._handed_over))]
        return {pk for pk, _ in keys if pk in self._handed_over}


def _name(count: Count) -> str:
    if count.sort == CREDIT:
        return account_key(count.name.split("|")[0])
    return name_of(count.sort, count.name)


def _hold(count: Count) -> Hold:
    return Hold(_name(count), count.units, USES, count.shard or 0)


def _used(row: PricingRow | None) -> int:
    return 0 if row is None else int(row.used)
