"""Tax areas: places whose tax is not that of the country in their address.

Sources: Directive 2006/112/EC, Art. 6, 7, 104 and 105; TFEU, Art. 349 and 355; the Windsor
Framework, Art. 8; the Customs and Excise Agreement of 1979 (Isle of Man); national laws. As of
2026-11-30.
"""

import re
from functools import lru_cache

from shop.kernel.errors import InvalidValue
from shop.kernel.text_folding import fold
from shop.places.model.countries import (
    Unmatched,
    find_whole_country,
    whole_country_detail,
)
from shop.places.model.destination import BRITISH_POSTCODE, Destination, compact, without_sign
from shop.tax.model.bundled_rates import AREA_REGIONS
from shop.tax.model.rates import NORTHERN_IRELAND, TaxArea

_TREATED_AS = {"MC": "FR", "IM": "GB"}
"""Countries that count as another one. Source: Directive 2006/112/EC, Art. 7; for IM since 1979."""

_TERRITORIES: tuple[tuple[str, str, tuple[str, ...], str, str | None], ...] = (
    # country, postal codes, regions, name, country that it counts as (None: no other country; its
    # own: within the tax area, with rates of the first region)
    ("AT", r"6691(?!\d)", ("JUNGHOLZ",), "Jungholz", "AT"),
    ("AT", r"699[123](?!\d)", ("MITTELBERG",), "Mittelberg", "AT"),
    ("PT", r"9[0-4]\d\d(?!\d)|9[0-4]\d{5}(?!\d)", ("30",), "Madeira", "PT"),
    ("PT", r"9[5-9]\d\d(?!\d)|9[5-9]\d{5}(?!\d)", ("20",), "Azores", "PT"),
    ("ES", r"3[58]\d{3}", ("CN", "GC", "TF"), "Canary Islands", None),
    ("ES", r"51\d{3}", ("CE",), "Ceuta", None),
    ("ES", r"52\d{3}", ("ML",), "Melilla", None),
    ("GR", r"6308[67](?!\d)", ("69",), "Mount Athos", None),
    ("DE", r"27498(?!\d)", (), "Heligoland", None),
    ("DE", r"78266(?!\d)", (), "Büsingen", None),
    ("IT", r"23041(?!\d)", (), "Livigno", None),
    ("IT", r"22061(?!\d)", (), "Campione d'Italia", None),
    ("IT", r"4789\d(?!\d)", (), "San Marino", "SM"),
    ("IT", r"00120(?!\d)", (), "Vatican City", "VA"),
    ("FI", r"22\d{3}(?!\d)", ("01",), "Åland Islands", "AX"),
    ("FR", r"97150(?!\d)", ("MF",), "Saint-Martin", "MF"),
    ("FR", r"97133(?!\d)", ("BL",), "Saint-Barthélemy", "BL"),
    ("FR", r"971\d\d", ("971", "GP"), "Guadeloupe", "GP"),
    ("FR", r"972\d\d", ("972", "MQ"), "Martinique", "MQ"),
    ("FR", r"973\d\d", ("973", "GF"), "French Guiana", "GF"),
    ("FR", r"974\d\d", ("974", "RE"), "Réunion", "RE"),
    ("FR", r"976\d\d", ("976", "YT"), "Mayotte", "YT"),
    ("FR", r"975\d\d", ("PM",), "Saint-Pierre-et-Miquelon", "PM"),
    ("FR", r"984\d\d", ("TF",), "French Southern Territories", "TF"),
    ("FR", r"986\d\d", ("WF",), "Wallis and Futuna", "WF"),
    ("FR", r"987\d\d", ("PF",), "French Polynesia", "PF"),
    ("FR", r"988\d\d", ("NC",), "New Caledonia", "NC"),
    ("DK", r"(?:DK|GL)?39\d\d(?!\d)", (), "Greenland", "GL"),
    ("DK", r"FO\d{3}(?!\d)", (), "Faroe Islands", "FO"),
    ("GB", r"BT0?[1-9]", ("NIR",), "Northern Ireland", NORTHERN_IRELAND),
    ("GB", r"JE\d", (), "Jersey", "JE"),
    ("GB", r"GY\d", (), "Guernsey", "GG"),
    ("GB", r"GX11", (), "Gibraltar", "GI"),
    ("CH", r"756[23](?!\d)", (), "Samnaun", None),
    ("NO", r"917\d(?!\d)", ("21",), "Svalbard", "SJ"),
    ("NO", r"8099(?!\d)", ("22",), "Jan Mayen", "SJ"),
    ("NL", "", ("AW",), "Aruba", "AW"),
    ("NL", "", ("CW",), "Curaçao", "CW"),
    ("NL", "", ("SX",), "Sint Maarten", "SX"),
    ("NL", "", ("BQ1", "BQ2", "BQ3"), "Caribbean Netherlands", "BQ"),
    ("CN", "", ("HK",), "Hong Kong", "HK"),
    ("CN", "", ("MO",), "Macao", "MO"),
    ("CN", "", ("TW",), "Taiwan", "TW"),
    ("AU", r"2899(?!\d)", (), "Norfolk Island", "NF"),
    ("AU", r"6798(?!\d)", (), "Christmas Island", "CX"),
    ("AU", r"6799(?!\d)", (), "Cocos (Keeling) Islands", "CC"),
)
_FORMS = {
    "AT": re.compile(r"\d{4}(?!\d)"),
    "ES": re.compile(r"\d{5}"),
    "FI": re.compile(r"\d{5}(?!\d)"),
    "FR": re.compile(r"\d{5}"),
    "GB": BRITISH_POSTCODE,
    "GR": re.compile(r"\d{5}(?!\d)"),
    "NO": re.compile(r"\d{4}(?!\d)"),
    "PT": re.compile(r"\d{4}(?!\d)|\d{7}(?!\d)"),
}
"""Beginning of the postal codes of countries whose territories have both codes and regions."""
COUNTRIES_WITH_TERRITORIES = frozenset((*_TREATED_AS, *(row[0] for row in _TERRITORIES)))
_AREA_NAMES = {"xi": NORTHERN_IRELAND, "northern ireland": NORTHERN_IRELAND}


