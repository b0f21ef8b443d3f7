"""What may not stand in a shipping table; each problem with the place it was found at."""

import re
from collections.abc import Iterator

from shop.kernel.errors import Problem
from shop.kernel.places import COUNTRIES
from shop.kernel.text import NO_MARKUP, TAG
from shop.shipping.model.estimates import LONGEST_DAYS
from shop.shipping.model.places import problems_of_distances, problems_of_zones
from shop.shipping.model.rates import (
    Band,
    Beyond,
    ByDistance,
    ByQuantity,
    ByValue,
    ByWeight,
    Charge,
    Prices,
)
from shop.shipping.model.table import Method, ShippingTable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MOST_ZONES, MOST_METHODS, MOST_BANDS, MOST_DISTANCES = 300, 1_000, 200, 5_000
MOST_MINOR = 10**9
"""Minor units beyond which the price of a way, or of a step of it, is a typing error."""
MOST_MEASURE = 10**9
UNION = frozenset(
    """AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK""".split()
)
"""The member states of the European Union."""
HOME_CURRENCIES = {"US": "USD", "CN": "CNY", **dict.fromkeys(UNION, "EUR")}
"""What the shop's markets pay in: a zone with one of these countries has prices in it."""


def problems_of(table: ShippingTable) -> list[Problem]:
    """Everything that is wrong with a table."""
    found: list[Problem] = []
    if not 0 <= table.assumed_g <= MOST_MEASURE:
        found.append(Problem("measure_invalid", "a weight is not negative", "$.assumed_g"))
    for country in sorted(table.nowhere - COUNTRIES):
        said = f"{country!r} is no country of ISO 3166-1"
        found.append(Problem("country_unknown", said, "$.nowhere"))
    for name, most in (
        ("zones", MOST_ZONES),
        ("methods", MOST_METHODS),
        ("distances", MOST_DISTANCES),
    ):
        if len(getattr(table, name)) > most:
            return [*found, Problem("too_many", f"{most} at most", f"$.{name}")]
        if not getattr(table, name) and name != "distances":
            found.append(Problem(f"{name}_missing", "at least one", f"$.{name}"))
    found += _names("zones", [zone.id for zone in table.zones])
    found += _names("methods", [method.id for method in table.methods])
    found += problems_of_zones(table.zones)
    found += problems_of_distances(table.distances)
    found += table.dispatch.problems("$.dispatch")
    zones = {zone.id: zone for zone in table.zones}
    for n, method in enumerate(table.methods):
        path = f"$.methods[{n}]"
        zone = zones.get(method.zone)
        if zone is None:
            found.append(Problem("zone_unknown", f"no zone {method.zone!r}", f"{path}.zone"))
        else:
            found += _currencies(method, zone.countries, path)
        if any(isinstance(c, ByDistance) for c in method.charges) and not table.distances:
            said = "this way goes by distance, and the table says of no place how far it is"
            found.append(Problem("distances_missing", said, "$.distances"))
        found += _problems_of(method, path)
    used = {method.zone for method in table.methods}
    for n, one in enumerate(table.zones):
        if one.id not in used:
            said = "no way goes here; leave the places out of the other zones, or name them nowhere"
            found.append(Problem("zone_without_methods", said, f"$.zones[{n}]"))
    return found


