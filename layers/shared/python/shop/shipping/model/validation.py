"""Validation of a shipping table: each problem with its path in the request."""

import re
from collections.abc import Iterator

from shop.kernel.errors import Problem
from shop.kernel.text_folding import is_blank
from shop.kernel.text_validation import MARKUP_MESSAGE, TAG
from shop.places.model.countries import COUNTRIES, EU_MEMBER_STATES, whole_country_detail
from shop.places.model.stated_areas import area_with_codes, country_codes
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
MAX_ZONES, MAX_METHODS, MAX_BANDS, MAX_DISTANCES = 300, 1_000, 200, 5_000
MAX_PRICE = 10**9
"""Minor units. A higher price of a method or band is a typing error."""
MAX_MEASURE = 10**9
"""Limit of every weight, length, distance and count."""
HOME_CURRENCIES = {"US": "USD", "CN": "CNY", **dict.fromkeys(EU_MEMBER_STATES, "EUR")}
"""Currency of each home market. A method to one of these countries needs a price in it."""

_ASCENDING = "Each band must end above the one before. Sort the bands by up_to."


def validate_shipping_table(table: ShippingTable) -> list[Problem]:
    """Return every problem of a table."""
    problems: list[Problem] = []
    if not 0 <= table.default_item_weight_g <= MAX_MEASURE:
        problems.append(
            Problem("measure_invalid", _between(0, MAX_MEASURE), "$.default_item_weight_g")
        )
    for country in sorted(table.excluded_countries - COUNTRIES):
        detail = f"Country {country!r} is unknown. {whole_country_detail(country)}"
        problems.append(Problem("country_unknown", detail, "$.excluded_countries"))
    for name, limit in (
        ("zones", MAX_ZONES),
        ("methods", MAX_METHODS),
        ("distances", MAX_DISTANCES),
    ):
        if len(getattr(table, name)) > limit:
            # Return early, because the comparison of so many zones would take too long.
            return [*problems, Problem("too_many", _at_most(limit), f"$.{name}")]
        if not getattr(table, name) and name != "distances":
            detail = f"The table must have at least one of {name}."
            problems.append(Problem("missing", detail, f"$.{name}"))
    problems += _id_problems("zones", [zone.id for zone in table.zones])
    problems += _id_problems("methods", [method.id for method in table.methods])
    problems += problems_of_zones(table.zones)
    problems += problems_of_distances(table.distances)
    problems += table.dispatch.problems("$.dispatch")
    zones = {zone.id: zone for zone in table.zones}
    for n, method in enumerate(table.methods):
        path = f"$.methods[{n}]"
        zone = zones.get(method.zone)
        if zone is None:
            problems.append(
                Problem(
                    "zone_unknown",
                    f"Zone {method.zone!r} is not in zones. Add it or use another.",
                    f"{path}.zone",
                )
            )
        else:
            problems += _currency_problems(method, zone.countries, path)
        # Without distances, a rate by distance is never defined and the method never offered.
        if any(isinstance(c, DistanceRate) for c in method.charges) and not table.distances:
            detail = f"Method {method.id!r} charges by distance. Add distances."
            problems.append(Problem("missing", detail, "$.distances"))
        problems += _method_problems(method, path)
    problems += _unused_zone_problems(table)
    return problems


def with_place_codes(raw: object) -> object:
    """Return the JSON object of a table with codes for the places that have one."""
    if not isinstance(raw, dict):
        return raw
    document = dict(raw)
    if "excluded_countries" in document:
        document["excluded_countries"] = country_codes(document["excluded_countries"])
    for name in ("zones", "distances"):
        if isinstance(document.get(name), list):
            document[name] = [area_with_codes(each) for each in document[name]]
    return document


def _unused_zone_problems(table: ShippingTable) -> Iterator[Problem]:
    used = {method.zone for method in table.methods}
    for n, zone in enumerate(table.zones):
        if zone.id not in used:
            detail = (
                "The zone has no method. Add one, or exclude its countries with excluded_countries."
            )
            yield Problem("zone_without_methods", detail, f"$.zones[{n}]")


