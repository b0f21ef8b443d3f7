"""Zones, methods and rates as data: which way goes where, and what it costs."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.places.model.zones import Distance, Zone, distance_to
from shop.serialization import from_json, to_json
from shop.shipping.model.delivery_estimates import DispatchSchedule
from shop.shipping.model.options import Consignment, ShippingOption
from shop.shipping.model.packing import ParcelLimits, pack
from shop.shipping.model.rates import Charge, Prices, price_in

ANY_PARCEL = ParcelLimits()
DISPATCH = DispatchSchedule()


@frozen
class ShippingMethod:
    """A way of shipping into a zone: what it charges, and how many working days it takes.

    The price is ``flat`` and every one of ``charges``; where one of them has no answer (no price in
    the currency, a parcel too heavy, no distance) the method is not offered. ``free_over`` is the
    value of goods from which it costs nothing, per currency. ``parcel`` limits what one parcel
    holds, ``most_parcels`` how many go at once; ``divisor`` makes volume weigh
    (:func:`shop.shipping.model.packing.pack`).
    """

    id: str
    """Id of the method, unique in the table."""
    zone: str
    """Id of the zone that it serves."""
    title: str
    """Name of the method that buyers see, 1 to 100 characters."""
    carrier: str
    """Name of the carrier, 1 to 100 characters."""
    flat: Prices
    """Base price, one amount per currency; a currency without one is not offered."""
    days: tuple[int, int]
    """Fewest and most working days in transit, 120 at most."""
    free_shipping_threshold: Prices = ()
    """Value of goods from which shipping is free, one amount per currency."""
    charges: tuple[Charge, ...] = ()
    """Charges that are added to the base price."""
    parcel: ParcelLimits = ANY_PARCEL
    """Limits of one parcel."""
    divisor: int | None = None
    """Cubic millimetres that are billed as one gram, such as 5000; absent for actual weight."""
    carbon_g_per_kg: int | None = None
    """Carbon dioxide emissions in grams per kilogram of goods."""
    max_parcels: int | None = None
    """Parcels per order at most; absent for no limit."""

    def option(
        self,
        goods: Consignment,
        at: datetime,
        assumed_g: int,
        dispatch: DispatchSchedule = DISPATCH,
    ) -> ShippingOption | None:
        """This way for these goods, or ``None`` where they cannot go it."""
        currency = goods.value.currency
        price = price_in(self.flat, currency)
        parcels = pack(goods, self.parcel, divisor=self.divisor, assumed_g=assumed_g)
        if price is None or parcels is None:
            return None
        count = sum(parcel.count for parcel in parcels)
        if self.max_parcels is not None and count > self.max_parcels:
            return None
        for charge in self.charges:
            more = charge.charge(goods, parcels)
            if more is None:
                return None
            price += more
        threshold = price_in(self.free_shipping_threshold, currency)
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
    """Zones, 300 at most.
    Example: [{"id": "us", "countries": ["US"]}]"""
    methods: tuple[ShippingMethod, ...]
    """Shipping methods of the zones, 1,000 at most."""
    excluded_countries: frozenset[str] = frozenset()
    """Countries that the shop does not serve, as ISO 3166-1 alpha-2 codes."""
    default_item_weight_g: int = 500
    """Weight of a unit without a weight, in grams."""
    distances: tuple[Distance, ...] = ()
    """Distances from the warehouse, for charges by distance."""
    dispatch: DispatchSchedule = DISPATCH
    """Working days and cut-off time of the warehouse."""

    def zone_of(self, destination: Destination) -> Zone | None:
        """The first zone that holds the place; "is_fallback" zones come last."""
        if len(destination.country) != 2 or destination.country in self.excluded_countries:
            return None
        named = any(destination.country in zone.countries for zone in self.zones)
        for zone in self.zones:
            if not zone.is_fallback and zone.contains(destination):
                return zone
        if named:
            return None
        for zone in self.zones:
            if zone.is_fallback and zone.contains(destination):
                return zone
        return None

    def options(
        self, goods: Consignment, destination: Destination, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """The ways there, cheapest first; none where the shop cannot deliver."""
        goods.validate()
        zone = self.zone_of(destination)
        if zone is None or not goods.items:
            return ()
        if goods.distance_km is None and self.distances:
            km = distance_to(destination, self.distances)
            goods = Consignment(goods.items, goods.value, km)
        problems = [
            option
            for method in self.methods
            if method.zone == zone.id
            and (option := method.option(goods, at, self.default_item_weight_g, self.dispatch))
            is not None
        ]
        return tuple(sorted(problems, key=lambda option: (option.price.minor, option.id)))

    def undeliverable_reason(self, destination: Destination) -> Undeliverable:
        """Why :meth:`options` found none for goods that are to go there."""
        return Undeliverable.PLACE if self.zone_of(destination) is None else Undeliverable.GOODS

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what is as usual is left out."""
        told: dict[str, Any] = to_json(self)
        return told

    @classmethod
    def from_dict(cls, raw: object) -> "ShippingTable":
        """Read and check a table. Raises :class:`Invalid` with every problem."""
        problems: list[Problem] = []
        table = from_json(cls, raw, "$", problems)
        if table is not None:
            problems = table.problems()
        if problems or table is None:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems[:100])
        return table

    def problems(self) -> list[Problem]:
        """What makes no sense in this table, every field of it."""
        from shop.shipping.model.validation import (
            validate_shipping_table,  # only staff's doors write tables
        )

        return validate_shipping_table(self)
