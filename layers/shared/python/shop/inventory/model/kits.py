"""Kits and bundles: sold as one article, taken from stock as their parts.

A kit has no stock of its own, so it can never disagree with that of its parts.
"""

from collections.abc import Callable, Iterable, Mapping

from shop.inventory.model.stock_level import Demand, StockLevel, merge_demands
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen

MAX_KIT_PARTS = 25
"""A kit is defined in one transaction with its parts, those it had before and every location."""


@frozen
class Kit:
    """``parts`` says how many units of each SKU one kit takes. A part is no kit itself."""

    sku: str
    parts: Mapping[str, int]

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidRequest(f"the kit {self.sku} has no parts", path="$.parts")
        if any(units < 1 for units in self.parts.values()):
            raise InvalidRequest(
                f"the kit {self.sku} takes whole units of each part", path="$.parts"
            )
        if self.sku in self.parts:
            raise InvalidRequest(f"the kit {self.sku} cannot be a part of itself", path="$.parts")


def kit_availability(kit: Kit, levels: Mapping[str, StockLevel]) -> int:
    """How many whole kits the parts make: the least of ``floor(part / needed)``."""
    return min(
        max(0, levels[sku].available if sku in levels else 0) // units
        for sku, units in kit.parts.items()
    )


def find_kits(levels: Mapping[str, StockLevel]) -> dict[str, Kit]:
    """Those of the SKUs that are kits."""
    return {sku: Kit(sku, level.parts) for sku, level in levels.items() if level.parts}


def missing_units(
    requested: Iterable[Demand], left: Callable[[str], int], kits: Mapping[str, Kit]
) -> dict[str, int]:
    """Of which SKUs there are fewer than are wanted, and how many there are.

    ``left`` tells the units that there are of a SKU which is no kit. A part that is short makes
    every kit short that takes it, and single units of it; what is told is what the others leave.
    """
    requested_ids = merge_demands(requested)
    taken = {demand.sku: demand.quantity for demand in expand_kits(requested_ids, kits)}
    short = {sku for sku, units in taken.items() if units > left(sku)}
    found = {}
    for demand in requested_ids:
        kit = kits.get(demand.sku)
        parts = kit.parts if kit else {demand.sku: 1}
        if not short.isdisjoint(parts):
            makes = min(
                (left(sku) - (taken[sku] - units * demand.quantity)) // units
                for sku, units in parts.items()
                if sku in short
            )
            found[demand.sku] = max(0, makes)
    return found


def expand_kits(demands: Iterable[Demand], kits: Mapping[str, Kit]) -> tuple[Demand, ...]:
    """What is taken from stock for an order: kits as their parts, added up with single units.

    Raises :class:`Invalid` where a part is a kit itself: its stock would be counted nowhere.
    """
    taken = []
    for demand in demands:
        kit = kits.get(demand.sku)
        if kit is None:
            taken.append(demand)
            continue
        for sku, units in kit.parts.items():
            if sku in kits:
                raise InvalidRequest(f"{sku}, a part of the kit {kit.sku}, is a kit itself")
            taken.append(Demand(sku, units * demand.quantity))
    return merge_demands(taken)