def _names(field: str, ids: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, name in enumerate(ids):
        path = f"$.{field}[{n}].id"
        if not NAME.fullmatch(name):
            yield Problem("id_invalid", "1 to 64 letters, digits, '-', '_' or '.'", path)
        if name in seen:
            yield Problem("id_repeated", f"{name!r} stands twice", path)
        seen.add(name)


def _problems_of(method: Method, path: str) -> list[Problem]:
    found = []
    for name in ("title", "carrier"):
        text = getattr(method, name)
        if not 1 <= len(text.strip()) <= 100 or not text.isprintable():
            said = "one line of 1 to 100 characters"
            found.append(Problem("text_invalid", said, f"{path}.{name}"))
        elif TAG.search(text):
            found.append(Problem("markup_not_allowed", NO_MARKUP, f"{path}.{name}"))
    if not 0 <= method.days[0] <= method.days[1] <= LONGEST_DAYS:
        said = f"the first day is not after the last, and that not after {LONGEST_DAYS}"
        found.append(Problem("days_invalid", said, f"{path}.days"))
    if not method.flat:
        found.append(Problem("amount_missing", "a price, or zero", f"{path}.flat"))
    if method.divisor is not None and not 1 <= method.divisor <= MOST_MEASURE:
        found.append(Problem("measure_invalid", "a divisor is at least 1", f"{path}.divisor"))
    if method.carbon_g_per_kg is not None and not 0 <= method.carbon_g_per_kg <= MOST_MEASURE:
        said = "grams for a kilogram are not negative"
        found.append(Problem("measure_invalid", said, f"{path}.carbon_g_per_kg"))
    if method.most_parcels is not None and method.most_parcels < 1:
        found.append(Problem("measure_invalid", "at least 1", f"{path}.most_parcels"))
    for name in ("weight_g", "units", "longest_mm"):
        limit = getattr(method.parcel, name)
        if limit is not None and not 1 <= limit <= MOST_MEASURE:
            found.append(
                Problem("measure_invalid", "a limit is at least 1", f"{path}.parcel.{name}")
            )
    for number, charge in enumerate(method.charges):
        found += _problems_of_charge(charge, method, f"{path}.charges[{number}]")
    return found


def _problems_of_charge(charge: Charge, method: Method, path: str) -> list[Problem]:
    found: list[Problem] = []
    if isinstance(charge, (ByWeight, ByDistance)):
        found += _problems_of_bands(charge.bands, charge.beyond, path)
    if isinstance(charge, ByWeight) and charge.bands and charge.beyond is None:
        heaviest, last = method.parcel.weight_g, charge.bands[-1].up_to
        if heaviest is not None and last < heaviest:
            said = f"a parcel may weigh {heaviest} g, and the bands end at {last} g"
            found.append(Problem("bands_gap", said, f"{path}.bands[{len(charge.bands) - 1}].up_to"))
    if isinstance(charge, ByQuantity) and not 0 <= charge.included <= MOST_MEASURE:
        found.append(Problem("quantity_invalid", "a quantity is not negative", f"{path}.included"))
    if isinstance(charge, ByValue):
        found += _problems_of_values(charge, path)
    return found


def _problems_of_values(charge: ByValue, path: str) -> Iterator[Problem]:
    if not charge.bands:
        yield Problem("bands_missing", "at least one band", f"{path}.bands")
    reached: dict[str, int | None] = {}
    last: dict[str, int] = {}
    for n, band in enumerate(charge.bands):
        here, currency = f"{path}.bands[{n}]", band.price.currency
        if band.up_to is not None and band.up_to.currency != currency:
            yield Problem("currency_mismatch", "value and price are of one currency", here)
            continue
        if band.price.minor > MOST_MINOR:
            yield Problem("amount_invalid", f"{MOST_MINOR} at most", f"{here}.price.amount")
        before = reached.get(currency, -1)
        if before is None or (band.up_to is not None and band.up_to.minor <= before):
            yield Problem("bands_order", "each band ends above the one before", f"{here}.up_to")
            continue
        reached[currency] = None if band.up_to is None else band.up_to.minor
        last[currency] = n
    for currency, end in reached.items():
        if end is not None:
            said = f"goods worth more than the last band in {currency} have no price; leave its"
            where = f"{path}.bands[{last[currency]}].up_to"
            yield Problem("bands_gap", f"{said} up_to out", where)


def _problems_of_bands(bands: tuple[Band, ...], beyond: Beyond | None, path: str) -> list[Problem]:
    found = []
    if not bands:
        found.append(Problem("bands_missing", "at least one band", f"{path}.bands"))
    if len(bands) > MOST_BANDS:
        return [Problem("too_many", f"{MOST_BANDS} at most", f"{path}.bands")]
    before = -1
    for place, band in enumerate(bands):
        where = f"{path}.bands[{place}].up_to"
        if band.up_to <= before:
            found.append(Problem("bands_order", "each band ends above the one before", where))
        if band.up_to > MOST_MEASURE:
            found.append(Problem("measure_invalid", f"{MOST_MEASURE} at most", where))
        before = band.up_to
    if beyond is not None and not 1 <= beyond.every <= MOST_MEASURE:
        found.append(Problem("measure_invalid", "a step is at least 1", f"{path}.beyond.every"))
    return found


def _currencies(method: Method, countries: frozenset[str], path: str) -> Iterator[Problem]:
    """A price is in every currency that the way has prices in, and in that of each market it goes
    to: where it lacks in one step, the way would not be offered, and nobody told why.
    """
    has = [price.currency for price in method.flat]
    for country, currency in HOME_CURRENCIES.items():
        if country in countries and has and currency not in has:
            said = f"{currency} is paid in {country}; say what this way costs in it"
            yield Problem("currency_missing", said, f"{path}.flat")
            break
    for where, prices, whole in _all_prices(method, path):
        currencies = [price.currency for price in prices]
        for n, price in enumerate(prices):
            if price.currency in currencies[:n]:
                yield Problem(
                    "currency_repeated", f"{price.currency} stands twice", f"{where}[{n}]"
                )
            if price.minor > MOST_MINOR:
                yield Problem("amount_invalid", f"{MOST_MINOR} at most", f"{where}[{n}].amount")
        lacking = sorted(set(has) - set(currencies)) if whole else []
        if lacking:
            yield Problem("currency_missing", f"no price in {', '.join(lacking)}", where)
    for n, charge in enumerate(method.charges):
        if isinstance(charge, ByValue):
            lacking = sorted(set(has) - {band.price.currency for band in charge.bands})
            if lacking:
                said = f"no band in {', '.join(lacking)}"
                yield Problem("currency_missing", said, f"{path}.charges[{n}].bands")


def _all_prices(method: Method, path: str) -> Iterator[tuple[str, Prices, bool]]:
    """Where prices stand, and whether every currency of the way has to be among them."""
    yield f"{path}.flat", method.flat, False
    yield f"{path}.free_over", method.free_over, False
    for n, charge in enumerate(method.charges):
        here = f"{path}.charges[{n}]"
        if isinstance(charge, (ByWeight, ByDistance)):
            for place, band in enumerate(charge.bands):
                yield f"{here}.bands[{place}].price", band.price, True
            if charge.beyond is not None:
                yield f"{here}.beyond.price", charge.beyond.price, True
        elif not isinstance(charge, ByValue):
            yield f"{here}.each", charge.each, True
