"""What a rush needs: derived from the promotions that are on the calendar, for one instant.

Capacity is never "switched on" and "switched off" by turns, for then the end of one sale would take
away what another still needs. What is needed now is added up over every rush that is near or under
way, and whatever there is is made to be that. So a step may run late, twice or out of order.
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
"""How long capacity stays after a rush: carts are still on their way to being paid."""
USAGE_FOLLOW_UP = timedelta(days=7)
"""How long after a rush it is looked whether uses of before came back to where they were counted
then: orders are called off within days."""
DEFAULT_ORDERS_PER_SECOND = 200
"""Orders a second expected of a flash sale that has no quota and says nothing of its own."""
QUOTA_SELL_SECONDS = 60
"""Seconds: a quota is expected to go in so many."""
LEAST, GREATEST = 50, 5_000
"""Bounds, in orders a second, of what is expected of a flash sale that says nothing."""
HEADROOM = 1.25
"""An estimate is one; a quarter more is cheaper than a throttle."""


@frozen
class LimitedCounter:
    """What a rush uses up besides stock: a count that all its orders meet in, and its limit."""

    kind: str
    name: str
    limit: int

    @property
    def key(self) -> str:
        return f"{self.kind}#{self.name}"

    @classmethod
    def of(cls, key: str, limit: int) -> "LimitedCounter":
        """The count with that key."""
        sort, _, name = key.partition("#")
        return cls(sort, name, limit)


@frozen
class TrafficPeak:
    """One promotion's rush. ``over`` is ``None`` where it is not known yet."""

    promotion_id: str
    begins: datetime
    """When everything has to be ready."""
    over: datetime
    """When nothing of it is needed any more."""
    orders_a_second: int
    skus: tuple[str, ...] = ()
    counts: tuple[LimitedCounter, ...] = ()
    units: Mapping[str, int] = field(default_factory=dict)
    """Of the SKUs, those of which an order takes several: the parts of a kit."""

    def with_kits_expanded(self, kits: Mapping[str, Kit]) -> "TrafficPeak":
        """The rush as the stock meets it: kits are taken as their parts. Of what several sell it
        is what the greediest takes, since each is prepared for the whole rush."""
        units: dict[str, int] = {}
        for sku in self.skus:
            for part, each in (kits[sku].parts if sku in kits else {sku: 1}).items():
                units[part] = max(units.get(part, 0), each)
        return replace(self, skus=tuple(units), units=units)

    def is_active(self, at: datetime) -> bool:
        """Whether its capacity has to be there at this instant."""
        return self.begins <= at < self.over


def expected_load(promotion: Promotion) -> ExpectedLoad | None:
    """What is expected of a promotion: what it says, or what a flash sale is like."""
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
    return ExpectedLoad(min(max(rate, LEAST), GREATEST))


def traffic_peak_of(
    promotion: Promotion, skus: Sequence[str], codes: Sequence[str] = ()
) -> TrafficPeak | None:
    """The rush that a published promotion brings, if it brings one. ``codes`` are those of its
    codes that many use, up to a limit."""
    capacity = expected_load(promotion)
    if capacity is None or not promotion.published or promotion.ended_at is not None:
        return None
    window = promotion.conditions.window
    begun = [at for at in (window.starts, promotion.published_at) if at is not None]
    if not begun:
        return None
    starts = max(begun)
    ends = starts + timedelta(minutes=capacity.duration_minutes)
    if window.ends is not None:
        ends = min(ends, window.ends)
    return TrafficPeak(
        promotion.id,
        starts - timedelta(minutes=capacity.lead_minutes),
        ends + COOL_DOWN,
        capacity.orders_per_second,
        capacity.skus or tuple(skus),
        _counts(promotion, codes),
    )


def _counts(promotion: Promotion, codes: Sequence[str]) -> tuple[LimitedCounter, ...]:
    quota = promotion.effect.quota if isinstance(promotion.effect, FlashSale) else None
    sold = () if quota is None else (LimitedCounter(QUOTA, promotion.id, quota),)
    return (*sold, *(LimitedCounter(CODE_USES, code, 0) for code in codes))


@frozen
class WarmThroughput:
    """Units a second that a table, or an index of it, serves at once."""

    reads: int
    writes: int

    def covers(self, other: "WarmThroughput") -> bool:
        return self.reads >= other.reads and self.writes >= other.writes

    def max_with(self, other: "WarmThroughput") -> "WarmThroughput":
        return WarmThroughput(max(self.reads, other.reads), max(self.writes, other.writes))


NEW_TABLE_THROUGHPUT = WarmThroughput(12_000, 4_000)
"""What a new on-demand table serves at once. Source: DynamoDB, "Understanding warm throughput"."""
MAX_TABLE_THROUGHPUT = WarmThroughput(40_000, 40_000)
"""A table's quota, until AWS raises it: then the stage says so. Source: DynamoDB, "Service
quotas"."""

