"""What is left of limited things, and how orders count it, in DynamoDB."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from shop.inventory.model import USAGE_LOCATION, Demand, Reservation, StockLevel
from shop.inventory.ports import StockReservations
from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled, WriteOperation
from shop.kernel.usage import CREDIT, UsageReservation
from shop.pricing.model.basket import Basket
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.rule_set import RuleSet, needs_first_order_check
from shop.pricing.model.usage import CODE_USES as A_CODE
from shop.pricing.model.usage import SHARED_KINDS
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits
from shop.pricing.store.coupons import code_facts
from shop.pricing.store.rows import CODE, COUNT, PricingRow
from shop.pricing.store.usage_shards import counter_key, counter_row
from shop.storage.prefetch import ReadSet, get_many, prefetch

if TYPE_CHECKING:  # product pages load this module and need neither
    from shop.credits.ports import CreditAccountRepository
    from shop.customers.model import CustomerSegments

HANDED_OVER_CACHE_SECONDS = 2.0
"""Seconds for which a row that handed its uses over is not read again: all it says is where they
are. In a rush every page and every quote would read it."""
MAX_CACHED_ROWS = 1_000


class CounterLevels(Protocol):
    """What is left in bins; ``anew`` where it is about to be relied on."""

    def levels(
        self, skus: Iterable[str], *, bypass_cache: bool = False
    ) -> Mapping[str, StockLevel]: ...


class CounterShards(StockReservations[Any], Protocol):
    """Bins of counts, drawn from like stock."""

    def note_shard_count(self, sku: str, shard_count: int) -> None:
        """There are so many bins: whoever knows nothing of them yet begins at any."""


class CustomerSegmentReader(Protocol):
    """Groups and segments of a customer, which one call may read together with other rows."""

    def read_set(self, customer_id: str, *, consistent: bool = True) -> ReadSet:
        """Return the rows that :meth:`get` reads."""

    def get(self, customer_id: str, *, consistent: bool = True) -> "CustomerSegments":
        """Return groups and segments; none for a customer without any."""


class DynamoUsageLimitReader:
    """See :class:`shop.pricing.ports.UsageLimitReader`.

    ``customers`` is ``None`` where no basket has a customer, as on product pages.
    """

    def __init__(
        self,
        bins: CounterLevels,
        customers: CustomerSegmentReader | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bins = bins
        self._customers = customers
        self._clock = clock
        self._handed_over: dict[str, tuple[float, PricingRow]] = {}

    def limits_for(
        self, basket: Basket, rules: RuleSet, actor: str | None, *, consistent: bool = False
    ) -> UsageLimits:
        codes = tuple(dict.fromkeys(code for c in basket.codes if (code := normalize_code(c))))
        keys = [(f"CODE#{code}", CODE) for code in codes]
        quotas: dict[str, int] = {}
        limited: list[str] = []
        for candidate, _ in rules.plan.candidates_for(basket.lines) if rules.promotions else ():
            effect = candidate.effect
            if not isinstance(effect, FlashSale):
                continue
            if effect.quota is not None:
                quotas[candidate.id] = effect.quota
                keys.append((f"QUOTA#{candidate.id}", COUNT))
            if effect.per_customer is not None and actor is not None:
                limited.append(candidate.id)
                keys.append((f"HAD#{candidate.id}#{actor}", COUNT))
        customer = basket.customer.id if basket.customer and rules.asks_for_groups else None
        if actor is not None and needs_first_order_check(basket, rules):
            keys.append((f"FIRST#{actor}", COUNT))
        if not keys and customer is None:
            return NO_USAGE
        rows, segments = self._rows(keys, customer, consistent)
        in_bins = self._in_bins(rows, consistent)
        found = {code: rows[f"CODE#{code}"] for code in codes if f"CODE#{code}" in rows}
        return UsageLimits(
            groups=segments.groups if segments else (),
            segments=segments.segments if segments else (),
            orders_before=_used(rows.get(f"FIRST#{actor}")) or None,
            codes=code_facts(found, actor, consistent, in_bins) if found else {},
            quota_remaining={
                id_: max(0, in_bins.get(f"QUOTA#{id_}", quota - _used(rows.get(f"QUOTA#{id_}"))))
                for id_, quota in quotas.items()
            },
            quota_bins={
                id_: int(rows[f"QUOTA#{id_}"].shard_count)
                for id_ in quotas
                if f"QUOTA#{id_}" in in_bins
            },
            customer_used={id_: _used(rows.get(f"HAD#{id_}#{actor}")) for id_ in limited},
        )

    def _rows(
        self, keys: Sequence[tuple[str, str]], customer: str | None, consistent: bool
    ) -> "tuple[dict[str, PricingRow], CustomerSegments | None]":
        """Read what is not known, and the customer's groups, in one call."""
        now = self._clock()
        known = {
            pk: self._handed_over[pk][1]
            for pk, _ in keys
            if pk in self._handed_over
            and now - self._handed_over[pk][0] < HANDED_OVER_CACHE_SECONDS
        }
        missing = [key for key in keys if key[0] not in known]
        segments = None
        if customer is not None and self._customers is not None:
            # The groups are in another table; a BatchGetItem takes keys of several tables.
            with prefetch(
                ReadSet(PricingRow, tuple(missing), consistent),
                self._customers.read_set(customer, consistent=consistent),
            ):
                found = get_many(PricingRow, missing, consistent=consistent)
                segments = self._customers.get(customer, consistent=consistent)
        else:
            found = list(PricingRow.batch_get(missing, consistent)) if missing else []
        for row in found:
            known[row.pk] = row
            if row.shard_count:
                self._handed_over.pop(row.pk, None)
                self._handed_over[row.pk] = (now, row)
        while len(self._handed_over) > MAX_CACHED_ROWS:
            del self._handed_over[next(iter(self._handed_over))]
        return known, segments

    def _in_bins(self, rows: Mapping[str, PricingRow], consistent: bool) -> Mapping[str, int]:
        articles = [pk for pk, row in rows.items() if row.shard_count]
        if not articles:
            return {}
        levels = self._bins.levels(articles, bypass_cache=consistent)
        return {article: level.available for article, level in levels.items()}


