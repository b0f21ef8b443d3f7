"""The shards that hold a stock level, and the choice of shards for a demand.

Most SKUs have one shard per location, number 0. A SKU that sells faster than one database row can
be written has many, and its level is their sum (docs/adr/hot-skus.md). Shard 0 also stores the
fields of the whole level: units set aside, safety stock, the number of shards (``shard_count``)
and how many of them buyers use (``active_shard_count``).

A change of shards is data: differences, and the conditions under which they apply. The table
applies them as a conditional write, its test double as an ``if``; the change is the same.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from shop.inventory.model.movements import MAIN_LOCATION
from shop.inventory.model.stock_level import (
    AlertState,
    BackorderTerms,
    Demand,
    Reservation,
    StockLevel,
)
from shop.kernel.frozen import frozen

INBOUND_SHARD = -1
"""The shard of inbound stock: its units on hand are the limit of the back-order terms."""
ALL_LOCATIONS = "*"
"""The location of a level that is summed over several locations."""
NO_THRESHOLD = -1
UNKNOWN = 1 << 30
"""The assumed units of a shard that has not been read, so that buyers try to reserve there."""
MAX_SHARDS = 512
MAX_SHARDS_PER_DEMAND = 20
"""The shards that one demand may use; a transaction holds 100 items."""
MAX_RANDOM_PICKS = 4
"""Random shards tried before all shards with enough units are listed."""


@frozen
class StockShard:
    """One of the rows that together hold the stock of a SKU at a location.

    ``available`` is derived from the other counts. It is stored because a DynamoDB condition cannot
    subtract.

    The inbound shard (``shard`` :data:`INBOUND_SHARD`) has the limit of its ``terms`` on hand.
    Shard 0 has an ``inbound_shard_count`` of 1 if it exists, else 0.

    Shard 0 at :data:`MAIN_LOCATION` stores the ``parts`` of a kit (units of each SKU). Its
    ``kit_count`` is the number of kits that the SKU is a part of.
    """

    sku: str
    location: str = MAIN_LOCATION
    shard: int = 0
    on_hand: int = 0
    reserved: int = 0
    committed: int = 0
    available: int = 0
    version: int = 0
    unavailable_by: Mapping[str, int] = field(default_factory=dict)
    safety: int = 0
    incoming: int = 0
    in_transit: int = 0
    shard_count: int = 1
    active_shard_count: int = 1
    earmarked: int = 0
    inbound_shard_count: int = 0
    low_stock_threshold: int = NO_THRESHOLD
    alert_state: int = 0
    crossings: int = 0
    terms: BackorderTerms | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    kit_count: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether the shard holds no units and no promises."""
        return not (self.on_hand or self.reserved or self.committed or self.available)

    @property
    def is_consistent(self) -> bool:
        """Whether ``available`` equals its formula and no count is too low."""
        withheld = sum(self.unavailable_by.values()) + self.safety + self.earmarked
        promised = self.reserved + self.committed
        return (
            self.available == self.on_hand - promised - withheld
            and min(self.on_hand, self.reserved, self.committed) >= 0
            and self.available >= -self.safety
        )


@frozen
class ShardUpdate:
    """A conditional change of one existing shard.

    - ``deltas``: differences of counts
    - ``minimums``: the lowest value of a count at which the change applies
    - ``expected``: the exact value of a count at which the change applies
    - ``assignments``: new values of fields that are not counts
    - ``requires_no_kit``: whether the change applies only if the SKU is no kit
    """

    sku: str
    location: str
    shard: int
    deltas: Mapping[str, int] = field(default_factory=dict)
    minimums: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, int] = field(default_factory=dict)
    assignments: Mapping[str, Any] = field(default_factory=dict)
    requires_no_kit: bool = False


@frozen
class ShardRemoval:
    """The deletion of an empty shard, if it is unchanged since it was read."""

    shard: StockShard


ShardWrite = StockShard | ShardUpdate | ShardRemoval
"""A new shard (if absent), an update, or a removal."""

ShardWrites = tuple[ShardWrite, ...]
"""The writes of one transaction."""


