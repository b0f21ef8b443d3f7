"""The capacity that traffic peaks need at one instant, derived from published promotions.

The demand of all peaks at an instant is added up, and the provisioned capacity is made equal to it.
A run may therefore be late, repeated or out of order. Start and end of a sale do not switch
capacity on and off: the end of one sale would remove capacity that another sale still needs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from math import ceil

from shop.inventory.model.kits import Kit
from shop.kernel.frozen import frozen
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.promotions import ExpectedLoad, Promotion
from shop.pricing.model.usage import CODE_USES, QUOTA

COOL_DOWN = timedelta(minutes=10)
"""How long capacity remains after a peak: customers still complete checkouts that they began."""
USAGE_FOLLOW_UP = timedelta(days=7)
"""How long after a peak its counters are checked: orders are cancelled within days, and their usage
returns to the unsharded row."""
DEFAULT_ORDERS_PER_SECOND = 200
"""Expected orders per second of a flash sale without a quota or an expected load of its own."""
QUOTA_SELL_SECONDS = 60
"""Seconds in which a quota is expected to sell out."""
MIN_ORDERS_PER_SECOND, MAX_ORDERS_PER_SECOND = 50, 5_000
"""Bounds of the estimate, in orders per second, for a flash sale without an expected load."""
HEADROOM = 1.25
"""Safety factor on estimates: 25 % more capacity costs less than throttling."""


@frozen
class LimitedCounter:
    """A usage counter that all orders of a peak write, with its limit."""

    kind: str
    name: str
    limit: int

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.name}"

    @classmethod
    def from_key(cls, key: str, limit: int) -> "LimitedCounter":
        kind, _, name = key.partition("#")
        return cls(kind, name, limit)


@frozen
class TrafficPeak:
    """The traffic peak of one promotion, from the lead time before its sale to the cool-down."""

    promotion_id: str
    starts_at: datetime
    """When its capacity must be ready: the lead time before the sale."""
    ends_at: datetime
    """When its capacity is no longer needed: the cool-down after the sale."""
    orders_per_second: int
    skus: tuple[str, ...] = ()
    counters: tuple[LimitedCounter, ...] = ()
    units_per_order: Mapping[str, int] = field(default_factory=dict)
    """Units of a SKU that one order takes, where it is a part of a kit; otherwise one."""

    def with_kits_expanded(self, kits: Mapping[str, Kit]) -> "TrafficPeak":
        """Return the peak with kits replaced by their parts, because stock rows are of parts.

        If several kits share a part, the largest number of units counts and not their sum: each SKU
        is prepared for the whole peak anyway.
        """
        units: dict[str, int] = {}
        for sku in self.skus:
            for part, each in (kits[sku].parts if sku in kits else {sku: 1}).items():
                units[part] = max(units.get(part, 0), each)
        return replace(self, skus=tuple(units), units_per_order=units)

    def is_active(self, at: datetime) -> bool:
        """Whether its capacity must be available at this instant."""
        return self.starts_at <= at < self.ends_at


def expected_load(promotion: Promotion) -> ExpectedLoad | None:
    """Return the load that a promotion states, or an estimate for a flash sale, or ``None``."""
    if promotion.capacity is not None:
        return promotion.capacity
    effect = promotion.effect
    if not isinstance(effect, FlashSale):
        return None
    rate = (
        DEFAULT_ORDERS_PER_SECOND
        if effect.quota is None
        else ceil(effect.quota / QUOTA_SELL_SECONDS)
    )
    return ExpectedLoad(min(max(rate, MIN_ORDERS_PER_SECOND), MAX_ORDERS_PER_SECOND))


def traffic_peak_of(
    promotion: Promotion, skus: Sequence[str], codes: Sequence[str] = ()
) -> TrafficPeak | None:
    """Return the traffic peak of a promotion, or ``None`` if it has none.

    ``codes`` are the promotion's discount codes that many customers share up to a limit.
    """
    load = expected_load(promotion)
    if load is None or not promotion.published or promotion.ended_at is not None:
        return None
    window = promotion.conditions.window
    known_starts = [at for at in (window.starts, promotion.published_at) if at is not None]
    if not known_starts:
        return None
    # A promotion without a start time begins when it is published, and one that was published
    # after its start time as well.
    starts = max(known_starts)
    ends = starts + timedelta(minutes=load.duration_minutes)
    if window.ends is not None:
        ends = min(ends, window.ends)
    return TrafficPeak(
        promotion.id,
        starts - timedelta(minutes=load.lead_minutes),
        ends + COOL_DOWN,
        load.orders_per_second,
        load.skus or tuple(skus),
        _limited_counters(promotion, codes),
    )


def _limited_counters(promotion: Promotion, codes: Sequence[str]) -> tuple[LimitedCounter, ...]:
    quota = promotion.effect.quota if isinstance(promotion.effect, FlashSale) else None
    quotas = () if quota is None else (LimitedCounter(QUOTA, promotion.id, quota),)
    # The row of a code knows its own limit.
    return (*quotas, *(LimitedCounter(CODE_USES, code, 0) for code in codes))


@frozen
class WarmThroughput:
    """Capacity units per second that a table or index serves without warming up."""

    reads: int
    writes: int

    def covers(self, other: "WarmThroughput") -> bool:
        return self.reads >= other.reads and self.writes >= other.writes

    def max_with(self, other: "WarmThroughput") -> "WarmThroughput":
        return WarmThroughput(max(self.reads, other.reads), max(self.writes, other.writes))


NEW_TABLE_THROUGHPUT = WarmThroughput(12_000, 4_000)
"""Warm throughput of a new on-demand table. Source: DynamoDB, "Understanding warm throughput"."""
MAX_TABLE_THROUGHPUT = WarmThroughput(40_000, 40_000)
"""Default quota of a table; a stage with a raised quota states its own. Source: DynamoDB, "Service
quotas"."""

