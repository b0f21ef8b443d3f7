"""Charges of a shipping method: by weight, distance, quantity, value or parcel."""

from typing import ClassVar, TypeAlias

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.shipping.model.options import Consignment
from shop.shipping.model.packing import PackedParcel

Prices: TypeAlias = tuple[Money, ...]
"""One price in each of several currencies."""


def price_in(prices: Prices, currency: str) -> int | None:
    """Return the price in minor units of that currency, or ``None`` if there is none."""
    for price in prices:
        if price.currency == currency:
            return price.minor
    return None


@frozen
class RateBand:
    """The price up to and including ``up_to`` (grams or kilometres)."""

    up_to: int
    """Upper end of the band, included: grams or kilometres."""
    price: Prices
    """Price, one amount per currency."""


@frozen
class ExcessRate:
    """A surcharge above the last band for every started ``every`` (grams or kilometres)."""

    every: int
    """Grams or kilometres of each step above the last band."""
    price: Prices
    """Price of each step begun, one amount per currency."""


@frozen
class WeightRate:
    """A charge per parcel by billed weight: the greater of real and volumetric weight.

    A parcel heavier than the last band needs an ``excess`` rate; else the charge is undefined.
    """

    kind: ClassVar[str] = "by_weight"
    bands: tuple[RateBand, ...]
    """Bands by billed weight in grams, ascending."""
    excess: ExcessRate | None = None
    """Price above the last band; without it heavier or farther parcels are not offered."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        total = 0
        for parcel in parcels:
            each = _price_in_bands(self.bands, self.excess, parcel.billed_g, goods.value.currency)
            if each is None:
                return None
            total += each * parcel.count
        return total


@frozen
class DistanceRate:
    """A charge by kilometres; undefined without a distance or above the last band."""

    kind: ClassVar[str] = "by_distance"
    bands: tuple[RateBand, ...]
    """Bands by distance in kilometres, ascending."""
    excess: ExcessRate | None = None
    """Price above the last band; without it heavier or farther parcels are not offered."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        if goods.distance_km is None:
            return None
        return _price_in_bands(self.bands, self.excess, goods.distance_km, goods.value.currency)


@frozen
class QuantityRate:
    """A charge for every unit after the first ``included``."""

    kind: ClassVar[str] = "by_quantity"
    each: Prices
    """Price of each unit above the included ones, one amount per currency."""
    included: int = 0
    """Units without a charge."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        each = price_in(self.each, goods.value.currency)
        if each is None:
            return None
        units = sum(item.quantity for item in goods.items)
        return each * max(0, units - self.included)


@frozen
class ValueBand:
    """The price for goods worth up to and including ``up_to``; ``None`` means any value."""

    price: Money
    """Price of shipping."""
    up_to: Money | None = None
    """Upper end of the band, included: value of the goods; absent for no end."""


@frozen
class ValueRate:
    """A charge by value of goods: the first matching band of their currency applies."""

    kind: ClassVar[str] = "by_value"
    bands: tuple[ValueBand, ...]
    """Bands by value of the goods; the first that contains the value applies."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        for band in self.bands:
            if band.price.currency == goods.value.currency and (
                band.up_to is None or goods.value <= band.up_to
            ):
                return band.price.minor
        return None


@frozen
class ParcelRate:
    """A charge for every parcel."""

    kind: ClassVar[str] = "by_parcel"
    each: Prices
    """Price of each parcel, one amount per currency."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        each = price_in(self.each, goods.value.currency)
        return None if each is None else each * sum(parcel.count for parcel in parcels)


Charge: TypeAlias = WeightRate | DistanceRate | QuantityRate | ValueRate | ParcelRate


def _price_in_bands(
    bands: tuple[RateBand, ...], excess: ExcessRate | None, measure: int, currency: str
) -> int | None:
    for band in bands:
        if measure <= band.up_to:
            return price_in(band.price, currency)
    if excess is None or not bands:
        return None
    last, step = price_in(bands[-1].price, currency), price_in(excess.price, currency)
    if last is None or step is None:
        return None
    # A started step costs as much as a whole one: the division rounds up.
    return last + step * -(-(measure - bands[-1].up_to) // excess.every)
