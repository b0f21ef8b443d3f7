"""Zones and distances as staff state them: texts of countries and regions become codes."""

from typing import Any

from shop.places.model.countries import Unmatched, find_region, find_whole_country

_REGION_FIELDS = ("regions", "excluded_regions")


def country_codes(raw: Any) -> Any:
    """Return a list with a code for each country text that has one; other values stay."""
    if not isinstance(raw, list):
        return raw
    return [
        _code_or_text(find_whole_country(each), each) if _is_text(each) else each for each in raw
    ]


def area_with_codes(raw: Any) -> Any:
    """Return the JSON object of a zone or distance with codes for its countries and regions.

    Texts without a code stay, so that the validation of the table reports them. Regions are looked
    up only if the object names one country.
    """
    if not isinstance(raw, dict):
        return raw
    area = dict(raw)
    if "countries" in area:
        area["countries"] = country_codes(area["countries"])
    countries = area.get("countries")
    if not isinstance(countries, list) or len(countries) != 1 or not _is_text(countries[0]):
        return area
    for name in _REGION_FIELDS:
        if isinstance(area.get(name), list):
            area[name] = [region_code(countries[0], each) for each in area[name]]
    return area


def region_code(country: str, raw: Any) -> Any:
    """Return the code of a region text; a text without a code and other values stay."""
    return _code_or_text(find_region(country, raw), raw) if _is_text(raw) else raw


def _is_text(raw: Any) -> bool:
    return isinstance(raw, str)


def _code_or_text(code: str | Unmatched, text: str) -> str:
    return text if isinstance(code, Unmatched) else code