def combine_shards(
    shards: Sequence[StockShard],
    sku: str = "",
    location: str = MAIN_LOCATION,
    inbound: StockShard | None = None,
) -> StockLevel:
    """Add up the shards of a SKU at a location, shard 0 first, with its inbound shard if any.

    Without shards, return the level of an unknown SKU.
    """
    if not shards:
        return StockLevel(sku, location)
    base = shards[0]
    has_threshold = base.low_stock_threshold != NO_THRESHOLD
    return StockLevel(
        base.sku,
        base.location,
        on_hand=sum(shard.on_hand for shard in shards),
        reserved=sum(shard.reserved for shard in shards),
        committed=sum(shard.committed for shard in shards),
        unavailable_by=base.unavailable_by,
        safety=base.safety,
        incoming=base.incoming,
        in_transit=base.in_transit,
        version=sum(shard.version for shard in shards),
        shard_count=len(shards),
        earmarked=base.earmarked,
        backordered=inbound.reserved + inbound.committed if inbound else 0,
        terms=inbound.terms if inbound else None,
        low_stock_threshold=base.low_stock_threshold if has_threshold else None,
        alert_state=AlertState(base.alert_state),
        crossings=base.crossings,
        parts=base.parts,
    )


def sum_levels(sku: str, levels: Sequence[StockLevel]) -> StockLevel:
    """Add up the levels of a SKU over several locations.

    Thresholds and alerts belong to one location, so the sum has none. Its back-order terms are
    those of the first location that has some.
    """
    if len(levels) == 1:
        return levels[0]
    unavailable: dict[str, int] = {}
    for level in levels:
        for reason, units in level.unavailable_by.items():
            unavailable[reason] = unavailable.get(reason, 0) + units
    with_terms = next((level for level in levels if level.terms), None)
    return StockLevel(
        sku,
        ALL_LOCATIONS if levels else MAIN_LOCATION,
        on_hand=sum(level.on_hand for level in levels),
        reserved=sum(level.reserved for level in levels),
        committed=sum(level.committed for level in levels),
        unavailable_by=unavailable,
        safety=sum(level.safety for level in levels),
        incoming=sum(level.incoming for level in levels),
        in_transit=sum(level.in_transit for level in levels),
        version=sum(level.version for level in levels),
        shard_count=sum(level.shard_count for level in levels) if levels else 1,
        earmarked=sum(level.earmarked for level in levels),
        backordered=with_terms.backordered if with_terms else 0,
        terms=with_terms.terms if with_terms else None,
        parts=next((level.parts for level in levels if level.parts), {}),
    )


def pick_shards(
    demand: Demand, available: Mapping[str, Sequence[int]], chance: random.Random
) -> tuple[Reservation, ...] | None:
    """Choose shards for a demand; ``None`` if they hold too few units.

    ``available`` maps locations, the preferred one first, to the cached units of their shards. One
    shard with enough units is chosen at random, so that buyers spread over the shards. Otherwise
    several shards serve the demand, the fullest first.
    """
    for location, units in available.items():
        # Usually most shards have enough: a few random picks avoid listing hundreds of them.
        for _ in range(MAX_RANDOM_PICKS):
            shard = chance.randrange(len(units))
            if units[shard] >= demand.quantity:
                return (Reservation(demand.sku, demand.quantity, location, shard),)
        sufficient = [n for n, count in enumerate(units) if count >= demand.quantity]
        if sufficient:
            shard = chance.choice(sufficient)
            return (Reservation(demand.sku, demand.quantity, location, shard),)
    return _pick_several_shards(demand, available)


def _pick_several_shards(
    demand: Demand, available: Mapping[str, Sequence[int]]
) -> tuple[Reservation, ...] | None:
    """Split a demand over shards, the fullest of the preferred location first."""
    picked: list[Reservation] = []
    missing = demand.quantity
    for location, units in available.items():
        for shard in sorted(range(len(units)), key=lambda n: -units[n]):
            if units[shard] <= 0 or len(picked) == MAX_SHARDS_PER_DEMAND:
                break
            taken = min(units[shard], missing)
            picked.append(Reservation(demand.sku, taken, location, shard))
            missing -= taken
            if not missing:
                return tuple(picked)
    return None