def find_tax_area(text: str | None) -> str | Unmatched:
    """Return the code of a tax area from its code or name: a country, or ``XI``."""
    return _AREA_NAMES.get(fold(text or "")) or find_whole_country(text)


def validate_tax_area(text: str) -> str:
    """Return the code of a tax area. Raises InvalidValue (``country_unknown``) otherwise."""
    code = find_tax_area(text)
    if isinstance(code, Unmatched):
        raise InvalidValue("country_unknown", whole_country_detail(text))
    return code


@lru_cache(maxsize=1_000)
def area_in(destination: Destination) -> TaxArea:
    """Return the tax area of a destination in one of ``COUNTRIES_WITH_AREAS``."""
    treated_as = _TREATED_AS.get(destination.country)
    if treated_as is not None:
        return TaxArea(Destination(treated_as, None, None), name=destination.country)
    # "FI-22100" is written for mail from abroad. In Denmark, the sign names the territory.
    if destination.country == "DK":
        postal_code = compact(destination.postal_code)
    else:
        postal_code = without_sign(destination.country, destination.postal_code)
    form = _FORMS.get(destination.country)
    if form is not None and form.match(postal_code) is None:
        postal_code = ""  # a text such as n/a
    for country, codes, own_regions, name, counts_as in _TERRITORIES:
        if country != destination.country:
            continue
        # Mail goes by the postal code, so it decides. The region counts without one of its form.
        if codes and postal_code:
            matches = re.match(codes, postal_code) is not None
        else:
            matches = not set(own_regions).isdisjoint(destination.regions)
        if matches:
            if counts_as is None:
                return TaxArea(_within(destination, own_regions), is_outside=True, name=name)
            if counts_as == country:
                return TaxArea(_within(destination, own_regions), name=name)
            return TaxArea(Destination(counts_as, None, destination.postal_code), name=name)
    return TaxArea(_outside_areas(destination, postal_code))


def _outside_areas(destination: Destination, postal_code: str) -> Destination:
    """Return the destination without the region of an area in which its postal code is not."""
    if postal_code and (destination.country, destination.region) in AREA_REGIONS:
        return Destination(destination.country, None, destination.postal_code)
    return destination


def _within(destination: Destination, regions: tuple[str, ...]) -> Destination:
    """Return the destination in the territory's region, whatever region the address states.

    Rates that staff define for the region then apply, because mail goes by the postal code.
    """
    if not regions or not set(regions).isdisjoint(destination.regions):
        return destination
    return Destination(destination.country, regions[0], destination.postal_code)