UNITS_PER_ORDER: Mapping[str, Mapping[str, WarmThroughput]] = {
    "orders": {
        "": WarmThroughput(4, 10),
        "by_day": WarmThroughput(0, 1),
        "by_owner": WarmThroughput(0, 1),
    },
    "inventory": {"": WarmThroughput(6, 5)},
    "sessions": {"": WarmThroughput(4, 19)},
    "pricing": {"": WarmThroughput(4, 6)},
    "catalog": {"": WarmThroughput(6, 0)},
}
"""Table → index (``""``: the table itself) → units that an order costs from cart to confirmed,
rounded up from the counted calls; a test compares. Of ``pricing`` it is what a sale's quota and a
limited code cost, of which most orders have neither."""


@frozen(slots=False)
class CapacityDemand:
    """What has to be there at an instant.

    ``skus`` are orders a second of each SKU, times the units of it that a kit takes; ``counts``
    those of each count with its limit; ``functions`` environments of each Lambda; ``tables`` the
    warmth of each table and index.
    """

    orders_a_second: int = 0
    skus: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    functions: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, WarmThroughput]] = field(default_factory=dict)


def recent_counters(peaks: Iterable[TrafficPeak], at: datetime) -> frozenset[str]:
    """Counts of rushes that are under way or were lately."""
    lately = (rush for rush in peaks if at < rush.over + USAGE_FOLLOW_UP)
    return frozenset(each.key for rush in lately for each in rush.counts)


def capacity_demand(
    peaks: Iterable[TrafficPeak],
    at: datetime,
    busy: Mapping[str, float],
    ceiling: WarmThroughput = MAX_TABLE_THROUGHPUT,
) -> CapacityDemand:
    """What is needed at this instant, added up over the rushes that overlap then.

    ``busy``: environments of each Lambda that an order a second keeps busy; ``ceiling``: what a
    table may be warmed to. Each SKU of a rush is
    prepared for the whole of it: nobody knows which one they will all want.
    """
    now = [rush for rush in peaks if rush.is_active(at)]
    total = sum(rush.orders_a_second for rush in now)
    if not total:
        return CapacityDemand()
    skus: dict[str, int] = {}
    for rush in now:
        for sku in rush.skus:
            rate = rush.orders_a_second * rush.units.get(sku, 1)
            skus[sku] = skus.get(sku, 0) + rate
    counts = {each.key: (rush.orders_a_second, each.limit) for rush in now for each in rush.counts}
    return CapacityDemand(
        total,
        skus,
        counts,
        {name: max(1, ceil(total * each * HEADROOM)) for name, each in busy.items()},
        {
            table: {index: _warmth(units, total, ceiling) for index, units in indexes.items()}
            for table, indexes in UNITS_PER_ORDER.items()
        },
    )


def _warmth(units: WarmThroughput, orders_per_second: int, most: WarmThroughput) -> WarmThroughput:
    """Rounded up to thousands, which is what a partition serves, and to the quota at most."""

    def rounded(each: int, ceiling: int) -> int:
        return min(ceil(each * orders_per_second * HEADROOM / 1000) * 1000, ceiling)

    return WarmThroughput(
        rounded(units.reads, most.reads), rounded(units.writes, most.writes)
    ).max_with(NEW_TABLE_THROUGHPUT)


@frozen
class WakeUp:
    """A one-off schedule: its name, and the instant at which it wakes us."""

    name: str
    at: datetime


def wake_ups(peaks: Iterable[TrafficPeak], at: datetime) -> tuple[WakeUp, ...]:
    """The alarms to be set for what is still to come: one before each rush, one after it."""
    every = [
        WakeUp(f"{which}-{rush.promotion_id}", when)
        for rush in peaks
        for which, when in (("before", rush.begins), ("after", rush.over))
    ]
    return tuple(alarm for alarm in every if alarm.at > at)


@frozen(slots=False)
class ProvisionedCapacity:
    """What was set up by us and not taken back yet: the memory of :mod:`shop.peak.actions.reconcile_capacity`.

    ``unsure`` names what was about to be changed when somebody last wrote this down; who finds it
    there changes it once more, for nobody knows how far the other came.
    """

    functions: Mapping[str, int] = field(default_factory=dict)
    skus: Mapping[str, int] = field(default_factory=dict)
    """SKU → orders a second it is prepared for; 0 while it is being merged."""
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Count → the same, and its limit."""
    tables: Mapping[str, Mapping[str, WarmThroughput]] = field(default_factory=dict)
    """The most that was ever asked for: warm throughput is never given back."""
    wake_ups: Mapping[str, datetime] = field(default_factory=dict)
    in_progress: frozenset[str] = frozenset()
    version: int = 0
