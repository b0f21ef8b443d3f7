"""Regions that a postal code fixes, such as the state of a US ZIP code.

Mail goes by the postal code, so a region that contradicts it is wrong, and a missing one follows
from it. Sources, compared on 2026-11-30:

- US: USPS, Domestic Mail Manual, labeling list L002 (public domain), equal to the state of each of
  the 41,700 ZIP codes of GeoNames (symerio/postal-codes-data at 3a94317, CC BY 4.0) and of the
  42,800 of PyPI zipcodes 3.0.0 (MIT). ``099`` is military mail and New Jersey.
- CA: Canada Post, first letters; X by GeoNames. ``K1A`` has federal offices in Gatineau (QC).
- AU: Australia Post, ranges of the states; codes on both sides of a border by GeoNames. ``0872``
  is the desert of three states.
- ES: the first two digits are the province (INE's codes); codes that also serve a neighbouring
  province by GeoNames.
- CN, FI, FR, GB, PT: only regions in which prices differ: Xinjiang and Tibet; Åland; the overseas
  territories; Northern Ireland; the Azores and Madeira.

A line that crosses a border is delivered by the office on one side, whose state counts.
"""

import re
from functools import cache

from shop.kernel.frozen import frozen
from shop.places.model.countries import Unmatched, parent_regions
from shop.places.model.destination import (
    BRITISH_POSTCODE,
    compact,
    without_sign,
    zip_parts,
)

_TABLES = {
    "US": """005 NY|006-007 PR|008 VI|009 PR|010-027 MA|028-029 RI|030-038 NH|039-049 ME|050-054 VT
|055 MA|056-059 VT|060-069 CT|06390 NY|070-089 NJ|090-098 AE|099 AE/NJ|100-149 NY|150-196 PA
|197-199 DE|200 DC|201 VA|202-205 DC|20588 MD|20598 VA|206-219 MD|220-246 VA|247-269 WV|270-289 NC
|290-299 SC|300-319 GA|320-339 FL|340 AA|341-349 FL|350-369 AL|370-385 TN|386-397 MS|398-399 GA
|400-429 KY|430-459 OH|460-479 IN|480-499 MI|500-529 IA|530-549 WI|550-568 MN|569 DC|570-579 SD
|580-589 ND|590-599 MT|600-629 IL|630-659 MO|660-679 KS|680-699 NE|700-715 LA|716-729 AR|72643 MO
|730-732 OK|733 TX|734-749 OK|73960 TX|750-799 TX|800-819 CO|820-831 WY|832-839 ID|83414 WY
|840-849 UT|850-869 AZ|870-884 NM|885 TX|889-899 NV|900-961 CA|962-966 AP|967-968 HI|96799 AS
|969 GU|96939-96940 PW|96941-96944 FM|96950-96952 MP|96960 MH|96970 MH|970-979 OR|980-994 WA
|995-999 AK""",
    "CA": """A NL|B NS|C PE|E NB|G QC|H QC|J QC|K ON|K1A ON/QC|L ON|M ON|N ON|P ON|R MB|S SK|T AB
|V BC|X NT/NU|X0A NU|X0B NU|X0C NU|X0E NT|X0G NT|X1A NT|Y YT""",
    "AU": """02 ACT|08-09 NT|0872 NT/SA/WA|10-25 NSW|2540 ACT/NSW|26-28 NSW|2600-2617 ACT
|2618 ACT/NSW|2620 ACT/NSW|29 NSW|2900-2920 ACT|30-39 VIC|3500 NSW/VIC|3644 NSW/VIC|3691 NSW/VIC
|3707 NSW/VIC|40-49 QLD|4377 NSW/QLD|4380 NSW/QLD|4383 NSW/QLD|4385 NSW/QLD|4825 NT/QLD|50-59 SA
|60-69 WA|70-79 TAS|80-89 VIC|90-99 QLD""",
    "ES": """01 VI|01118 BU/VI|01211 BU/VI|01427 BU/VI|02 AB|03 A|03657 A/MU|04 AL|05 AV|06 BA|07 PM
|08 B|09 BU|10 CC|11 CA|12 CS|13 CR|14 CO|14449 CO/CR|15 C|16 CU|17 GI|18 GR|19 GU|20 SS|21 H|22 HU
|23 J|24 LE|25 L|26 LO|26127 LO/SO|26212 BU/LO|27 LU|28 M|28189-28190 GU/M|28310 M/TO|29 MA|30 MU
|31 NA|32 OR|33 O|34 P|35 GC|36 PO|37 SA|38 TF|39 S|40 SG|41 SE|42 SO|42269 SO/Z|43 T|44 TE|45 TO
|46 V|47 VA|48 BI|49 ZA|50 Z|51 CE|52 ML""",
    "CN": "83-84 XJ|85-86 XZ",
    "FI": "22 01",
    "FR": """971 971|97133 BL|97150 MF|972 972|973 973|974 974|975 PM|976 976|984 TF|986 WF|987 PF
|988 NC""",
    "GB": "BT NIR",
    "PT": "90-94 30|95-99 20",
}
"""Beginnings of postal codes with their regions: ``first-last REGION/REGION``. The longest one
applies."""
_FORMS = {
    "AU": re.compile(r"[0-9]{4}"),
    "CA": re.compile(r"(?:CA)?([ABCEGHJ-NPRSTVXY][0-9][A-Z].*)"),
    "CN": re.compile(r"[0-9]{6}"),
    "ES": re.compile(r"[0-9]{5}.*"),
    "FI": re.compile(r"[0-9]{5}"),
    "FR": re.compile(r"[0-9]{5}.*"),
    "GB": re.compile(rf"(?:{BRITISH_POSTCODE.pattern}).*"),
    "PT": re.compile(r"[0-9]{4}(?:[0-9]{3})?"),
}
_WHOLE = frozenset({"AU", "CA", "ES", "US"})
"""Countries whose table has all of their regions."""


