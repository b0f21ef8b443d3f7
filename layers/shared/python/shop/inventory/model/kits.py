"""Kits: articles that are sold as one and taken from stock as their parts.

A kit has no stock of its own, so its availability always follows from that of its parts.
"""

from collections.abc import Callable, Iterable, Mapping

from shop.inventory.model.stock_level import Demand, StockLevel, merge_demands
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen

MAX_KIT_PARTS = 25
"""One transaction writes the kit, its new and former parts, and checks every other location."""


@frozen
class Kit:
    """A kit and its ``parts``: units of each SKU that one kit takes. A part is never a kit."""

    sku: str
    parts: Mapping[str, int]

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidRequest(
                f"The kit {self.sku} must have at least one part.", code="missing", path="$.parts"
            )
        if any(units < 1 for units in self.parts.values()):
            raise InvalidRequest(
                f"The quantity of each part of the kit {self.sku} must be 1 or more.",
                code="quantity_invalid",
                path="$.parts",
            )
        if self.sku in self.parts:
            raise InvalidRequest(
                f"The kit {self.sku} must consist of other SKUs. Remove {self.sku} from its parts.",
                code="part_is_kit",
                path="$.parts",
            )


def kit_availability(kit: Kit, levels: Mapping[str, StockLevel]) -> int:
    """Return the number of kits that the parts make: the least ``available // needed``."""
    return min(
        max(0, levels[sku].available if sku in levels else 0) // units
        for sku, units in kit.parts.items()
    )


def find_kits(levels: Mapping[str, StockLevel]) -> dict[str, Kit]:
    """Return the SKUs of the levels that are kits."""
    return {sku: Kit(sku, level.parts) for sku, level in levels.items() if level.parts}


def missing_units(
    demands: Iterable[Demand], available: Callable[[str], int], kits: Mapping[str, Kit]
) -> dict[str, int]:
    """Return every demanded SKU that is short, with the units that can be served of it.

    ``available`` returns the units of a SKU that is not a kit. A short part makes every kit short
    that contains it, and single units of it as well. The units of a line are those that remain
    after all other lines are served.
    """
    merged = merge_demands(demands)
    needed = {demand.sku: demand.quantity for demand in expand_kits(merged, kits)}
    short_skus = {sku for sku, units in needed.items() if units > available(sku)}
    servable = {}
    for demand in merged:
        kit = kits.get(demand.sku)
        parts = kit.parts if kit else {demand.sku: 1}
        if not short_skus.isdisjoint(parts):
            # Of each short part, this line may use what the other lines do not need.
            possible = min(
                (available(sku) - (needed[sku] - units * demand.quantity)) // units
                for sku, units in parts.items()
                if sku in short_skus
            )
            servable[demand.sku] = max(0, possible)
    return servable


def expand_kits(demands: Iterable[Demand], kits: Mapping[str, Kit]) -> tuple[Demand, ...]:
    """Replace kits by their parts and add these up with single units of the same SKUs.

    Raises :class:`InvalidRequest` (``part_is_kit``) if a part is a kit, which has no stock.
    """
    expanded = []
    for demand in demands:
        kit = kits.get(demand.sku)
        if kit is None:
            expanded.append(demand)
            continue
        for sku, units in kit.parts.items():
            if sku in kits:
                raise InvalidRequest(
                    f"The part {sku} of the kit {kit.sku} is a kit. Replace it by its own parts.",
                    code="part_is_kit",
                )
            expanded.append(Demand(sku, units * demand.quantity))
    return merge_demands(expanded)
