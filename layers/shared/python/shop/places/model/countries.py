"""Countries (ISO 3166-1 alpha-2 as of 2026-01-01, 249 codes, and ``XK``) and their regions.

ISO assigns Kosovo no code. CLDR, payment providers and carriers use the user-assigned ``XK``, so
addresses do too. Other user-assigned codes (``ZZ``) and those of blocs (``EU``) are not countries.
A text becomes a code before anything is computed from it; a text without a code is never guessed.
"""

import re
from enum import Enum

from shop.kernel.errors import InvalidValue
from shop.kernel.text_folding import clean

COUNTRIES: frozenset[str] = frozenset(
    (
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
        "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
        "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
        "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
        "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
        "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
        "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
        "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
        "VN VU WF WS XK YE YT ZA ZM ZW"
    ).split()
)

EU_MEMBER_STATES = frozenset(
    """AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK""".split()
)
"""The member states of the European Union."""

US_REGIONS = frozenset(
    """AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ
    NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AA AE AP""".split()
)
"""Regions that the US postal service delivers to (USPS Publication 28, appendix B)."""
MILITARY_REGIONS = ("AA", "AE", "AP")
COUNTRY_UNKNOWN = "Country must be an ISO 3166-1 code such as US or DE, or a name such as Germany."
UK_PARTS = frozenset({"ENG", "NIR", "SCT", "WLS"})
"""Regions of the United Kingdom that postal forms list as countries."""
REGION_REQUIRED = frozenset("AU BR CA CN IN MX US".split())
"""Countries in which an address needs its state or province."""
POSTAL_REGION_COUNTRIES = frozenset("AU CA CN ES FI FR GB PT US".split())
"""Countries in which a postal code fixes regions; ``postal_regions`` has the tables."""

_MILITARY_CITY = re.compile(r"\s*(?:APO|FPO|DPO)\b\W*(AA|AE|AP)?\b", re.IGNORECASE)
_MILITARY_ZIP_CODES = (
    ("AA", ("340",)),
    ("AE", ("09",)),
    ("AP", ("962", "963", "964", "965", "966")),
)
"""Prefixes of the ZIP codes of military mail. Source: USPS Publication 28, appendix B."""


class Unmatched(Enum):
    """The reason why a text has no code."""

    UNKNOWN = "unknown"
    """No country or region, or several ones, have this code or name."""
    MISSING = "missing"
    """There is no text."""
    CONTRADICTION = "contradiction"
    """The postal code is in another region."""
    NOWHERE = "nowhere"
    """No region of the country has the postal code."""


def find_country(text: str | None) -> str | Unmatched:
    """Return the ISO 3166-1 alpha-2 code of a country.

    The text is a code of two or three letters or a name, in any case.
    """
    wanted = clean(text or "")
    if not wanted:
        return Unmatched.MISSING
    if (code := wanted.upper()) in COUNTRIES:
        return code
    from shop.places.model.place_names import country_by_name  # lazy: most requests send codes

    return country_by_name(wanted) or Unmatched.UNKNOWN


def find_region(
    country: str, text: str | None, *, locality: str | None = None, postal_code: str | None = None
) -> str | Unmatched:
    """Return the second part of a region's ISO 3166-2 code, such as ``TX`` of ``US-TX``.

    The text is a code, with or without the country, or a name, in any case. In the US, the locality
    (city) of military mail stands for a region too. A missing region follows from a postal code
    that only one region has.
    """
    wanted = clean(text or "")
    if country == "US" and (military := _MILITARY_CITY.match(clean(locality or ""))):
        return _military_region(wanted, military[1], postal_code)
    if not any(map(str.isalnum, wanted)):
        if not postal_code or country not in POSTAL_REGION_COUNTRIES:
            return Unmatched.MISSING
        from shop.places.model.postal_regions import fixed_region  # lazy: most addresses have one

        return fixed_region(country, postal_code)
    if (code := wanted.upper()) in US_REGIONS and country == "US":
        return code
    from shop.places.model.place_names import region_by_text  # lazy: see find_country

    return region_by_text(country, wanted) or Unmatched.UNKNOWN


def _military_region(text: str, named: str | None, postal_code: str | None) -> str | Unmatched:
    """Return the region of military mail, which has the state AA, AE or AP and a ZIP code of it."""
    region = find_region("US", text)
    if region in MILITARY_REGIONS:
        return region
    if named is not None:
        return named.upper()
    from shop.places.model.destination import zip_parts  # lazy: few addresses are military

    digits, _ = zip_parts(postal_code) or ("", None)
    for code, prefixes in _MILITARY_ZIP_CODES:
        if digits.startswith(prefixes):
            return code
    # Any other state contradicts the city.
    return Unmatched.UNKNOWN if text else Unmatched.MISSING


def is_region(country: str, code: str) -> bool:
    """Return whether a code is that of a region of a country, in capitals and without prefix."""
    if country == "US" and code in US_REGIONS:
        return True
    from shop.places.model.place_names import is_region_code  # lazy: see find_country

    return is_region_code(country, code)


def parent_regions(country: str, region: str) -> tuple[str, ...]:
    """Return the regions that a region is part of, the nearest first; none in most countries."""
    if country == "US":
        return ()
    from shop.places.model.place_names import parents_of  # lazy: see find_country

    return parents_of(country, region)


def validate_country(text: str) -> str:
    """Return the code of a country, from its code or name.

    Raises InvalidValue (``country_unknown``) otherwise.
    """
    code = find_country(text)
    if isinstance(code, Unmatched):
        raise InvalidValue("country_unknown", COUNTRY_UNKNOWN)
    return code


def validate_stated_country(text: str) -> str:
    """Return the text of a country as it is stated: it may also name a region, such as Scotland.

    Raises InvalidValue (``country_unknown``) for a text without a code.
    """
    validate_country(text)
    return text


def find_whole_country(text: str | None) -> str | Unmatched:
    """Return the code of a country that a text names as a whole, for settings without a region.

    A part that postal forms list as a country, such as Scotland, has none.
    """
    return Unmatched.UNKNOWN if _part_of_gb(text) else find_country(text)


def whole_country_detail(text: str) -> str:
    """Return why a text is not a whole country, and what to send."""
    if part := _part_of_gb(text):
        return (
            f"{clean(text)} is a part of GB. Name GB and, where the setting has regions, the region"
            f" {part}."
        )
    return COUNTRY_UNKNOWN


def validate_whole_country(text: str) -> str:
    """Return the code of a country, from its code or name.

    Raises InvalidValue (``country_unknown``) otherwise, and for a part of a country.
    """
    code = find_whole_country(text)
    if isinstance(code, Unmatched):
        raise InvalidValue("country_unknown", whole_country_detail(text))
    return code


def _part_of_gb(text: str | None) -> str | None:
    """Return the region that a text names as if it were a country: ``SCT`` for Scotland."""
    if clean(text or "").upper() == "XI":
        return "NIR"
    if find_country(text) != "GB":
        return None
    part = find_region("GB", text)
    return part if isinstance(part, str) and part in UK_PARTS else None