@frozen
class PostalRegions:
    """The regions that a postal code may be in; with ``is_outside`` all other ones.

    Without regions, no region of the country has the postal code.
    """

    country: str
    regions: tuple[str, ...]
    is_outside: bool = False

    @property
    def only(self) -> str | None:
        """Return the region that the postal code is in, if it is a single one."""
        return self.regions[0] if len(self.regions) == 1 and not self.is_outside else None

    @property
    def is_unknown(self) -> bool:
        """Whether no region has the postal code."""
        return not self.regions

    def contains(self, region: str) -> bool:
        """Whether a place may have both the postal code and a region, which may be a larger one."""
        if region in self.regions:
            return not self.is_outside
        parents = parent_regions(self.country, region)
        if self.is_outside:
            return not set(self.regions) & set(parents)
        return any(
            one in parents or region in parent_regions(self.country, one) for one in self.regions
        )


def regions_of_postal_code(country: str, text: str | None) -> PostalRegions | None:
    """Return where a postal code may be; ``None`` without one, or if it fixes no region."""
    if country not in _TABLES or not compact(text):
        return None
    code = _normalized(country, text)
    table = _table(country)
    found = next(
        (table[code[:size]] for size in range(len(code), 0, -1) if code[:size] in table), ()
    )
    if found or country in _WHOLE:
        return PostalRegions(country, found)
    regions = dict.fromkeys(region for regions in table.values() for region in regions)
    return PostalRegions(country, tuple(regions), is_outside=True) if code else None


def regions_of_prefix(country: str, prefix: str) -> frozenset[str] | None:
    """Return the regions of all postal codes with a prefix; ``None`` if they are not known."""
    if country not in _WHOLE:
        return None
    table, wanted = _table(country), compact(prefix)
    longer = {
        region for key, regions in table.items() if key.startswith(wanted) for region in regions
    }
    shorter = next(
        (table[wanted[:n]] for n in range(len(wanted), 0, -1) if wanted[:n] in table), ()
    )
    return frozenset((*longer, *shorter))


def fixed_region(country: str, text: str | None) -> str | Unmatched:
    """Return the region that a postal code fixes, or ``MISSING``."""
    found = regions_of_postal_code(country, text)
    return (found and found.only) or Unmatched.MISSING


def _normalized(country: str, text: str | None) -> str:
    """Return the postal code as the table has it; "" for a text that has another form."""
    if country == "US":
        parts = zip_parts(text)
        return "" if parts is None else parts[0]
    code = compact(text) if country == "CA" else without_sign(country, text)
    match = _FORMS[country].fullmatch(code)
    return "" if match is None else match[match.lastindex or 0]


@cache
def _table(country: str) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for entry in _TABLES[country].replace("\n", "").split("|"):
        prefixes, _, regions = entry.partition(" ")
        first, _, last = prefixes.partition("-")
        for prefix in _range(first, last or first):
            table[prefix] = tuple(regions.split("/"))
    return table


def _range(first: str, last: str) -> list[str]:
    if first == last:
        return [first]
    return [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
