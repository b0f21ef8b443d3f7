"""What may not stand in a shipping table; each problem with the place it was found at."""

import re
from collections.abc import Iterator

from shop.kernel.errors import Problem
from shop.kernel.text_validation import MARKUP_MESSAGE, TAG
from shop.places.model.countries import COUNTRIES
from shop.places.model.zones import problems_of_distances, problems_of_zones
from shop.shipping.model.delivery_estimates import MAX_TRANSIT_DAYS
from shop.shipping.model.rate_table import ShippingMethod, ShippingTable
from shop.shipping.model.rates import (
    Charge,
    DistanceRate,
    ExcessRate,
    Prices,
    QuantityRate,
    RateBand,
    ValueRate,
    WeightRate,
)

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MOST_ZONES, MOST_METHODS, MOST_BANDS, MOST_DISTANCES = 300, 1_000, 200, 5_000
MAX_PRICE = 10**9
"""Minor units beyond which the price of a way, or of a step of it, is a typing error."""
MAX_MEASURE = 10**9
EU_MEMBER_STATES = frozenset(
    """AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK""".split()
)
"""The member states of the European Union."""
HOME_CURRENCIES = {"US": "USD", "CN": "CNY", **dict.fromkeys(EU_MEMBER_STATES, "EUR")}
"""What the shop's markets pay in: a zone with one of these countries has prices in it."""


def validate_shipping_table(table: ShippingTable) -> list[Problem]:
    """Everything that is wrong with a table."""
    problems: list[Problem] = []
    if not 0 <= table.default_item_weight_g <= MAX_MEASURE:
        problems.append(
            Problem("measure_invalid", "a weight is not negative", "$.default_item_weight_g")
        )
    for country in sorted(table.excluded_countries - COUNTRIES):
        detail = f"{country!r} is no country of ISO 3166-1"
        problems.append(Problem("country_unknown", detail, "$.excluded_countries"))
    for name, most in (
        ("zones", MOST_ZONES),
        ("methods", MOST_METHODS),
        ("distances", MOST_DISTANCES),
    ):
        if len(getattr(table, name)) > most:
            return [*problems, Problem("too_many", f"{most} at most", f"$.{name}")]
        if not getattr(table, name) and name != "distances":
            problems.append(Problem(f"{name}_missing", "at least one", f"$.{name}"))
    problems += _names("zones", [zone.id for zone in table.zones])
    problems += _names("methods", [method.id for method in table.methods])
    problems += problems_of_zones(table.zones)
    problems += problems_of_distances(table.distances)
    problems += table.dispatch.problems("$.dispatch")
    zones = {zone.id: zone for zone in table.zones}
    for n, method in enumerate(table.methods):
        path = f"$.methods[{n}]"
        zone = zones.get(method.zone)
        if zone is None:
            problems.append(Problem("zone_unknown", f"no zone {method.zone!r}", f"{path}.zone"))
        else:
            problems += _currencies(method, zone.countries, path)
        if any(isinstance(c, DistanceRate) for c in method.charges) and not table.distances:
            detail = "this way goes by distance, and the table says of no place how far it is"
            problems.append(Problem("distances_missing", detail, "$.distances"))
        problems += _problems_of(method, path)
    used = {method.zone for method in table.methods}
    for n, one in enumerate(table.zones):
        if one.id not in used:
            detail = (
                "no way goes here; leave the places out of the other zones, or name them nowhere"
            )
            problems.append(Problem("zone_without_methods", detail, f"$.zones[{n}]"))
    return problems


