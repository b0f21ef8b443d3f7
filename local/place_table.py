"""Write the table of country and region names that the shop looks texts up in.

``python -m local.place_table <folder>`` reads ``countries.csv`` and ``subdivisions.csv`` (also with
the ending ``.xz``) and replaces ``shop/places/data/place_names.txt``. The folder is not part of
this repository. It is made from these packages:

- npm cldr-localenames-full, cldr-core and cldr-subdivisions-full 48.2.0 (Unicode-3.0);
- PyPI iso3166-2 1.8.4 (MIT).

``EXTRA_COUNTRY_NAMES`` and ``EXTRA_REGION_NAMES`` add names that these packages do not have.
"""

import csv
import io
import lzma
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from shop.places.model.countries import COUNTRIES, MILITARY_REGIONS
from shop.places.model.place_names import TABLE, name_key

HEADER = """\
# Names of countries and regions, folded; written by local/place_table.py on {day}.
# Sources: CLDR 48.2.0 (npm cldr-localenames-full, cldr-core, cldr-subdivisions-full),
# Copyright 1991-2025 Unicode, Inc., licence Unicode-3.0 (https://www.unicode.org/license.txt);
# PyPI iso3166-2 1.8.4, Copyright Adam McKenna, licence MIT; names added in local/place_table.py.
# [countries] has ISO 3166-1 codes, [US] the second parts of ISO 3166-2 codes: CODE<PARENT|name|…|
"""

EXTRA_COUNTRY_NAMES = {
    "BO": "Plurinational State of Bolivia",
    "BN": "Brunei Darussalam",
    "CD": "Democratic Republic of the Congo|Congo, Democratic Republic of the|DRC",
    "CN": "People's Republic of China|P.R. China|PRC|Mainland China|中华人民共和国|中國大陸",
    "CV": "Cabo Verde",
    "CZ": "Czech Rep.|Czech Republic|Česká republika",
    "DE": "Federal Republic of Germany|Bundesrepublik Deutschland|BRD",
    "FM": "Federated States of Micronesia|Micronesia, Federated States of",
    # Postal forms list the parts of the United Kingdom as countries.
    "GB": "Great Britain|England|Scotland|Wales|Northern Ireland|U.K.|Britain",
    "GR": "EL|Hellas|Hellenic Republic",
    "HK": "Hong Kong|Hong Kong SAR|香港",
    "IE": "Republic of Ireland|Eire",
    "IR": "Islamic Republic of Iran|Iran, Islamic Republic of",
    "KP": "Democratic People's Republic of Korea|Korea, Democratic People's Republic of|DPRK",
    "KR": "Republic of Korea|Korea, Republic of|한국",
    "LA": "Lao People's Democratic Republic|Lao PDR",
    "MD": "Republic of Moldova|Moldova, Republic of",
    "MK": "Republic of North Macedonia",
    "MM": "Burma",
    "MO": "Macau|Macao|Macao SAR|澳门|澳門",
    "NL": "Holland|The Netherlands",
    "PS": "State of Palestine|Palestine, State of",
    "RU": "Russian Federation",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TL": "East Timor",
    "TR": "Turkey|Turkiye",
    "TW": "Taiwan, Province of China|臺灣",
    "TZ": "United Republic of Tanzania|Tanzania, United Republic of",
    "US": "USA|U.S.A.|United States of America|United States|Etats-Unis d'Amérique|EE. UU.|EEUU",
    "VA": "Holy See",
    "VE": "Bolivarian Republic of Venezuela|Venezuela, Bolivarian Republic of",
    "VN": "Viet Nam",
    # CLDR has the alpha-3 code XKK; the World Bank and the European Commission use XKX.
    "XK": "XKX|Republic of Kosovo|Republika e Kosovës|Kosova|Kosovo and Metohija",
}
"""Official names, old names and abbreviations that forms offer and people type."""

EXTRA_REGION_NAMES = {
    # Military mail has states of its own: USPS Publication 28, appendix B.
    "US-AA": "Armed Forces Americas|Armed Forces of the Americas",
    "US-AE": "Armed Forces Europe|Armed Forces Africa|Armed Forces Canada|Armed Forces Middle East",
    "US-AP": "Armed Forces Pacific",
    # Traditional abbreviations: U.S. Government Publishing Office Style Manual, 9.14.
    **{
        f"US-{code}": name
        for code, name in (
            pair.split("=")
            for pair in (
                "AL=Ala. AZ=Ariz. AR=Ark. CA=Calif. CO=Colo. CT=Conn. DE=Del. FL=Fla. IL=Ill. "
                "IN=Ind. KS=Kans. MA=Mass. MI=Mich. MN=Minn. MS=Miss. MT=Mont. NE=Nebr. NV=Nev. "
                "NM=N.Mex. ND=N.Dak. OK=Okla. OR=Oreg. PA=Penn. SD=S.Dak. TN=Tenn. TX=Tex. "
                "WA=Wash. WV=W.Va. WI=Wis. WY=Wyo."
            ).split()
        )
    },
    "US-DC": "Washington, D.C.|Washington DC|Washington D.C",
    "US-VI": "US Virgin Islands|U.S. Virgin Islands",
    "CA-NL": "Newfoundland|Labrador|Newfoundland & Labrador|NF|Nfld.",
    "CA-NT": "NWT",
    "CA-PE": "PEI|P.E.I.",
    "CA-QC": "PQ|Que.",
    "CA-YT": "Yukon Territory",
    "CN-NM": "内蒙古|內蒙古",
    "GB-NIR": "N. Ireland",
    # Codes before the changes of ISO 3166-2 in 2023.
    "IN-CG": "CT",
    "IN-OD": "OR|Orissa",
    "IN-TS": "TG",
    "IN-UK": "UT|Uttaranchal",
    "MX-CMX": "CDMX|DF|D.F.|Distrito Federal",
    "MX-MEX": "Edomex|Edo. de México",
}
"""Names, abbreviations and former codes, by ISO 3166-2 code."""

