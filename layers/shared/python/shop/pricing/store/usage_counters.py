"""Usage counters in DynamoDB: how quotes read them, and how orders change them."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from shop.inventory.model import USAGE_LOCATION, Demand, Reservation, StockLevel
from shop.inventory.ports import StockReservations
from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled, WriteOperation
from shop.kernel.usage import CREDIT, UsageReservation
from shop.pricing.model.basket import Basket
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.rule_set import RuleSet, needs_first_order_check
from shop.pricing.model.usage import (
    CODE_USES,
    CUSTOMER_QUOTA,
    FIRST_ORDER,
    QUOTA,
    SHARED_KINDS,
)
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits
from shop.pricing.store.coupons import code_statuses
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.usage_shards import counter_key, counter_row, counter_row_key
from shop.storage.prefetch import ReadSet, get_many, prefetch

if TYPE_CHECKING:  # product pages load this module and need neither
    from shop.credits.ports import CreditAccountRepository
    from shop.customers.model import CustomerSegments

SHARDED_ROW_CACHE_SECONDS = 2.0
"""How long the row of a sharded counter is cached. It only states the number of shards, and in a
traffic peak every page and every quote would read it."""
MAX_CACHED_ROWS = 1_000

RowKey = tuple[str, str]


class CounterLevels(Protocol):
    """The remaining uses in shards."""

    def levels(
        self, skus: Iterable[str], *, bypass_cache: bool = False
    ) -> Mapping[str, StockLevel]: ...


class CounterShards(StockReservations[Any], Protocol):
    """The shards of counters, reserved like stock."""

    def note_shard_count(self, sku: str, shard_count: int, /) -> None:
        """Take the number of shards as a hint for a process without a snapshot."""


@frozen
class _LimitedGoods:
    """The flash sales that target a basket.

    ``quotas`` are units by promotion id; ``customer_limited`` are promotions with a limit per
    customer.
    """

    quotas: Mapping[str, int]
    customer_limited: Sequence[str]

    @classmethod
    def of(cls, basket: Basket, rules: RuleSet, customer_key: str | None) -> "_LimitedGoods":
        quotas: dict[str, int] = {}
        customer_limited: list[str] = []
        candidates = rules.promotion_index.candidates_for(basket.lines) if rules.promotions else ()
        for candidate, _ in candidates:
            effect = candidate.effect
            if not isinstance(effect, FlashSale):
                continue
            if effect.quota is not None:
                quotas[candidate.id] = effect.quota
            if effect.per_customer is not None and customer_key is not None:
                customer_limited.append(candidate.id)
        return cls(quotas, customer_limited)


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
        shards: CounterLevels,
        customers: CustomerSegmentReader | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shards = shards
        self._customers = customers
        self._clock = clock
        self._sharded_rows: dict[str, tuple[float, PricingRow]] = {}

    def limits_for(
        self, basket: Basket, rules: RuleSet, customer_key: str | None, *, consistent: bool = False
    ) -> UsageLimits:
        codes = tuple(dict.fromkeys(code for c in basket.codes if (code := normalize_code(c))))
        limited = _LimitedGoods.of(basket, rules, customer_key)
        customer_id = basket.customer.id if basket.customer is not None else None
        if not rules.uses_customer_groups:
            customer_id = None
        keys = [counter_row_key(CODE_USES, code) for code in codes]
        keys += [counter_row_key(QUOTA, id_) for id_ in limited.quotas]
        keys += [
            counter_row_key(CUSTOMER_QUOTA, f"{id_}#{customer_key}")
            for id_ in limited.customer_limited
        ]
        if customer_key is not None and needs_first_order_check(basket, rules):
            keys.append(counter_row_key(FIRST_ORDER, customer_key))
        # Most baskets have neither codes nor limited goods: they read nothing.
        if not keys and customer_id is None:
            return NO_USAGE
        rows, segments = self._rows(keys, customer_id, consistent)
        in_shards = self._remaining_in_shards(rows, consistent)
        code_rows = {
            code: row
            for code in codes
            if (row := rows.get(counter_key(CODE_USES, code))) is not None
        }
        return UsageLimits(
            groups=segments.groups if segments else (),
            segments=segments.segments if segments else (),
            # A row proves an earlier first order. No row proves nothing: the purchase history does.
            previous_orders=_used(rows.get(counter_key(FIRST_ORDER, str(customer_key)))) or None,
            codes=(
                code_statuses(code_rows, customer_key, consistent, in_shards) if code_rows else {}
            ),
            quota_remaining=_quota_remaining(limited.quotas, rows, in_shards),
            quota_shard_counts={
                id_: int(rows[key].shard_count)
                for id_ in limited.quotas
                if (key := counter_key(QUOTA, id_)) in in_shards
            },
            customer_used={
                id_: _used(rows.get(counter_key(CUSTOMER_QUOTA, f"{id_}#{customer_key}")))
                for id_ in limited.customer_limited
            },
        )

    def _rows(
        self, keys: Sequence[RowKey], customer_id: str | None, consistent: bool
    ) -> "tuple[dict[str, PricingRow], CustomerSegments | None]":
        """Read rows by partition key, and the customer's groups, in one call.

        Rows of sharded counters come from the cache.
        """
        now = self._clock()
        rows = {
            pk: self._sharded_rows[pk][1]
            for pk, _ in keys
            if pk in self._sharded_rows
            and now - self._sharded_rows[pk][0] < SHARDED_ROW_CACHE_SECONDS
        }
        missing = [key for key in keys if key[0] not in rows]
        found, segments = self._read(missing, customer_id, consistent)
        for row in found:
            rows[row.pk] = row
            if row.shard_count:
                # Removed and added again, so that the oldest entry stays first.
                self._sharded_rows.pop(row.pk, None)
                self._sharded_rows[row.pk] = (now, row)
        _drop_oldest(self._sharded_rows)
        return rows, segments

    def _read(
        self, keys: Sequence[RowKey], customer_id: str | None, consistent: bool
    ) -> "tuple[Sequence[PricingRow], CustomerSegments | None]":
        if customer_id is None or self._customers is None:
            return (list(PricingRow.batch_get(keys, consistent)) if keys else []), None
        # The groups are in another table; a BatchGetItem takes keys of several tables.
        with prefetch(
            ReadSet(PricingRow, tuple(keys), consistent),
            self._customers.read_set(customer_id, consistent=consistent),
        ):
            found = get_many(PricingRow, keys, consistent=consistent)
            return found, self._customers.get(customer_id, consistent=consistent)

    def _remaining_in_shards(
        self, rows: Mapping[str, PricingRow], consistent: bool
    ) -> Mapping[str, int]:
        articles = [pk for pk, row in rows.items() if row.shard_count]
        if not articles:
            return {}
        levels = self._shards.levels(articles, bypass_cache=consistent)
        return {article: level.available for article, level in levels.items()}


class DynamoUsageCounters:
    """See :class:`shop.pricing.ports.UsageCounters`.

    The uses of a sharded counter are reserved in its shards, each in the shard that was picked.

    Credits are accounts. A spend is decided from the account as it is read during the write, and
    fails if the account changes in between.
    """

    def __init__(
        self,
        shards: CounterShards,
        credit_accounts: "CreditAccountRepository",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._shards = shards
        self._shard_counts: dict[str, int] = {}
        self._clock = clock
        self._credit_accounts = credit_accounts

    def pick_shards(self, counts: Sequence[UsageReservation]) -> Sequence[UsageReservation]:
        picked: list[UsageReservation] = []
        for count in counts:
            shard_count = self._shard_count(count)
            if not shard_count:
                picked.append(count)
                continue
            article = _condition_key(count)
            self._shards.note_shard_count(article, shard_count)
            picked += (
                replace(
                    count,
                    units=reservation.quantity,
                    shards=shard_count,
                    shard=reservation.shard,
                )
                for reservation in self._shards.pick_shards([Demand(article, count.units)])
            )
        return picked

    def _shard_count(self, count: UsageReservation) -> int:
        """Return the number of shards of a counter as far as known; 0 for a row."""
        if count.kind not in SHARED_KINDS:
            return 0
        return self._shard_counts.get(_condition_key(count), count.shards)

    def consume(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        def write(writes: Any) -> None:
            for count in counts:
                if count.kind == CREDIT:
                    self._spend_credit(writes, count)
                elif count.shard is not None:
                    self._shards.reserve(writes, [_reservation(count)])
                else:
                    _consume_in_row(writes, count)

        return write

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        def write(writes: Any) -> None:
            for count in counts:
                if count.kind == CREDIT:
                    self._reverse_credit(writes, count)
                elif count.shard is not None:
                    # A released use returns to the shard that it came from (§14.4).
                    self._shards.release(writes, [_reservation(count)])
                else:
                    _release_in_row(writes, count)

        return write

    def _spend_credit(self, writes: Any, count: UsageReservation) -> None:
        account, order_id = count.name.split("|")
        before, at = self._credit_accounts.get(account), self._clock()
        try:
            after = before.spend(f"{order_id}:spend", count.units, at, reference=order_id)
        except Conflict:
            # An insufficient credit counts as an exhausted counter: callers handle both alike.
            raise ConditionFailed(frozenset({self._failed_key(count)})) from None
        self._credit_accounts.append_op(before, after)(writes)

    def _reverse_credit(self, writes: Any, count: UsageReservation) -> None:
        account, order_id = count.name.split("|")
        before, at = self._credit_accounts.get(account), self._clock()
        # Refunds may have reversed a part already: only the rest returns.
        spent = before.spent_total(order_id)
        if spent:
            after = before.reverse_spend(f"{order_id}:void", spent, at, reference=order_id)
            self._credit_accounts.append_op(before, after)(writes)

    def exhausted(
        self, error: ConditionFailed | PartitionThrottled, counts: Sequence[UsageReservation]
    ) -> Sequence[UsageReservation]:
        sharded = [count for count in counts if self._shard_count(count)]
        failed_rows = [
            count
            for count in counts
            if self._failed_key(count) in error.keys and count not in sharded
        ]
        # A row that failed may be empty because its uses were moved to shards a moment ago. Then
        # it is not exhausted: the caller picks shards.
        moved = self._find_moved(
            {_condition_key(c): counter_row(c) for c in failed_rows if c.kind in SHARED_KINDS}
        )
        demands = [Demand(_condition_key(count), count.units) for count in sharded]
        short = (
            {shortage.sku for shortage in self._shards.shortages_from(error, demands)}
            if demands
            else set()
        )
        return [
            count
            for count in counts
            if (count in failed_rows and self._failed_key(count) not in moved)
            or (count in sharded and _condition_key(count) in short)
        ]

    def _failed_key(self, count: UsageReservation) -> str:
        """Return the key under which a failed condition reports this counter."""
        if count.kind == CREDIT:
            return self._credit_accounts.condition_key(count.name.split("|")[0])
        return _condition_key(count)

    def _find_moved(self, rows: Mapping[str, PricingRow]) -> set[str]:
        """Return the keys of rows whose uses have moved to shards.

        Their numbers of shards are cached for the next order.
        """
        keys = [(row.pk, row.sk) for row in rows.values()]
        for row in PricingRow.batch_get(keys, True) if keys else ():
            if row.shard_count:
                self._shard_counts[row.pk] = int(row.shard_count)
        _drop_oldest(self._shard_counts)
        return {pk for pk in rows if pk in self._shard_counts}


def _consume_in_row(writes: Any, count: UsageReservation) -> None:
    row, units = counter_row(count), count.units
    # A code's row knows its own limit and counts down.
    if count.kind == CODE_USES:
        actions = [PricingRow.remaining.add(-units), PricingRow.used.add(units)]
        writes.update(row, actions, PricingRow.remaining >= units)
        return
    # Other rows count up to the limit that the order brings, and begin with the first use.
    limit = 0 if count.limit is None else count.limit
    within_limit = PricingRow.used <= limit - units
    if units <= limit:
        within_limit = PricingRow.pk.does_not_exist() | within_limit
    writes.update(row, [PricingRow.used.add(units)], within_limit)


def _release_in_row(writes: Any, count: UsageReservation) -> None:
    row, units = counter_row(count), count.units
    actions = [PricingRow.used.add(-units)]
    if count.kind == CODE_USES:
        actions.append(PricingRow.remaining.add(units))
    # The condition rejects a release without a matching use, which would create uses.
    writes.update(row, actions, PricingRow.used >= units)


def _quota_remaining(
    quotas: Mapping[str, int], rows: Mapping[str, PricingRow], in_shards: Mapping[str, int]
) -> dict[str, int]:
    remaining = {}
    for id_, quota in quotas.items():
        key = counter_key(QUOTA, id_)
        remaining[id_] = max(0, in_shards.get(key, quota - _used(rows.get(key))))
    return remaining


def _drop_oldest(cache: dict[str, Any]) -> None:
    while len(cache) > MAX_CACHED_ROWS:
        del cache[next(iter(cache))]


def _condition_key(count: UsageReservation) -> str:
    return counter_key(count.kind, count.name)


def _reservation(count: UsageReservation) -> Reservation:
    return Reservation(_condition_key(count), count.units, USAGE_LOCATION, count.shard or 0)


def _used(row: PricingRow | None) -> int:
    return 0 if row is None else int(row.used)
