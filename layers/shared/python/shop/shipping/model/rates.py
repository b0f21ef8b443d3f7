"""What a way of shipping charges: by weight and volume, quantity, value, distance, parcel."""

from typing import ClassVar, TypeAlias

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.shipping.model.options import Consignment
from shop.shipping.model.packing import PackedParcel

Prices: TypeAlias = tuple[Money, ...]
"""One price in each of several currencies."""


def price_in(prices: Prices, currency: str) -> int | None:
    """The minor units in that currency, or ``None``."""
    for price in prices:
        if price.currency == currency:
            return price.minor
    return None


@frozen
class RateBand:
    """Up to and including ``up_to`` (grams or kilometres) it costs this."""

    up_to: int
    """Upper end of the band, included: grams or kilometres."""
    price: Prices
    """Price, one amount per currency."""


@frozen
class ExcessRate:
    """Above the last band: the last band's price, and this for every ``every`` begun."""

    every: int
    """Grams or kilometres of each step above the last band."""
    price: Prices
    """Price of each step begun, one amount per currency."""


@frozen
class WeightRate:
    """Each parcel by the weight it is billed for: real or volumetric, whichever is more.

    A parcel heavier than the last band cannot go this way, unless there is a ``beyond``.
    """

    kind: ClassVar[str] = "by_weight"
    bands: tuple[RateBand, ...]
    """Bands by billed weight in grams, ascending."""
    excess: ExcessRate | None = None
    """Price above the last band; without it heavier or farther parcels are not offered."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        total = 0
        for parcel in parcels:
            one = _in_bands(self.bands, self.excess, parcel.billed_g, goods.value.currency)
            if one is None:
                return None
            total += one * parcel.count
        return total


@frozen
class DistanceRate:
    """By kilometres; not offered where nobody measured them, or beyond the last band."""

    kind: ClassVar[str] = "by_distance"
    bands: tuple[RateBand, ...]
    """Bands by distance in kilometres, ascending."""
    excess: ExcessRate | None = None
    """Price above the last band; without it heavier or farther parcels are not offered."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        if goods.distance_km is None:
            return None
        return _in_bands(self.bands, self.excess, goods.distance_km, goods.value.currency)


@frozen
class QuantityRate:
    """For every unit after the first ``included``."""

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
    """Goods worth up to and including ``up_to`` (``None``: any worth) cost ``price`` to send."""

    price: Money
    """Price of shipping."""
    up_to: Money | None = None
    """Upper end of the band, included: value of the goods; absent for no end."""


@frozen
class ValueRate:
    """By what the goods cost; the first band of the currency that holds the value counts."""

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
    """For every parcel."""

    kind: ClassVar[str] = "by_parcel"
    each: Prices
    """Price of each parcel, one amount per currency."""

    def charge(self, goods: Consignment, parcels: tuple[PackedParcel, ...]) -> int | None:
        each = price_in(self.each, goods.value.currency)
        return None if each is None else each * sum(parcel.count for parcel in parcels)


Charge: TypeAlias = WeightRate | DistanceRate | QuantityRate | ValueRate | ParcelRate


def _in_bands(
    bands: tuple[RateBand, ...], beyond: ExcessRate | None, measure: int, currency: str
) -> int | None:
    for band in bands:
        if measure <= band.up_to:
            return price_in(band.price, currency)
    if beyond is None or not bands:
        return None
    last, more = price_in(bands[-1].price, currency), price_in(beyond.price, currency)
    if last is None or more is None:
        return None
    return last + more * -(-(measure - bands[-1].up_to) // beyond.every)