class DynamoUsageCounters:
    """See :class:`shop.pricing.ports.UsageCounters`.

    A count that was handed over to ``bins`` is taken there, each unit from the bin it was drawn of.

    Credits are accounts: what is taken of one is decided when it is written, from the account as it
    is then, and holds only if nobody else changes it meanwhile.
    """

    def __init__(
        self,
        bins: CounterShards,
        credit_accounts: "CreditAccountRepository",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bins = bins
        self._handed_over: dict[str, int] = {}
        self._clock = clock
        self._credit_accounts = credit_accounts

    def _spend(self, writes: Any, count: UsageReservation) -> None:
        account, order_id = count.name.split("|")
        before, at = self._credit_accounts.get(account), self._clock()
        try:
            after = before.spend(f"{order_id}:spend", count.units, at, reference=order_id)
        except Conflict:
            raise ConditionFailed(frozenset({self._condition_key(count)})) from None
        self._credit_accounts.append_op(before, after)(writes)

    def _return(self, writes: Any, count: UsageReservation) -> None:
        account, order_id = count.name.split("|")
        before, at = self._credit_accounts.get(account), self._clock()
        out = before.spent_total(order_id)
        if out:
            after = before.reverse_spend(f"{order_id}:void", out, at, reference=order_id)
            self._credit_accounts.append_op(before, after)(writes)

    def _condition_key(self, count: UsageReservation) -> str:
        if count.kind == CREDIT:
            return self._credit_accounts.condition_key(count.name.split("|")[0])
        return _name(count)

    def pick_shards(self, counts: Sequence[UsageReservation]) -> Sequence[UsageReservation]:
        drawn: list[UsageReservation] = []
        for count in counts:
            bins = self._bins_of(count)
            if not bins:
                drawn.append(count)
                continue
            article = _name(count)
            self._bins.note_shard_count(article, bins)
            drawn += (
                replace(count, units=hold.quantity, shards=bins, shard=hold.shard)
                for hold in self._bins.pick_shards([Demand(article, count.units)])
            )
        return drawn

    def _bins_of(self, count: UsageReservation) -> int:
        """How many bins a count is kept in, as far as is known; 0 for a row."""
        if count.kind not in SHARED_KINDS:
            return 0
        return self._handed_over.get(_name(count), count.shards)

    def consume(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        def write(writes: Any) -> None:
            for count in counts:
                if count.kind == CREDIT:
                    self._spend(writes, count)
                    continue
                if count.shard is not None:
                    self._bins.reserve(writes, [_hold(count)])
                    continue
                row, units = counter_row(count), count.units
                if count.kind == A_CODE:
                    taken = [PricingRow.remaining.add(-units), PricingRow.used.add(units)]
                    writes.update(row, taken, PricingRow.remaining >= units)
                    continue
                limit = 0 if count.limit is None else count.limit
                room = PricingRow.used <= limit - units
                if units <= limit:
                    room = PricingRow.pk.does_not_exist() | room
                writes.update(row, [PricingRow.used.add(units)], room)

        return write

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        def write(writes: Any) -> None:
            for count in counts:
                if count.kind == CREDIT:
                    self._return(writes, count)
                    continue
                if count.shard is not None:
                    self._bins.release(writes, [_hold(count)])
                    continue
                row, units = counter_row(count), count.units
                back = [PricingRow.used.add(-units)]
                if count.kind == A_CODE:
                    back.append(PricingRow.remaining.add(units))
                writes.update(row, back, PricingRow.used >= units)

        return write

    def exhausted(
        self, clash: ConditionFailed | PartitionThrottled, counts: Sequence[UsageReservation]
    ) -> Sequence[UsageReservation]:
        in_bins = [count for count in counts if self._bins_of(count)]
        refused = [count for count in counts if self._condition_key(count) in clash.keys]
        rows = {
            _name(c): counter_row(c) for c in refused if c.kind in SHARED_KINDS and c not in in_bins
        }
        moved = self._moved(list(rows.values()))
        wanted = [Demand(_name(count), count.units) for count in in_bins]
        short = {one.sku for one in self._bins.shortages_from(clash, wanted)} if wanted else set()
        return [
            count
            for count in counts
            if (
                count in refused
                and count not in in_bins
                and self._condition_key(count) not in moved
            )
            or (count in in_bins and _name(count) in short)
        ]

    def _moved(self, rows: Sequence[PricingRow]) -> set[str]:
        """Those of the rows that handed their uses over since they were read."""
        keys = [(row.pk, row.sk) for row in rows]
        for row in PricingRow.batch_get(keys, True) if keys else ():
            if row.shard_count:
                self._handed_over[row.pk] = int(row.shard_count)
        while len(self._handed_over) > MAX_CACHED_ROWS:
            del self._handed_over[next(iter(self._handed_over))]
        return {pk for pk, _ in keys if pk in self._handed_over}


def _name(count: UsageReservation) -> str:
    return counter_key(count.kind, count.name)


def _hold(count: UsageReservation) -> Reservation:
    return Reservation(_name(count), count.units, USAGE_LOCATION, count.shard or 0)


def _used(row: PricingRow | None) -> int:
    return 0 if row is None else int(row.used)