WITHOUT_NICKNAMES = frozenset({"AU", "US"})
"""Countries whose other English names are nicknames, such as "The Lone Star State"."""
CLDR_OUTDATED = frozenset({"IR"})
"""Countries whose English names in CLDR belong to codes before a change of ISO 3166-2."""
_TAGGED = re.compile(r"\s*'?([^()]+?)'?\s*\(([a-z0-9]+)\)'?\s*(?:,|$)")
_TWO_NAMES = re.compile(r"[\[\]/]")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})

Row = Mapping[str, str]
Names = dict[str, tuple[set[str], set[str]]]
"""Folded names by code: those that name it first, and other ones."""


def main(folder: Path) -> None:
    """Write the table from the files in a folder."""
    day = datetime.now(UTC).date().isoformat()
    TABLE.write_text(HEADER.format(day=day) + "\n" + table_of(folder), encoding="utf-8")
    print(f"{TABLE}: {TABLE.stat().st_size:,} bytes")


def table_of(folder: Path) -> str:
    """Return the blocks of the table: the countries, then the regions of each country."""
    countries = {
        row["alpha2"]: _country_names(row)
        for row in _rows(folder / "countries.csv")
        if row["alpha2"] in COUNTRIES
    }
    blocks = [_block("countries", countries, {})]
    regions: dict[str, Names] = defaultdict(dict)
    parents: dict[str, dict[str, str]] = defaultdict(dict)
    for row in _rows(folder / "subdivisions.csv"):
        country, code = row["code"].split("-")
        regions[country][code] = _region_names(row)
        if row["parent"]:
            parents[country][code] = row["parent"].rpartition("-")[2]
    for code in MILITARY_REGIONS:
        regions["US"][code] = _folded(EXTRA_REGION_NAMES[f"US-{code}"].split("|")), set()
    blocks += [
        _block(country, regions[country], parents[country])
        for country in sorted(set(regions) & COUNTRIES)
    ]
    return "\n".join(blocks)


def _rows(path: Path) -> Iterator[Row]:
    packed = path.with_name(f"{path.name}.xz")
    raw = lzma.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    yield from csv.DictReader(io.StringIO(raw.decode(), newline=""))


def _country_names(row: Row) -> tuple[set[str], set[str]]:
    first = [row["name_en"], row["name_native"], row["alpha3"]]
    others = [text for name, text in row.items() if name.startswith("name_")]
    others += [
        *row["aliases_en"].split("|"),
        *EXTRA_COUNTRY_NAMES.get(row["alpha2"], "").split("|"),
    ]
    return _folded(first), _folded(others)


def _region_names(row: Row) -> tuple[set[str], set[str]]:
    first = [row["name_iso"]]
    if row["country"] not in CLDR_OUTDATED:
        first.append(row["name_en_cldr"])
    # "Bruxelles-Capitale, Région de" is also "Région de Bruxelles-Capitale".
    first += [" ".join(reversed(text.split(", "))) for text in first if text.count(", ") == 1]
    # "Alicante/Alacant" and "A Coruña [La Coruña]" are two names each.
    others = [part for text in first for part in _TWO_NAMES.split(text.partition(", ")[0])]
    others += [
        name
        for name, language in _TAGGED.findall(row["other_names"])
        if language != "eng" or row["country"] not in WITHOUT_NICKNAMES
    ]
    # Two letters that are no code of ISO 3166-2 stand in another system of codes.
    others = [name for name in others if len(name) > 2 or not name.isascii()]
    others += EXTRA_REGION_NAMES.get(row["code"], "").split("|")
    if row["country"] in ("AT", "CH", "DE", "LI"):
        others += [name.translate(_GERMAN) for name in (*first, *others)]
    return _folded(first), _folded(others)


def _folded(names: Iterable[str]) -> set[str]:
    return {name_key(name) for name in names} - {""}


def _block(title: str, names: Names, parents: Mapping[str, str]) -> str:
    """Return the lines of a block, without names that stand for several codes."""
    owners: dict[str, set[str]] = defaultdict(set)
    for code, (first, others) in names.items():
        for name in first | others:
            owners[name].add(code)
    lines = []
    for code, (first, others) in sorted(names.items()):
        own = [
            name
            for name in sorted(first | others)
            # A code precedes every name: Haiti's "Nò" is the North, and NO the North-West.
            if _owner(name, owners[name], names, parents) == code and name.upper() not in names
        ]
        parent = f"<{parents[code]}" if code in parents else ""
        lines.append("|".join([code + parent, *own, ""]))
    return f"[{title}]\n" + "\n".join(lines) + "\n"


def _owner(name: str, codes: set[str], names: Names, parents: Mapping[str, str]) -> str | None:
    """Return the code that a name stands for; ``None`` if several are equally right.

    A name of a region and of the region that it is part of stands for the smaller one. A first
    name precedes another name: "Shanxi" is not Shaanxi, whose Pinyin looks the same without tones.
    """
    for candidates in (codes, {code for code in codes if name in names[code][0]}):
        smallest = candidates - {
            ancestor for code in candidates for ancestor in _ancestors(code, parents)
        }
        if len(smallest) == 1:
            (only,) = smallest
            if candidates - {only} <= set(_ancestors(only, parents)):
                return only
    return None


def _ancestors(code: str, parents: Mapping[str, str]) -> Iterator[str]:
    while code in parents:
        code = parents[code]
        yield code


if __name__ == "__main__":
    main(Path(sys.argv[1]))
