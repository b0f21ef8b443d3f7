"""Every place whose tax area is not its country: modelled, or named as not modelled."""

import csv
from datetime import date
from pathlib import Path

import pytest

from shop.kernel.errors import InvalidRequest
from shop.places.model.destination import Destination
from shop.tax.model.areas import area_in
from shop.tax.model.bundled_rates import AREA_REGIONS
from shop.tax.model.country_rates import CountryRates, tax_table_with
from shop.tax.model.rates import BUNDLED_TAX_TABLE

ROOT = Path(__file__).resolve().parents[3]
TERRITORIES = ROOT.parent / "shared" / "data" / "tax" / "vat-special-territories.csv"
RULES = ROOT / "docs/rules/pricing.md"
DAY = date(2026, 11, 22)

CASES: dict[str, tuple[str, str | None, int | None]] = {
    # territory: country of the address, postal code, standard rate (None: untaxed)
    "Canary Islands": ("ES", "35001", None),
    "Ceuta": ("ES", "51001", None),
    "Melilla": ("ES", "52001", None),
    "Mount Athos": ("GR", "63086", None),
    "Åland Islands": ("FI", "22100", None),
    "Guadeloupe": ("FR", "97110", None),
    "Saint-Martin": ("FR", "97150", None),
    "Martinique": ("FR", "97200", None),
    "French Guiana": ("FR", "97300", None),
    "Réunion": ("FR", "97400", None),
    "Mayotte": ("FR", "97600", None),
    "Saint-Barthélemy": ("FR", "97133", None),
    "Saint-Pierre-et-Miquelon, French Southern Territories, Wallis and Futuna, French Polynesia,"
    " New Caledonia": ("FR", "98800", None),
    "Heligoland": ("DE", "27498", None),
    "Büsingen": ("DE", "78266", None),
    "Livigno": ("IT", "23041", None),
    "Campione d'Italia": ("IT", "22061", None),
    "Monaco": ("MC", "98000", 200_000),
    "Isle of Man": ("IM", "IM1 1AA", 200_000),
    "Akrotiri and Dhekelia": ("CY", "4640", 190_000),
    "Northern Ireland": ("GB", "BT1 5GS", 200_000),
    "Jersey": ("JE", "JE2 3AB", None),
    "Guernsey": ("GG", "GY1 1AA", None),
    "Gibraltar": ("GI", "GX11 1AA", None),
    "San Marino": ("SM", "47890", None),
    "Vatican City": ("VA", "00120", None),
    "Andorra": ("AD", "AD500", 45_000),
    "Faroe Islands": ("FO", "100", None),
    "Greenland": ("GL", "3900", None),
    "Madeira": ("PT", "9000-001", 220_000),
    "Azores": ("PT", "9500-001", 160_000),
    "Jungholz": ("AT", "6691", 190_000),
    "Mittelberg (Kleinwalsertal)": ("AT", "6991", 190_000),
    "Svalbard": ("NO", "9170", None),
    "Jan Mayen": ("NO", "8099", None),
    "Liechtenstein": ("LI", "9490", 81_000),
    "Samnaun and Sampuoir": ("CH", "7563", None),
    "Norfolk Island, Christmas Island, Cocos (Keeling) Islands": ("AU", "2899", None),
    "Puerto Rico": ("PR", "00901", None),
    "Aruba, Curaçao, Sint Maarten, Bonaire, Sint Eustatius, Saba": ("AW", None, None),
    "Hong Kong, Macao, Taiwan": ("HK", None, None),
}
COUNTRY_RATE_APPLIES: dict[str, tuple[str, str | None, int]] = {
    # territory: country, postal code, rate of the country
    "North of Cyprus outside government control": ("CY", None, 190_000),
    "Corsica": ("FR", "20000", 200_000),
    "Leros, Lesbos, Kos, Samos, Chios": ("GR", "81100", 240_000),
}
"""Territories that the rules page names as not modelled."""


def rate(
    country: str,
    postal_code: str | None = None,
    *,
    region: str | None = None,
    tax_class: str = "standard",
    day: date = DAY,
) -> int | None:
    found = BUNDLED_TAX_TABLE.rate(tax_class, Destination(country, region, postal_code), day)
    return None if found is None else found.rate


@pytest.mark.skipif(not TERRITORIES.exists(), reason="the table of territories is not here")
def test_every_territory_of_the_source_has_a_case() -> None:
    with TERRITORIES.open(encoding="utf-8", newline="") as file:
        names = {row["territory"] for row in csv.DictReader(file)}
    assert names == {*CASES, *COUNTRY_RATE_APPLIES}


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=list(CASES))
def test_territory_has_its_standard_rate(
    name: str, case: tuple[str, str | None, int | None]
) -> None:
    country, postal_code, expected = case
    assert rate(country, postal_code) == expected, name