def _names(field: str, ids: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, name in enumerate(ids):
        path = f"$.{field}[{n}].id"
        if not NAME_PATTERN.fullmatch(name):
            yield Problem("id_invalid", "1 to 64 letters, digits, '-', '_' or '.'", path)
        if name in seen:
            yield Problem("id_repeated", f"{name!r} stands twice", path)
        seen.add(name)


def _problems_of(method: ShippingMethod, path: str) -> list[Problem]:
    problems = []
    for name in ("title", "carrier"):
        text = getattr(method, name)
        if not 1 <= len(text.strip()) <= 100 or not text.isprintable():
            detail = "one line of 1 to 100 characters"
            problems.append(Problem("text_invalid", detail, f"{path}.{name}"))
        elif TAG.search(text):
            problems.append(Problem("markup_not_allowed", MARKUP_MESSAGE, f"{path}.{name}"))
    if not 0 <= method.days[0] <= method.days[1] <= MAX_TRANSIT_DAYS:
        detail = f"the first day is not after the last, and that not after {MAX_TRANSIT_DAYS}"
        problems.append(Problem("days_invalid", detail, f"{path}.days"))
    if not method.flat:
        problems.append(Problem("amount_missing", "a price, or zero", f"{path}.flat"))
    if method.divisor is not None and not 1 <= method.divisor <= MAX_MEASURE:
        problems.append(Problem("measure_invalid", "a divisor is at least 1", f"{path}.divisor"))
    if method.carbon_g_per_kg is not None and not 0 <= method.carbon_g_per_kg <= MAX_MEASURE:
        detail = "grams for a kilogram are not negative"
        problems.append(Problem("measure_invalid", detail, f"{path}.carbon_g_per_kg"))
    if method.max_parcels is not None and method.max_parcels < 1:
        problems.append(Problem("measure_invalid", "at least 1", f"{path}.most_parcels"))
    for name in ("weight_g", "units", "longest_mm"):
        limit = getattr(method.parcel, name)
        if limit is not None and not 1 <= limit <= MAX_MEASURE:
            problems.append(
                Problem("measure_invalid", "a limit is at least 1", f"{path}.parcel.{name}")
            )
    for number, charge in enumerate(method.charges):
        problems += _problems_of_charge(charge, method, f"{path}.charges[{number}]")
    return problems


def _problems_of_charge(charge: Charge, method: ShippingMethod, path: str) -> list[Problem]:
    problems: list[Problem] = []
    if isinstance(charge, (WeightRate, DistanceRate)):
        problems += _problems_of_bands(charge.bands, charge.excess, path)
    if isinstance(charge, WeightRate) and charge.bands and charge.excess is None:
        heaviest, last = method.parcel.weight_g, charge.bands[-1].up_to
        if heaviest is not None and last < heaviest:
            detail = f"a parcel may weigh {heaviest} g, and the bands end at {last} g"
            problems.append(
                Problem("bands_gap", detail, f"{path}.bands[{len(charge.bands) - 1}].up_to")
            )
    if isinstance(charge, QuantityRate) and not 0 <= charge.included <= MAX_MEASURE:
        problems.append(
            Problem("quantity_invalid", "a quantity is not negative", f"{path}.included")
        )
    if isinstance(charge, ValueRate):
        problems += _problems_of_values(charge, path)
    return problems


def _problems_of_values(charge: ValueRate, path: str) -> Iterator[Problem]:
    if not charge.bands:
        yield Problem("bands_missing", "at least one band", f"{path}.bands")
    reached: dict[str, int | None] = {}
    last: dict[str, int] = {}
    for n, band in enumerate(charge.bands):
        here, currency = f"{path}.bands[{n}]", band.price.currency
        if band.up_to is not None and band.up_to.currency != currency:
            yield Problem("currency_mismatch", "value and price are of one currency", here)
            continue
        if band.price.minor > MAX_PRICE:
            yield Problem("amount_invalid", f"{MAX_PRICE} at most", f"{here}.price.amount")
        before = reached.get(currency, -1)
        if before is None or (band.up_to is not None and band.up_to.minor <= before):
            yield Problem("bands_order", "each band ends above the one before", f"{here}.up_to")
            continue
        reached[currency] = None if band.up_to is None else band.up_to.minor
        last[currency] = n
    for currency, end in reached.items():
        if end is not None:
            detail = f"goods worth more than the last band in {currency} have no price; leave its"
            where = f"{path}.bands[{last[currency]}].up_to"
            yield Problem("bands_gap", f"{detail} up_to out", where)


def _problems_of_bands(
    bands: tuple[RateBand, ...], beyond: ExcessRate | None, path: str
) -> list[Problem]:
    problems = []
    if not bands:
        problems.append(Problem("bands_missing", "at least one band", f"{path}.bands"))
    if len(bands) > MOST_BANDS:
        return [Problem("too_many", f"{MOST_BANDS} at most", f"{path}.bands")]
    before = -1
    for place, band in enumerate(bands):
        where = f"{path}.bands[{place}].up_to"
        if band.up_to <= before:
            problems.append(Problem("bands_order", "each band ends above the one before", where))
        if band.up_to > MAX_MEASURE:
            problems.append(Problem("measure_invalid", f"{MAX_MEASURE} at most", where))
        before = band.up_to
    if beyond is not None and not 1 <= beyond.every <= MAX_MEASURE:
        problems.append(Problem("measure_invalid", "a step is at least 1", f"{path}.excess.every"))
    return problems


def _currencies(method: ShippingMethod, countries: frozenset[str], path: str) -> Iterator[Problem]:
    """A price is in every currency that the way has prices in, and in that of each market it goes
    to: where it lacks in one step, the way would not be offered, and nobody told why.
    """
    has = [price.currency for price in method.flat]
    for country, currency in HOME_CURRENCIES.items():
        if country in countries and has and currency not in has:
            detail = f"{currency} is paid in {country}; say what this way costs in it"
            yield Problem("currency_missing", detail, f"{path}.flat")
            break
    for where, prices, whole in _all_prices(method, path):
        currencies = [price.currency for price in prices]
        for n, price in enumerate(prices):
            if price.currency in currencies[:n]:
                yield Problem(
                    "currency_repeated", f"{price.currency} stands twice", f"{where}[{n}]"
                )
            if price.minor > MAX_PRICE:
                yield Problem("amount_invalid", f"{MAX_PRICE} at most", f"{where}[{n}].amount")
        lacking = sorted(set(has) - set(currencies)) if whole else []
        if lacking:
            yield Problem("currency_missing", f"no price in {', '.join(lacking)}", where)
    for n, charge in enumerate(method.charges):
        if isinstance(charge, ValueRate):
            lacking = sorted(set(has) - {band.price.currency for band in charge.bands})
            if lacking:
                detail = f"no band in {', '.join(lacking)}"
                yield Problem("currency_missing", detail, f"{path}.charges[{n}].bands")


def _all_prices(method: ShippingMethod, path: str) -> Iterator[tuple[str, Prices, bool]]:
    """Where prices stand, and whether every currency of the way has to be among them."""
    yield f"{path}.flat", method.flat, False
    yield f"{path}.free_shipping_threshold", method.free_shipping_threshold, False
    for n, charge in enumerate(method.charges):
        here = f"{path}.charges[{n}]"
        if isinstance(charge, (WeightRate, DistanceRate)):
            for place, band in enumerate(charge.bands):
                yield f"{here}.bands[{place}].price", band.price, True
            if charge.excess is not None:
                yield f"{here}.excess.price", charge.excess.price, True
        elif not isinstance(charge, ValueRate):
            yield f"{here}.each", charge.each, True
