"""Packing of goods into parcels: first fit decreasing by weight; a unit is never split."""

from typing import Literal, TypeAlias

from shop.kernel.frozen import frozen
from shop.shipping.model.options import Consignment, ConsignmentItem


@frozen
class ParcelLimits:
    """The limits of one parcel; ``None`` means no limit."""

    weight_g: int | None = None
    """Weight in grams at most; absent for no limit."""
    units: int | None = None
    """Units at most; absent for no limit."""
    longest_mm: int | None = None
    """Longest side of a unit in millimetres; absent for no limit."""


@frozen
class PackedParcel:
    """``count`` parcels with the same content. Volume is in cubic millimetres, weight in grams."""

    count: int
    units: int
    weight_g: int
    volume_mm3: int
    billed_g: int


_ParcelGroup: TypeAlias = tuple[int, int, int, int]
"""Parcels with the same content: count, units, weight in grams, volume in cubic millimetres."""
_UnitSize: TypeAlias = tuple[int, int]
"""Weight in grams and volume in cubic millimetres of one unit."""


def pack(
    goods: Consignment, limits: ParcelLimits, *, divisor: int | None, assumed_g: int
) -> tuple[PackedParcel, ...] | None:
    """Pack the goods, or return ``None`` if a unit is too heavy or too long for any parcel.

    ``divisor`` is the volume in cubic millimetres that counts as one gram (5,000 is the carriers'
    "5,000 cm³ a kilogram"). ``assumed_g`` is the weight of a unit without a recorded weight.
    """
    quantities = _quantities_by_size(goods, limits, assumed_g)
    if quantities is None:
        return None
    # Equal parcels form one group, so a million units make a few groups.
    groups: list[_ParcelGroup] = []
    # Heaviest first: light units then fill the gaps, which needs fewer parcels.
    for size, quantity in sorted(quantities.items(), reverse=True):
        groups, remaining = _fill_open_parcels(groups, size, quantity, limits)
        groups += _new_parcels(size, remaining, limits)
    return tuple(
        PackedParcel(count, units, weight, volume, _billed_weight(weight, volume, divisor))
        for count, units, weight, volume in groups
    )


def exceeded_limit(
    goods: Consignment, limits: ParcelLimits, *, assumed_g: int
) -> Literal["weight", "size"] | None:
    """Return which limit of a parcel a single unit exceeds; ``None`` if each fits in one."""
    for item in goods.items:
        if limits.longest_mm is not None and max(_sides(item), default=0) > limits.longest_mm:
            return "size"
        if limits.weight_g is not None and _weight(item, assumed_g) > limits.weight_g:
            return "weight"
    return None


def _sides(item: ConsignmentItem) -> list[int]:
    return [side for side in (item.length_mm, item.width_mm, item.height_mm) if side]


def _weight(item: ConsignmentItem, assumed_g: int) -> int:
    # An unknown weight is not zero, or such goods would have no shipping price.
    return assumed_g if item.weight_g is None else item.weight_g


def _quantities_by_size(
    goods: Consignment, limits: ParcelLimits, assumed_g: int
) -> dict[_UnitSize, int] | None:
    """Count the units of each size; ``None`` if one unit exceeds the limits of a parcel."""
    if exceeded_limit(goods, limits, assumed_g=assumed_g) is not None:
        return None
    quantities: dict[_UnitSize, int] = {}
    for item in goods.items:
        sides, weight = _sides(item), _weight(item, assumed_g)
        # A volume needs all three sides; with fewer, only the weight is billed.
        volume = sides[0] * sides[1] * sides[2] if len(sides) == 3 else 0
        quantities[weight, volume] = quantities.get((weight, volume), 0) + item.quantity
    return quantities


def _fill_open_parcels(
    groups: list[_ParcelGroup], size: _UnitSize, quantity: int, limits: ParcelLimits
) -> tuple[list[_ParcelGroup], int]:
    """Add units to parcels with capacity; return the groups and the quantity not yet packed."""
    weight, volume = size
    remaining = quantity
    filled: list[_ParcelGroup] = []
    for parcels, units, grams, space in groups:
        unfilled = parcels
        capacity = _capacity(limits, units, grams, weight)
        while remaining and unfilled and capacity != 0:
            added = remaining if capacity is None else min(capacity, remaining)
            # A partly filled parcel differs from the others, so it becomes a group of its own.
            partial = capacity is None or added < capacity
            count = 1 if partial else min(unfilled, remaining // added)
            filled.append((count, units + added, grams + added * weight, space + added * volume))
            unfilled -= count
            remaining -= count * added
        if unfilled:
            filled.append((unfilled, units, grams, space))
    return filled, remaining


def _new_parcels(size: _UnitSize, quantity: int, limits: ParcelLimits) -> list[_ParcelGroup]:
    """Open parcels for units of one size: full ones first, then one with the remainder."""
    weight, volume = size
    capacity = _capacity(limits, 0, 0, weight)
    remaining = quantity
    opened: list[_ParcelGroup] = []
    while remaining:
        units = remaining if capacity is None else min(capacity, remaining)
        count = 1 if capacity is None else remaining // units
        opened.append((count, units, units * weight, units * volume))
        remaining -= count * units
    return opened


def _capacity(limits: ParcelLimits, units: int, grams: int, unit_g: int) -> int | None:
    """Return how many more units of that weight fit in a parcel; ``None`` means any number."""
    capacity = None if limits.units is None else max(0, limits.units - units)
    if limits.weight_g is not None and unit_g:
        by_weight = max(0, (limits.weight_g - grams) // unit_g)
        capacity = by_weight if capacity is None else min(capacity, by_weight)
    return capacity


def _billed_weight(weight: int, volume: int, divisor: int | None) -> int:
    """Return the greater of real and volumetric weight; volumetric grams are rounded up."""
    return weight if divisor is None else max(weight, -(-volume // divisor))
