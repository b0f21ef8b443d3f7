"""Zones, methods and rates as data: which way goes where, and what it costs."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone

from shop.kernel.money import Money
from shop.shipping.model.options import Consignment, Place, ShippingOption


@dataclass(frozen=True, slots=True)
class Zone:
    """Some countries, or with ``elsewhere`` every country that no other zone names.

    ``regions`` narrows it to subdivisions; ``not_regions`` and ``not_postal`` (prefixes) are left out.
    """

    id: str
    countries: frozenset[str] = frozenset()
    elsewhere: bool = False
    regions: frozenset[str] | None = None
    not_regions: frozenset[str] = frozenset()
    not_postal: tuple[str, ...] = ()

    def holds(self, place: Place) -> bool:
        """Whether the place is in this zone, as far as the zone itself can tell."""
        if not self.elsewhere and place.country not in self.countries:
            return False
        if self.regions is not None and place.region not in self.regions:
            return False
        if place.region is not None and place.region in self.not_regions:
            return False
        code = (place.postal_code or "").replace(" ", "").upper()
        return not (code and any(code.startswith(prefix) for prefix in self.not_postal))


@dataclass(frozen=True, slots=True)
class Method:
    """A way of shipping into a zone: its price per currency, and how many working days it takes.

    ``free_over`` is the value of goods from which it costs nothing, per currency.
    """

    id: str
    zone: str
    title: str
    carrier: str
    flat: tuple[Money, ...]
    days: tuple[int, int]
    free_over: tuple[Money, ...] = ()


@dataclass(frozen=True)
class ShippingTable:
    """The methods of a shop. ``nowhere`` are countries it does not send to at all."""

    zones: tuple[Zone, ...]
    methods: tuple[Method, ...]
    nowhere: frozenset[str] = frozenset()

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

    def options(
        self, goods: Consignment, place: Place, at: datetime
    ) -> tuple[ShippingOption, ...]:
        """The ways there, cheapest first; none where the shop cannot deliver."""
        goods.check()
        zone = self.zone_of(place)
        if zone is None or not goods.items:
            return ()
        found = []
        for method in self.methods:
            if method.zone != zone.id:
                continue
            price = next((p for p in method.flat if p.currency == goods.value.currency), None)
            if price is None:
                continue
            for threshold in method.free_over:
                if threshold.currency == price.currency and goods.value >= threshold:
                    price = Money(0, price.currency)
            first, last = method.days
            found.append(
                ShippingOption(
                    method.id,
                    method.title,
                    price,
                    datetime.combine(working_day(at, first), time(8), timezone.utc),
                    datetime.combine(working_day(at, last), time(20), timezone.utc),
                    method.carrier,
                )
            )
        return tuple(sorted(found, key=lambda option: (option.price.minor, option.id)))


def working_day(at: datetime, days: int) -> datetime:
    """The day ``days`` working days (Monday to Friday) after the instant's day in UTC."""
    day = at.astimezone(timezone.utc)
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < 5:
            days -= 1
    return day