def test_territory_that_is_not_modelled_has_the_country_s_rate_and_is_named() -> None:
    text = " ".join(RULES.read_text(encoding="utf-8").split())
    _, _, section = text.partition("*Not modelled*")
    for name, (country, postal_code, expected) in COUNTRY_RATE_APPLIES.items():
        assert rate(country, postal_code) == expected
        assert name.split(",")[0].split(" outside")[0] in section[:2_000], name


@pytest.mark.parametrize(
    ("country", "postal_code", "expected"),
    [
        ("AT", "6691", 190_000),
        ("AT", "6991", 190_000),
        ("AT", "6992", 190_000),
        ("AT", "6993", 190_000),
        ("AT", "A-6991", 190_000),
        ("AT", "6991 Riezlern", 190_000),
        ("AT", "6990", 200_000),
        ("AT", "6994", 200_000),
        ("AT", "69911", 200_000),
        ("AT", "6692", 200_000),
        ("AT", "6900", 200_000),
        ("AT", None, 200_000),
        ("PT", "9000", 220_000),
        ("PT", "9000-001", 220_000),
        ("PT", "PT-9400-100", 220_000),
        ("PT", "9500-321", 160_000),
        ("PT", "9980 024", 160_000),
        ("PT", "8900-100", 230_000),
        ("PT", "1000-001", 230_000),
        ("PT", "950", 230_000),
        ("PT", "95000", 230_000),
        ("PT", None, 230_000),
    ],
)
def test_postal_code_decides_the_standard_rate(
    country: str, postal_code: str | None, expected: int
) -> None:
    assert rate(country, postal_code) == expected


def test_classes_of_an_area() -> None:
    # Austria: 19 % is the standard rate only; the reduced rates are those of the country.
    assert rate("AT", "6991", tax_class="reduced") == rate("AT", "1010", tax_class="reduced")
    assert rate("AT", "6991", tax_class="unheard_of") == 190_000
    assert rate("AT", "6991", tax_class="zero") is None
    assert rate("PT", "9500-001", tax_class="reduced") == 40_000
    assert rate("PT", "9000-001", tax_class="reduced") == 40_000
    assert rate("PT", "9000-001", tax_class="reduced", day=date(2024, 9, 30)) == 50_000
    assert rate("PT", "1000-001", tax_class="reduced") == 60_000


def test_region_decides_without_a_postal_code_only() -> None:
    assert rate("PT", region="20") == 160_000
    assert rate("PT", "1000-001", region="20") == 230_000
    assert rate("PT", "9500-001", region="11") == 160_000
    assert rate("AT", "6991", region="8") == 190_000, "Vorarlberg"
    assert rate("AT", region="8") == 200_000


def test_area_is_inside_its_country_s_tax_area() -> None:
    for country, postal_code in (("AT", "6991"), ("PT", "9500-001")):
        area = area_in(Destination(country, None, postal_code))
        assert (area.member, area.is_outside) == (country, False)
    reverse = BUNDLED_TAX_TABLE.is_reverse_charge
    assert reverse("ATU36801500", Destination("AT", None, "6991"), Destination("DE"))
    assert not reverse("DE136695976", Destination("DE"), Destination("DE"))


def test_addresses_need_no_region_for_an_area() -> None:
    assert BUNDLED_TAX_TABLE.regions_named("AT") == frozenset()
    assert BUNDLED_TAX_TABLE.regions_named("PT") == frozenset()


def test_staff_read_and_send_back_the_rates_of_areas() -> None:
    for country, regions in (("AT", {"JUNGHOLZ", "MITTELBERG"}), ("PT", {"20", "30"})):
        bundled = CountryRates.bundled(country)
        assert {rate.region for rate in bundled.rates} - {None} == regions
        assert CountryRates.parse(country, bundled.to_list()) == bundled.rates
    assert len(AREA_REGIONS) == 4
    with pytest.raises(InvalidRequest):
        CountryRates.parse("DE", [{"rate": 1, "region": "JUNGHOLZ"}])


def test_staff_change_the_rate_of_an_area() -> None:
    raw = [{"rate": 200_000}, {"rate": 180_000, "region": "MITTELBERG"}]
    own = CountryRates("AT", CountryRates.parse("AT", raw), version=1)
    table = tax_table_with([own])
    found = table.rate("standard", Destination("AT", None, "6992"), DAY)
    assert found is not None
    assert found.rate == 180_000
    jungholz = table.rate("standard", Destination("AT", None, "6691"), DAY)
    assert jungholz is not None
    assert jungholz.rate == 200_000, "without a rate of its own, that of the country"
