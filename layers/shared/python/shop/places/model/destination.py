"""The destination of goods: the texts that a client stated, and the codes that rules use."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import clean, is_blank
from shop.places.model.countries import (
    COUNTRY_UNKNOWN,
    POSTAL_REGION_COUNTRIES,
    REGION_REQUIRED,
    UK_PARTS,
    Unmatched,
    find_country,
    find_region,
    parent_regions,
)

if TYPE_CHECKING:  # the table is read for addresses with a postal code
    from shop.places.model.postal_regions import PostalRegions

_SIGN = re.compile(r"([A-Z]{1,3})([^0-9A-Z]*)(?=[0-9])")
_BRITISH_SIGN = re.compile(r"(?:GB|UK|XI|NI)[^0-9A-Z]*(?=[A-Z])")
BRITISH_POSTCODE = re.compile(
    r"(?!BT0(?:0|[0-9][A-Z]|$))[A-Z]{1,2}[0-9][0-9A-Z]??(?:[0-9](?:[A-Z]{2}|[A-Z]?$)|$)"
    r"|GIR0|BFPO[0-9]"
)
"""Beginning of the postcodes of the United Kingdom, as ``without_sign`` returns them: a
district and, if it is known, a unit; the old one of a bank; military mail. ``BT0`` is none."""
_ZIP = re.compile(r"(?:[A-Z]{2,3}[^0-9A-Z]*)?([0-9]{5})(?:[ -]*([0-9]{4}))?[^0-9A-Z]*")


@frozen
class Destination:
    """A country (ISO 3166-1 alpha-2), with region and postal code where they are known.

    ``region`` is the second part of an ISO 3166-2 code, such as ``CA`` of ``US-CA``.
    """

    country: str
    region: str | None = None
    postal_code: str | None = None

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the region and those that it is part of, the smallest first."""
        if self.region is None:
            return ()
        return (self.region, *parent_regions(self.country, self.region))


@frozen
class StatedPlace:
    """A place as a client stated it, as codes or names.

    ``is_hint`` is whether it only hints at the buyer's location, and is not an address.
    """

    country: str | None = None
    region: str | None = None
    locality: str | None = None
    postal_code: str | None = None
    is_hint: bool = False

    @property
    def destination(self) -> Destination | None:
        """Return the codes that tax and shipping use; ``None`` without a known country."""
        country = find_country(self.country)
        if isinstance(country, Unmatched):
            return None
        region = self._region_in(country)
        known = None if isinstance(region, Unmatched) else region
        return Destination(country, known, self.postal_code)

    def with_codes(self) -> "StatedPlace":
        """Return the place with each text replaced by its code; a text without a code stays."""
        destination = self.destination
        if destination is None:
            return self
        region = destination.region or self.region
        # Where no address needs a region, one that follows from the postal code is not written.
        if destination.country not in REGION_REQUIRED:
            typed = self._stated_region(destination.country, None)
            region = self.region if isinstance(typed, Unmatched) else region
        return StatedPlace(
            destination.country, region, self.locality, self.postal_code, self.is_hint
        )

    def problem(self, regions_in_rules: Iterable[str] = ()) -> Problem | None:
        """Return why nothing can be computed for this place; ``None`` if it can, or has no country.

        ``regions_in_rules`` are the regions of the country that tax rates, zones or distances name.
        Elsewhere, a region changes nothing, and a text without a code is accepted. The problem's
        path is the field of a postal address.
        """
        country = find_country(self.country)
        if country is Unmatched.MISSING:
            return None
        if isinstance(country, Unmatched):
            return Problem("country_unknown", COUNTRY_UNKNOWN, "address_country")
        if (unplaced := self._unplaced(country)) is not None:
            return unplaced
        named = frozenset(regions_in_rules)
        if not named and country not in REGION_REQUIRED:
            return None
        region = self._region_in(country)
        if not isinstance(region, Unmatched):
            return _imprecise(country, region, named)
        if region is Unmatched.UNKNOWN:
            return Problem("region_unknown", region_unknown(country), "address_region")
        if region is Unmatched.MISSING:
            return self._missing(country, named)
        # Without rules by region, neither tax nor shipping depends on it.
        return self.contradiction(country) if named else None

    def _unplaced(self, country: str) -> Problem | None:
        """Return the problem of a British address that may be in Northern Ireland or not."""
        if country != "GB" or self.is_hint or is_blank(self.postal_code or ""):
            return None
        if BRITISH_POSTCODE.match(without_sign(country, self.postal_code)):
            return None
        if not isinstance(self._stated_region(country, None), Unmatched):
            return None
        code = clean(self.postal_code or "")
        detail = (
            f"{code} is not a postcode of GB, such as BT1 5GS. Correct it, or enter the region."
        )
        return Problem("postal_code_unknown", detail, "postal_code")

    def _missing(self, country: str, named: frozenset[str]) -> Problem | None:
        postal = self._postal_regions(country)
        # A postal code in none of the regions with rules is precise enough.
        is_needed = postal is None or any(map(postal.contains, named))
        if not is_needed and country not in REGION_REQUIRED:
            return None
        detail = f"Enter the region, such as a state or province of {country}."
        return Problem("missing", detail, "address_region")

    def contradiction(self, country: str) -> Problem | None:
        """Return the problem of a postal code that is not in the stated region; else ``None``."""
        region = self._region_in(country)
        code = clean(self.postal_code or "")
        if region is Unmatched.NOWHERE:
            detail = f"No region of {country} has the postal code {code}. Correct it."
            return Problem("postal_code_unknown", detail, "postal_code")
        postal = self._postal_regions(country)
        if region is not Unmatched.CONTRADICTION or postal is None:
            return None
        stated = f"{country}-{self._stated_region(country, self.postal_code)}"
        places = " or ".join(f"{country}-{one}" for one in postal.regions)
        detail = f"Postal code {code} is in {places}, not in {stated}. Correct one of them."
        if postal.is_outside:
            detail = f"Postal code {code} is not in {stated}. Correct one of them."
        return Problem("region_contradicts_postal_code", detail, "address_region")

    def _region_in(self, country: str) -> str | Unmatched:
        found = self._stated_region(country, self.postal_code)
        postal = self._postal_regions(country)
        if isinstance(found, Unmatched) or postal is None:
            return found
        if postal.is_unknown:
            # A hint becomes more precise step by step, so its postal code may be a part of one.
            return found if self.is_hint else Unmatched.NOWHERE
        if not postal.contains(found):
            return Unmatched.CONTRADICTION
        # The postal code names a smaller region within the stated one.
        smaller = postal.only is not None and found in parent_regions(country, postal.only)
        return postal.only or found if smaller else found

    def _stated_region(self, country: str, postal_code: str | None) -> str | Unmatched:
        found = find_region(country, self.region, locality=self.locality, postal_code=postal_code)
        if found is Unmatched.MISSING and country == "GB":
            # Postal forms list Scotland and Northern Ireland as countries.
            part = find_region(country, self.country)
            return part if part in UK_PARTS else found
        return found

    def _postal_regions(self, country: str) -> "PostalRegions | None":
        if not self.postal_code or country not in POSTAL_REGION_COUNTRIES:
            return None
        from shop.places.model.postal_regions import regions_of_postal_code  # lazy: see above

        return regions_of_postal_code(country, self.postal_code)


