"""Zones, methods and rates as data: which way goes where, and what it costs."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from shop.kernel.data import read, written
from shop.kernel.errors import Invalid, Problem
from shop.kernel.money import Money
from shop.shipping.model.options import Consignment, Place, ShippingOption
from shop.shipping.model.parcels import Limits, pack
from shop.shipping.model.rates import (
    Band,
    Beyond,
    ByDistance,
    ByQuantity,
    ByValue,
    ByWeight,
    Charge,
    Prices,
    price_in,
)


@dataclass(frozen=True, slots=True)
class Zone:
    """Some countries, or with ``elsewhere`` every country that no other zone names.

    ``regions`` narrows it to subdivisions; ``not_regions`` and ``not_postal`` (prefixes) are left
    out.
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


ANY_PARCEL = Limits()


@dataclass(frozen=True, slots=True)
class Method:
    """A way of shipping into a zone: what it charges, and how many working days it takes.

    The price is ``flat`` and every one of ``charges``; where one of them has no answer (no price in
    the currency, a parcel too heavy, no distance) the method is not offered. ``free_over`` is the
    value of goods from which it costs nothing, per currency. ``parcel`` limits what one parcel
    holds; ``divisor`` makes volume weigh (:func:`shop.shipping.model.parcels.pack`).
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

    def option(self, goods: Consignment, at: datetime, assumed_g: int) -> ShippingOption | None:
        """This way for these goods, or ``None`` where they cannot go it."""
        currency = goods.value.currency
        price = price_in(self.flat, currency)
        parcels = pack(goods, self.parcel, divisor=self.divisor, assumed_g=assumed_g)
        if price is None or parcels is None:
            return None
        for charge in self.charges:
            more = charge.charge(goods, parcels)
            if more is None:
                return None
            price += more
        threshold = price_in(self.free_over, currency)
        if threshold is not None and goods.value.minor >= threshold:
            price = 0
        first, last = self.days
        carbon = None
        if self.carbon_g_per_kg is not None:
            grams = sum(parcel.weight_g * parcel.count for parcel in parcels)
            carbon = -(-grams * self.carbon_g_per_kg // 1000)
        return ShippingOption(
            self.id,
            self.title,
            Money(price, currency),
            datetime.combine(working_day(at, first), time(8), UTC),
            datetime.combine(working_day(at, last), time(20), UTC),
            self.carrier,
            sum(parcel.count for parcel in parcels),
            carbon,
        )


@dataclass(frozen=True)
class ShippingTable:
    """The methods of a shop. ``nowhere`` are countries it does not send to at all.

    ``assumed_g`` is what goods weigh that nobody weighed.
    """

    zones: tuple[Zone, ...]
    methods: tuple[Method, ...]
    nowhere: frozenset[str] = frozenset()
    assumed_g: int = 500

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
        found = [
            option
            for method in self.methods
            if method.zone == zone.id
            and (option := method.option(goods, at, self.assumed_g)) is not None
        ]
        return tuple(sorted(found, key=lambda option: (option.price.minor, option.id)))

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
            raise Invalid(problems[0].detail, code=problems[0].code, problems=problems)
        return table

    def problems(self) -> list[Problem]:
        """What makes no sense in this table, every field of it."""
        found: list[Problem] = []
        zones = {zone.id for zone in self.zones}
        if self.assumed_g < 0:
            found.append(Problem("measure_invalid", "a weight is not negative", "$.assumed_g"))
        for path, ids in (
            ("zones", [zone.id for zone in self.zones]),
            ("methods", [method.id for method in self.methods]),
        ):
            for place, name in enumerate(ids):
                if name in ids[:place]:
                    found.append(
                        Problem("id_repeated", f"{name!r} stands twice", f"$.{path}[{place}].id")
                    )
        for place, method in enumerate(self.methods):
            found += _problems_of(method, zones, f"$.methods[{place}]")
        return found


def _problems_of(method: Method, zones: set[str], path: str) -> list[Problem]:
    found = []
    if method.zone not in zones:
        found.append(Problem("zone_unknown", f"no zone {method.zone!r}", f"{path}.zone"))
    if not 0 <= method.days[0] <= method.days[1]:
        found.append(Problem("days_invalid", "the first day is not after the last", f"{path}.days"))
    if not method.flat:
        found.append(Problem("amount_missing", "a price, or zero", f"{path}.flat"))
    if method.divisor is not None and method.divisor < 1:
        found.append(Problem("measure_invalid", "a divisor is at least 1", f"{path}.divisor"))
    for name in ("weight_g", "units", "longest_mm"):
        limit = getattr(method.parcel, name)
        if limit is not None and limit < 1:
            found.append(
                Problem("measure_invalid", "a limit is at least 1", f"{path}.parcel.{name}")
            )
    for number, charge in enumerate(method.charges):
        here = f"{path}.charges[{number}]"
        if isinstance(charge, (ByWeight, ByDistance)):
            found += _problems_of_bands(charge.bands, charge.beyond, here)
        if isinstance(charge, ByQuantity) and charge.included < 0:
            found.append(
                Problem("quantity_invalid", "a quantity is not negative", f"{here}.included")
            )
        if isinstance(charge, ByValue):
            for band_number, band in enumerate(charge.bands):
                if band.up_to is not None and band.up_to.currency != band.price.currency:
                    found.append(
                        Problem(
                            "currency_mismatch",
                            "value and price are of one currency",
                            f"{here}.bands[{band_number}]",
                        )
                    )
    return found


def _problems_of_bands(bands: tuple[Band, ...], beyond: Beyond | None, path: str) -> list[Problem]:
    found = []
    if not bands:
        found.append(Problem("bands_missing", "at least one band", f"{path}.bands"))
    before = -1
    for place, band in enumerate(bands):
        if band.up_to <= before:
            found.append(
                Problem(
                    "bands_order",
                    "each band ends above the one before",
                    f"{path}.bands[{place}].up_to",
                )
            )
        before = band.up_to
    if beyond is not None and beyond.every < 1:
        found.append(Problem("measure_invalid", "a step is at least 1", f"{path}.beyond.every"))
    return found


def working_day(at: datetime, days: int) -> datetime:
    """The day ``days`` working days (Monday to Friday) after the instant's day in UTC."""
    day = at.astimezone(UTC)
    while days > 0:
        day += timedelta(days=1)
        if day.weekday() < 5:
            days -= 1
    return day