UNITS_PER_ORDER: Mapping[str, Mapping[str, WarmThroughput]] = {
    "orders": {
        "": WarmThroughput(4, 10),
        "by_day": WarmThroughput(0, 1),
        "by_owner": WarmThroughput(0, 1),
    },
    "order_index": {"": WarmThroughput(0, 12)},
    "inventory": {"": WarmThroughput(7, 5)},
    "sessions": {"": WarmThroughput(4, 19)},
    "pricing": {"": WarmThroughput(4, 6)},
    "catalog": {"": WarmThroughput(7, 0)},
}
"""Table → index (``""`` is the table itself) → capacity units of one order from cart to
confirmation, rounded up from counted calls; a test compares them. ``pricing`` includes a quota and
a limited code, which most orders do not have, and ``order_index`` has room for long names."""


@frozen(slots=False)
class CapacityDemand:
    """The capacity that is needed at one instant.

    - ``skus``: orders per second of each SKU, times the units that a kit takes.
    - ``counters``: orders per second and limit of each counter.
    - ``functions``: execution environments of each Lambda function.
    - ``tables``: warm throughput of each table and index.
    """

    orders_per_second: int = 0
    skus: Mapping[str, int] = field(default_factory=dict)
    counters: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, WarmThroughput]] = field(default_factory=dict)


def recent_counters(peaks: Iterable[TrafficPeak], at: datetime) -> frozenset[str]:
    """Return the counter keys of peaks that are active, to come or ended recently."""
    recent = (peak for peak in peaks if at < peak.ends_at + USAGE_FOLLOW_UP)
    return frozenset(counter.key for peak in recent for counter in peak.counters)


def capacity_demand(
    peaks: Iterable[TrafficPeak],
    at: datetime,
    environments_per_order: Mapping[str, float],
    max_throughput: WarmThroughput = MAX_TABLE_THROUGHPUT,
) -> CapacityDemand:
    """Return the capacity needed at this instant, summed over the active peaks.

    ``environments_per_order`` is the number of environments of each Lambda function that one order
    per second keeps busy. Each SKU is prepared for its whole peak, because the choice of the
    customers is not known.
    """
    active = [peak for peak in peaks if peak.is_active(at)]
    total = sum(peak.orders_per_second for peak in active)
    if not total:
        return CapacityDemand()
    skus: dict[str, int] = {}
    for peak in active:
        for sku in peak.skus:
            rate = peak.orders_per_second * peak.units_per_order.get(sku, 1)
            skus[sku] = skus.get(sku, 0) + rate
    counters = {
        counter.key: (peak.orders_per_second, counter.limit)
        for peak in active
        for counter in peak.counters
    }
    return CapacityDemand(
        total,
        skus,
        counters,
        {
            function: max(1, ceil(total * environments * HEADROOM))
            for function, environments in environments_per_order.items()
        },
        {
            table: {
                index: _required_throughput(units, total, max_throughput)
                for index, units in indexes.items()
            }
            for table, indexes in UNITS_PER_ORDER.items()
        },
    )


def _required_throughput(
    units: WarmThroughput, orders_per_second: int, maximum: WarmThroughput
) -> WarmThroughput:
    """Return the throughput rounded up to thousands (a partition's share), within the quota."""

    def rounded(units_per_order: int, limit: int) -> int:
        return min(ceil(units_per_order * orders_per_second * HEADROOM / 1000) * 1000, limit)

    return WarmThroughput(
        rounded(units.reads, maximum.reads), rounded(units.writes, maximum.writes)
    ).max_with(NEW_TABLE_THROUGHPUT)


@frozen
class WakeUp:
    """A one-off schedule that runs the reconciliation at an instant."""

    name: str
    at: datetime


def wake_ups(peaks: Iterable[TrafficPeak], at: datetime) -> tuple[WakeUp, ...]:
    """Return the future wake-ups: one before and one after each peak."""
    candidates = [
        WakeUp(f"{when}-{peak.promotion_id}", time)
        for peak in peaks
        for when, time in (("before", peak.starts_at), ("after", peak.ends_at))
    ]
    return tuple(wake_up for wake_up in candidates if wake_up.at > at)


@frozen(slots=False)
class ProvisionedCapacity:
    """The record of the capacity that was provisioned and not removed yet.

    ``in_progress`` names the steps that were about to run when the record was written. A later run
    repeats them, because a crash may have interrupted them anywhere.
    """

    functions: Mapping[str, int] = field(default_factory=dict)
    skus: Mapping[str, int] = field(default_factory=dict)
    """Orders per second that each SKU's shards are prepared for; 0 while they are being merged."""
    counters: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Orders per second that each counter's shards are prepared for, and its limit."""
    tables: Mapping[str, Mapping[str, WarmThroughput]] = field(default_factory=dict)
    """The highest requested warm throughput: it cannot be lowered."""
    wake_ups: Mapping[str, datetime] = field(default_factory=dict)
    in_progress: frozenset[str] = frozenset()
    version: int = 0