def _imprecise(country: str, region: str, named: frozenset[str]) -> Problem | None:
    if region not in named and any(region in parent_regions(country, each) for each in named):
        detail = f"Prices differ within {country}-{region}. Enter the smaller region in it."
        return Problem("region_imprecise", detail, "address_region")
    return None


def region_unknown(country: str) -> str:
    """Return the text about a region that no code or name of the country matches."""
    return f"Region must be a code or name of a region of {country}, as ISO 3166-2 lists them."


def checked_destination(
    place: StatedPlace, paths: tuple[str, str], regions_in_rules: Iterable[str] | None = None
) -> Destination:
    """Return the destination of a place that staff stated.

    ``paths`` are those of the country and the region. Raises InvalidRequest for every text without
    a code, and for a region that contradicts the postal code. With ``regions_in_rules``, it also
    rejects a missing or imprecise region where rules depend on it.
    """
    destination = place.destination
    if destination is None:
        raise InvalidRequest(COUNTRY_UNKNOWN, code="country_unknown", path=paths[0])
    problem = None if regions_in_rules is None else place.problem(regions_in_rules)
    # A region that rules do not name must be known too: staff would not notice that it was ignored.
    if find_region(destination.country, place.region) is Unmatched.UNKNOWN:
        detail = region_unknown(destination.country)
        problem = Problem("region_unknown", detail, "address_region")
    problem = problem or place.contradiction(destination.country)
    if problem is not None:
        path = paths[1]
        if problem.path == "postal_code":
            path = f"{path.rpartition('.')[0]}.postal_code"
        raise InvalidRequest(problem.detail, code=problem.code, path=path)
    return destination


def compact(text: str | None) -> str:
    """Return the letters and digits of a postal code, in capitals: ``"sw1a 1aa"`` is SW1A1AA."""
    return _alphanumeric(clean(text or "").upper())


def postal_code_forms(country: str, text: str | None) -> tuple[str, ...]:
    """Return a postal code as typed and, if mail from abroad has it, without the country's sign.

    ``D-10115`` may begin with D or with 10. A sign is a country's code, or letters set apart.
    """
    typed = clean(text or "").upper()
    whole = _alphanumeric(typed)
    if country == "GB":
        bare = without_sign(country, typed)
        return (whole,) if bare == whole else (whole, bare)
    sign = _SIGN.match(typed)
    if sign is not None and (sign[2] or sign[1] == country):
        return whole, _alphanumeric(typed[sign.end() :])
    return (whole,)


def without_sign(country: str, text: str | None) -> str:
    """Return a postal code without the country's sign, for countries whose codes are numbers.

    In the United Kingdom, whose codes begin with letters, only ``GB``, ``UK``, ``XI`` and ``NI``
    are signs.
    """
    typed = clean(text or "").upper()
    sign = (_BRITISH_SIGN if country == "GB" else _SIGN).match(typed)
    return _alphanumeric(typed[sign.end() :] if sign is not None else typed)


def zip_parts(text: str | None) -> tuple[str, str | None] | None:
    """Return the ZIP code and its add-on code, if any; ``None`` for a text that is none."""
    match = _ZIP.fullmatch(clean(text or "").upper())
    return None if match is None else (match[1], match[2])


def _alphanumeric(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text)
