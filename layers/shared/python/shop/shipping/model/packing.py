"""Goods packed into parcels: first fit, the heaviest first, no unit cut in two."""

from shop.kernel.frozen import frozen
from shop.shipping.model.options import Consignment


@frozen
class ParcelLimits:
    """What one parcel may hold at most; ``None`` is no limit."""

    weight_g: int | None = None
    """Weight in grams at most; absent for no limit."""
    units: int | None = None
    """Units at most; absent for no limit."""
    longest_mm: int | None = None
    """Longest side of a unit in millimetres; absent for no limit."""


@frozen
class PackedParcel:
    """``count`` parcels of this content each. Volume is in cubic millimetres."""

    count: int
    units: int
    weight_g: int
    volume_mm3: int
    billed_g: int


def pack(
    goods: Consignment, limits: ParcelLimits, *, divisor: int | None, assumed_g: int
) -> tuple[PackedParcel, ...] | None:
    """The parcels these goods make, or ``None`` where a unit is too heavy or too long for any.

    ``divisor`` makes volume weigh: so many cubic millimetres count as a gram (5,000 is the
    carriers' "5,000 cm³ a kilogram"). ``assumed_g`` is the weight of goods that nobody weighed:
    unknown is not nothing.
    """
    most_g, most_units = limits.weight_g, limits.units
    sorts: dict[tuple[int, int], int] = {}
    for item in goods.items:
        sides = [side for side in (item.length_mm, item.width_mm, item.height_mm) if side]
        if limits.longest_mm is not None and sides and max(sides) > limits.longest_mm:
            return None
        weight = assumed_g if item.weight_g is None else item.weight_g
        if most_g is not None and weight > most_g:
            return None
        volume = sides[0] * sides[1] * sides[2] if len(sides) == 3 else 0
        sorts[weight, volume] = sorts.get((weight, volume), 0) + item.quantity
    # Parcels of one content are one row (count, units, weight, volume): a million units stay a
    # few rows.
    rows: list[tuple[int, int, int, int]] = []
    for (weight, volume), quantity in sorted(sorts.items(), reverse=True):
        left = quantity
        filled: list[tuple[int, int, int, int]] = []
        for count, units, grams, space in rows:
            room = _room(units, grams, weight, most_g, most_units)
            while left and count and room != 0:
                more = left if room is None else min(room, left)
                parcels = 1 if room is None or more < room else min(count, left // room)
                filled.append((parcels, units + more, grams + more * weight, space + more * volume))
                count -= parcels
                left -= parcels * more
            if count:
                filled.append((count, units, grams, space))
        room = _room(0, 0, weight, most_g, most_units)
        while left:
            more = left if room is None else min(room, left)
            parcels = 1 if room is None else left // more
            filled.append((parcels, more, more * weight, more * volume))
            left -= parcels * more
        rows = filled
    return tuple(
        PackedParcel(count, units, weight, volume, _billed(weight, volume, divisor))
        for count, units, weight, volume in rows
    )


def _room(
    units: int, weight: int, unit_g: int, most_g: int | None, most_units: int | None
) -> int | None:
    """How many more units of that weight go in; ``None``: any number."""
    room = None if most_units is None else max(0, most_units - units)
    if most_g is not None and unit_g:
        by_weight = max(0, (most_g - weight) // unit_g)
        room = by_weight if room is None else min(room, by_weight)
    return room


def _billed(weight: int, volume: int, divisor: int | None) -> int:
    return weight if divisor is None else max(weight, -(-volume // divisor))
