"""Countries (ISO 3166-1 alpha-2 as of 2026-01-01, 249 codes) and their regions.

User-assigned codes (``XK``, ``ZZ``) and those of blocs (``EU``) are not countries.
"""

from shop.kernel.errors import InvalidValue

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
        "VN VU WF WS YE YT ZA ZM ZW"
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
REGIONS = {"US": US_REGIONS}
"""The countries with a complete list of regions."""


def is_region(country: str, code: str) -> bool:
    """Return whether a code is a region of a country.

    For a country without a list of regions, every code in the form of ISO 3166-2 is accepted.
    """
    regions = REGIONS.get(country)
    if regions is not None:
        return code in regions
    return 1 <= len(code) <= 3 and code.isascii() and code.isalnum() and code.upper() == code


def validate_country(text: str) -> str:
    """Return a country code. Raises InvalidValue (``country_unknown``) otherwise."""
    if text not in COUNTRIES:
        raise InvalidValue(
            "country_unknown", "Country must be an ISO 3166-1 code such as US or DE."
        )
    return text
