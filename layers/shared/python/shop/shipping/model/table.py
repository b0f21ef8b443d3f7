"""Zones, methods and rates as data: which way goes where, and what it costs."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from shop.kernel.data import read, written
from shop.kernel.errors import Invalid, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.shipping.model.estimates import Dispatch
from shop.shipping.model.options import Consignment, Place, ShippingOption
from shop.shipping.model.parcels import Limits, pack
from shop.shipping.model.places import Distance, Zone, distance_to
from shop.shipping.model.rates import Charge, Prices, price_in

ANY_PARCEL = Limits()
DISPATCH = Dispatch()


@frozen
class Method:
    """A way of shipping into a zone: what it charges, and how many working days it takes.

    The price is ``flat`` and every one of ``charges``; where one of them has no answer (no price in
    the currency, a parcel too heavy, no distance) the method is not offered. ``free_over`` is the
    value of goods from which it costs nothing, per currency. ``parcel`` limits what one parcel
    holds, ``most_parcels`` how many go at once; ``divisor`` makes volume weigh
    (:func:`shop.shipping.model.parcels.pack`).
    """

    id: str
    zone: str
    title: str
    carrier: str
    flat: Prices
    days: tuple[int, int]
    free_over: Prices = ()
    charges: tuple[Charge, ...] = ()
    parcel: Limits = ANY_PARCEL
    divisor: int | None = None
    carbon_g_per_kg: int | None = None
    most_parcels: int | None = None

    def option(
        self, goods: Consignment, at: datetime, assumed_g: int, dispatch: Dispatch = DISPATCH
    ) -> ShippingOption | None:
        """This way for these goods, or ``None`` where they cannot go it."""
        currency = goods.value.currency
        price = price_in(self.flat, currency)
        parcels = pack(goods, self.parcel, divisor=self.divisor, assumed_g=assumed_g)
        if price is None or parcels is None:
            return None
        count = sum(parcel.count for parcel in parcels)
        if self.most_parcels is not None and count > self.most_parcels:
            return None
        for charge in self.charges:
            more = charge.charge(goods, parcels)
            if more is None:
                return None
            price += more
        threshold = price_in(self.free_over, currency)
        if threshold is not None and goods.value.minor >= threshold:
            price = 0
        carbon = None
        if self.carbon_g_per_kg is not None:
            grams = sum(parcel.weight_g * parcel.count for parcel in parcels)
            carbon = -(-grams * self.carbon_g_per_kg // 1000)
        earliest, latest = dispatch.estimate(at, self.days)
        return ShippingOption(
            self.id,
            self.title,
            Money(price, currency),
            earliest,
            latest,
            self.carrier,
            count,
            carbon,
        )


class Undeliverable(StrEnum):
    """Why there is no way at all."""

    PLACE = "place"
    """The shop does not send there, whatever it is."""
    GOODS = "goods"
    """It sends there, but not these goods: too heavy, too large, or in no currency it has prices
    in."""


@frozen(slots=False)
class ShippingTable:
    """The methods of a shop. ``nowhere`` are countries it does not send to at all.

    ``assumed_g`` is what goods weigh that nobody weighed; ``distances`` say how far destinations
    are; ``dispatch`` when the warehouse sends.
    """

    zones: tuple[Zone, ...]
    methods: tuple[Method, ...]
    nowhere: frozenset[str] = frozenset()
    assumed_g: int = 500
    distances: tuple[Distance, ...] = ()
    dispatch: Dispatch = DISPATCH

    def zone_of(self, place: Place) -> Zone | None:
        """The first zone that holds the place; "elsewhere" zones come last."""
        if len(place.country) != 2 or place.country in self.nowhere:
            return None
        named = any(place.country in zone.countries for zone in self.zones)
        for zone in self.zones:
            if not zone.elsewhere and zone.holds(place):
                return zone
        if named:
            return None
        for zone in self.zones:
            if zone.elsewhere and zone.holds(place):
                return zone
        return None

    def options(self, goods: Consignment, place: Place, at: datetime) -> tuple[ShippingOption, ...]:
        """The ways there, cheapest first; none where the shop cannot deliver."""
        goods.check()
        zone = self.zone_of(place)
        if zone is None or not goods.items:
            return ()
        if goods.distance_km is None and self.distances:
            km = distance_to(place, self.distances)
            goods = Consignment(goods.items, goods.value, km)
        found = [
            option
            for method in self.methods
            if method.zone == zone.id
            and (option := method.option(goods, at, self.assumed_g, self.dispatch)) is not None
        ]
        return tuple(sorted(found, key=lambda option: (option.price.minor, option.id)))

    def why_not(self, place: Place) -> Undeliverable:
        """Why :meth:`options` found none for goods that are to go there."""
        return Undeliverable.PLACE if self.zone_of(place) is None else Undeliverable.GOODS

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what is as usual is left out."""
        told: dict[str, Any] = written(self)
        return told

    @classmethod
    def from_dict(cls, told: object) -> "ShippingTable":
        """Read and check a table. Raises :class:`Invalid` with every problem."""
        problems: list[Problem] = []
        table = read(cls, told, "$", problems)
        if table is not None:
            problems = table.problems()
        if problems or table is None:
            raise Invalid(problems[0].detail, code=problems[0].code, problems=problems[:100])
        return table

    def problems(self) -> list[Problem]:
        """What makes no sense in this table, every field of it."""
        from shop.shipping.model.checks import problems_of  # only staff's doors write tables

        return problems_of(self)