def _id_problems(field: str, ids: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, name in enumerate(ids):
        path = f"$.{field}[{n}].id"
        if not NAME_PATTERN.fullmatch(name):
            yield Problem(
                "id_invalid", "An id must be 1 to 64 letters, digits, '-', '_' or '.'.", path
            )
        if name in seen:
            yield Problem("duplicate", f"The id {name!r} is used twice. Use each id once.", path)
        seen.add(name)


def _method_problems(method: ShippingMethod, path: str) -> list[Problem]:
    problems = []
    for name in ("title", "carrier"):
        text = getattr(method, name)
        if is_blank(text) or len(text.strip()) > 100 or not text.isprintable():
            detail = "The text must be one line of 1 to 100 characters."
            problems.append(Problem("text_invalid", detail, f"{path}.{name}"))
        elif TAG.search(text):
            problems.append(Problem("markup_not_allowed", MARKUP_MESSAGE, f"{path}.{name}"))
    if not 0 <= method.days[0] <= method.days[1] <= MAX_TRANSIT_DAYS:
        detail = f"Send two ascending numbers of days, each from 0 to {MAX_TRANSIT_DAYS}."
        problems.append(Problem("days_invalid", detail, f"{path}.days"))
    if not method.flat:
        problems.append(
            Problem("missing", "Send at least one price; it may be zero.", f"{path}.flat")
        )
    if method.divisor is not None and not 1 <= method.divisor <= MAX_MEASURE:
        problems.append(Problem("measure_invalid", _between(1, MAX_MEASURE), f"{path}.divisor"))
    if method.carbon_g_per_kg is not None and not 0 <= method.carbon_g_per_kg <= MAX_MEASURE:
        carbon_path = f"{path}.carbon_g_per_kg"
        problems.append(Problem("measure_invalid", _between(0, MAX_MEASURE), carbon_path))
    if method.max_parcels is not None and method.max_parcels < 1:
        problems.append(
            Problem("measure_invalid", "The value must be 1 or more.", f"{path}.max_parcels")
        )
    for name in ("weight_g", "units", "longest_mm"):
        limit = getattr(method.parcel, name)
        if limit is not None and not 1 <= limit <= MAX_MEASURE:
            problems.append(
                Problem("measure_invalid", _between(1, MAX_MEASURE), f"{path}.parcel.{name}")
            )
    for number, charge in enumerate(method.charges):
        problems += _charge_problems(charge, method, f"{path}.charges[{number}]")
    return problems


def _charge_problems(charge: Charge, method: ShippingMethod, path: str) -> list[Problem]:
    problems: list[Problem] = []
    if isinstance(charge, (WeightRate, DistanceRate)):
        problems += _band_problems(charge.bands, charge.excess, path)
    if isinstance(charge, WeightRate) and charge.bands and charge.excess is None:
        heaviest, last = method.parcel.weight_g, charge.bands[-1].up_to
        # Without this check, a parcel between the last band and the limit has no price.
        if heaviest is not None and last < heaviest:
            detail = (
                f"Parcels of up to {heaviest} g are allowed, but the bands end at {last} g."
                " Add a band or an excess rate."
            )
            problems.append(
                Problem("bands_gap", detail, f"{path}.bands[{len(charge.bands) - 1}].up_to")
            )
    if isinstance(charge, QuantityRate) and not 0 <= charge.included <= MAX_MEASURE:
        problems.append(Problem("quantity_invalid", _between(0, MAX_MEASURE), f"{path}.included"))
    if isinstance(charge, ValueRate):
        problems += _value_band_problems(charge, path)
    return problems


def _value_band_problems(charge: ValueRate, path: str) -> Iterator[Problem]:
    if not charge.bands:
        yield Problem("missing", "Send at least one band.", f"{path}.bands")
    reached: dict[str, int | None] = {}
    last: dict[str, int] = {}
    for n, band in enumerate(charge.bands):
        band_path, currency = f"{path}.bands[{n}]", band.price.currency
        if band.up_to is not None and band.up_to.currency != currency:
            yield Problem(
                "currency_mismatch", "up_to and price must have the same currency.", band_path
            )
            continue
        if band.price.minor > MAX_PRICE:
            yield Problem("amount_invalid", _at_most(MAX_PRICE), f"{band_path}.price.amount")
        # None means an earlier band of this currency without an end, so this one never applies.
        before = reached.get(currency, -1)
        if before is None or (band.up_to is not None and band.up_to.minor <= before):
            yield Problem("bands_order", _ASCENDING, f"{band_path}.up_to")
            continue
        reached[currency] = None if band.up_to is None else band.up_to.minor
        last[currency] = n
    for currency, end in reached.items():
        if end is not None:
            detail = f"Goods above the last band in {currency} have no price. Remove its up_to."
            yield Problem("bands_gap", detail, f"{path}.bands[{last[currency]}].up_to")


def _band_problems(
    bands: tuple[RateBand, ...], excess: ExcessRate | None, path: str
) -> list[Problem]:
    problems = []
    if not bands:
        problems.append(Problem("missing", "Send at least one band.", f"{path}.bands"))
    if len(bands) > MAX_BANDS:
        return [Problem("too_many", _at_most(MAX_BANDS), f"{path}.bands")]
    before = -1
    for n, band in enumerate(bands):
        up_to = f"{path}.bands[{n}].up_to"
        if band.up_to <= before:
            problems.append(Problem("bands_order", _ASCENDING, up_to))
        if band.up_to > MAX_MEASURE:
            problems.append(Problem("measure_invalid", _at_most(MAX_MEASURE), up_to))
        before = band.up_to
    if excess is not None and not 1 <= excess.every <= MAX_MEASURE:
        problems.append(
            Problem("measure_invalid", _between(1, MAX_MEASURE), f"{path}.excess.every")
        )
    return problems


def _currency_problems(
    method: ShippingMethod, countries: frozenset[str], path: str
) -> Iterator[Problem]:
    """Yield a problem for each currency that lacks a price or has two.

    ``flat`` needs a price in the currency of each home market that the method serves. Every other
    part needs a price in each currency of ``flat``. Without it, checkouts in that currency would
    not offer the method.
    """
    flat = [price.currency for price in method.flat]
    for country, currency in HOME_CURRENCIES.items():
        if country in countries and flat and currency not in flat:
            detail = f"Customers in {country} pay in {currency}. Add a price in it."
            yield Problem("currency_missing", detail, f"{path}.flat")
            break  # report one currency per request
    for prices_path, prices, complete in _all_prices(method, path):
        currencies = [price.currency for price in prices]
        for n, price in enumerate(prices):
            if price.currency in currencies[:n]:
                yield Problem(
                    "duplicate",
                    f"{price.currency} has two prices. Send one.",
                    f"{prices_path}[{n}]",
                )
            if price.minor > MAX_PRICE:
                yield Problem("amount_invalid", _at_most(MAX_PRICE), f"{prices_path}[{n}].amount")
        missing = sorted(set(flat) - set(currencies)) if complete else []
        if missing:
            yield Problem("currency_missing", f"Add a price in {', '.join(missing)}.", prices_path)
    for n, charge in enumerate(method.charges):
        if isinstance(charge, ValueRate):
            missing = sorted(set(flat) - {band.price.currency for band in charge.bands})
            if missing:
                detail = f"Add a band in {', '.join(missing)}."
                yield Problem("currency_missing", detail, f"{path}.charges[{n}].bands")


def _all_prices(method: ShippingMethod, path: str) -> Iterator[tuple[str, Prices, bool]]:
    """Yield each list of prices with its path, and whether it needs every currency."""
    yield f"{path}.flat", method.flat, False
    yield f"{path}.free_shipping_threshold", method.free_shipping_threshold, False
    for n, charge in enumerate(method.charges):
        charge_path = f"{path}.charges[{n}]"
        if isinstance(charge, (WeightRate, DistanceRate)):
            for index, band in enumerate(charge.bands):
                yield f"{charge_path}.bands[{index}].price", band.price, True
            if charge.excess is not None:
                yield f"{charge_path}.excess.price", charge.excess.price, True
        elif not isinstance(charge, ValueRate):
            yield f"{charge_path}.each", charge.each, True


def _at_most(limit: int) -> str:
    return f"The maximum is {limit:,}."


def _between(low: int, high: int) -> str:
    return f"The value must be from {low} to {high:,}."
