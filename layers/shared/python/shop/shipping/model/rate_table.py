"""The shipping table: zones, shipping methods and their rates as data."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.places.model.zones import Distance, Zone, distance_to, regions_named
from shop.serialization import from_json, to_json
from shop.shipping.model.delivery_estimates import DispatchSchedule
from shop.shipping.model.options import Consignment, ShippingOption
from shop.shipping.model.packing import ParcelLimits, exceeded_limit, pack
from shop.shipping.model.rates import Charge, Prices, price_in

ANY_PARCEL = ParcelLimits()
DISPATCH = DispatchSchedule()


class Undeliverable(StrEnum):
    """The reason why no shipping option exists."""

    PLACE = "place"
    """The shop does not deliver to the destination."""
    CURRENCY = "currency"
    """No method to the destination has a price in the currency of the goods."""
    WEIGHT = "weight"
    """A unit is heavier than a parcel of each method to the destination may be."""
    SIZE = "size"
    """A unit is longer than a parcel of each method to the destination may be."""
    PARCELS = "parcels"
    """The goods need more parcels than each method to the destination takes."""
    GOODS = "goods"
    """No method to the destination takes these goods, for different reasons or because the total
    weight, quantity, value or distance has no price."""
    UNLOCATED = "unlocated"
    """The country or region of the destination is not known, so nothing is computed."""


@frozen
class ShippingMethod:
    """A shipping method into one zone: its charges and its transit time.

    The price is ``flat`` plus every charge in ``charges``. A charge can be undefined: no price in
    the currency, a parcel above the last band, or no distance. Then the method is not offered.

    - ``days``: shortest and longest transit, in working days.
    - ``free_shipping_threshold``: value of goods from which shipping is free, per currency.
    - ``parcel``: limits of one parcel; ``max_parcels`` limits their number.
    - ``divisor``: volumetric weight, see :func:`shop.shipping.model.packing.pack`.
    - ``carbon_g_per_kg``: grams of CO2e per kilogram shipped.
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

    def obstacle(self, goods: Consignment, assumed_g: int) -> Undeliverable:
        """Return why :meth:`option` is ``None``."""
        if price_in(self.flat, goods.value.currency) is None:
            return Undeliverable.CURRENCY
        limit = exceeded_limit(goods, self.parcel, assumed_g=assumed_g)
        if limit is not None:
            return Undeliverable(limit)
        parcels = pack(goods, self.parcel, divisor=self.divisor, assumed_g=assumed_g) or ()
        if self.max_parcels is not None and sum(p.count for p in parcels) > self.max_parcels:
            return Undeliverable.PARCELS
        return Undeliverable.GOODS

    def option(
        self,
        goods: Consignment,
        at: datetime,
        assumed_g: int,
        dispatch: DispatchSchedule = DISPATCH,
    ) -> ShippingOption | None:
        """Price this method for the goods; return ``None`` if it is not available for them."""
        currency = goods.value.currency
        price = price_in(self.flat, currency)
        parcels = pack(goods, self.parcel, divisor=self.divisor, assumed_g=assumed_g)
        if price is None or parcels is None:
            return None
        count = sum(parcel.count for parcel in parcels)
        if self.max_parcels is not None and count > self.max_parcels:
            return None
        for charge in self.charges:
            amount = charge.charge(goods, parcels)
            # An undefined charge is not zero, or the method would be sold below its price.
            if amount is None:
                return None
            price += amount
        # After the charges, so that free shipping never hides a method that cannot carry the goods.
        threshold = price_in(self.free_shipping_threshold, currency)
        if threshold is not None and goods.value.minor >= threshold:
            price = 0
        carbon = None
        if self.carbon_g_per_kg is not None:
            grams = sum(parcel.weight_g * parcel.count for parcel in parcels)
            # Rounded up to a whole gram, so that an estimate never understates.
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


@frozen(slots=False)
class ShippingTable:
    """The zones and shipping methods of a shop.

    - ``excluded_countries``: countries without delivery (ISO 3166-1 alpha-2).
    - ``default_item_weight_g``: weight of a unit without a recorded weight, in grams.
    - ``distances``: kilometres to destinations, for rates by distance.
    - ``dispatch``: the days on which the warehouse dispatches.
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
        """Return the first zone that contains the destination; fallback zones come last."""
        if len(destination.country) != 2 or destination.country in self.excluded_countries:
            return None
        for zone in self.zones:
            if not zone.is_fallback and zone.contains(destination):
                return zone
        # If a zone names the country and excludes this region or postal code, the shop does not
        # deliver there. The fallback zone must not change that.
        if any(destination.country in zone.countries for zone in self.zones):
            return None
        for zone in self.zones:
            if zone.is_fallback and zone.contains(destination):
                return zone
        return None

    def regions_named(self, country: str) -> frozenset[str]:
        """Return the regions of a country that a zone or distance names."""
        return regions_named((*self.zones, *self.distances), country)

    def options(
        self, goods: Consignment, destination: Destination, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """Return the shipping options, cheapest first; none if the shop cannot deliver.

        Raises InvalidRequest for a quantity below 1 or a negative measure.
        """
        goods.validate()
        zone = self.zone_of(destination)
        if zone is None or not goods.items:
            return ()
        # A measured distance is more exact than the table, so it has precedence.
        if goods.distance_km is None and self.distances:
            km = distance_to(destination, self.distances)
            goods = Consignment(goods.items, goods.value, km)
        options = [
            option
            for method in self.methods
            if method.zone == zone.id
            and (option := method.option(goods, at, self.default_item_weight_g, self.dispatch))
            is not None
        ]
        # The id breaks ties, so that equal prices always come in the same order.
        return tuple(sorted(options, key=lambda option: (option.price.minor, option.id)))

    def undeliverable_reason(self, goods: Consignment, destination: Destination) -> Undeliverable:
        """Return why :meth:`options` is empty for goods and a destination."""
        zone = self.zone_of(destination)
        if zone is None:
            return Undeliverable.PLACE
        obstacles = {
            method.obstacle(goods, self.default_item_weight_g)
            for method in self.methods
            if method.zone == zone.id
        }
        # A method without a price in the currency is none for these goods, if another one has it.
        if len(obstacles) > 1:
            obstacles.discard(Undeliverable.CURRENCY)
        return obstacles.pop() if len(obstacles) == 1 else Undeliverable.GOODS

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; fields with their default are omitted."""
        document: dict[str, Any] = to_json(self)
        return document

    @classmethod
    def from_dict(cls, raw: object) -> "ShippingTable":
        """Parse and validate a table, in which places may have names instead of codes.

        Raises InvalidRequest with at most 100 problems.
        """
        from shop.shipping.model import validation  # lazy: only staff handlers write tables

        problems: list[Problem] = []
        table = from_json(cls, validation.with_place_codes(raw), "$", problems)
        # Only a table that parses can be validated as a whole.
        if table is not None:
            problems = table.problems()
        if problems or table is None:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems[:100])
        return table

    def problems(self) -> list[Problem]:
        """Validate every field of the table."""
        from shop.shipping.model import validation  # lazy: only staff handlers write tables

        return validation.validate_shipping_table(self)
