"""Tax areas that are not countries: which rates apply, and between which places tax is reversed."""

from datetime import UTC, date, datetime

import pytest

from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep
from shop.tax.model.areas import COUNTRIES_WITH_TERRITORIES
from shop.tax.model.rates import (
    BUNDLED_TAX_TABLE,
    COUNTRIES_WITH_AREAS,
    TaxRate,
    TaxTable,
    tax_area,
)

DAY = date(2026, 11, 22)
HOME = Destination("DE")


def rate(country: str, postal_code: str | None = None, region: str | None = None) -> int | None:
    found = BUNDLED_TAX_TABLE.rate("standard", Destination(country, region, postal_code), DAY)
    return None if found is None else found.rate


OUTSIDE = [
    ("ES", "35001", "Las Palmas"),
    ("ES", "38 001", "Tenerife, with a blank"),
    ("ES", "51001", "Ceuta"),
    ("ES", "52001", "Melilla"),
    ("GR", "63086", "Athos"),
    ("GR", "630 87", "Athos, with a blank"),
    ("DE", "27498", "Heligoland"),
    ("DE", "78266", "Büsingen"),
    ("DE", "D-78266", "Büsingen, from abroad"),
    ("IT", "23041", "Livigno"),
    ("IT", "22061", "Campione"),
    ("IT", "47890", "San Marino"),
    ("IT", "00120", "Vatican City"),
    ("FI", "22100", "Åland"),
    ("FI", "AX-22100", "Åland, as its post writes it"),
    ("AX", "22100", "Åland by its own code"),
    ("FR", "97110", "Guadeloupe"),
    ("FR", "97200", "Martinique"),
    ("FR", "97300", "French Guiana"),
    ("FR", "97400", "Réunion"),
    ("FR", "97600", "Mayotte"),
    ("FR", "97150", "Saint-Martin"),
    ("FR", "97133", "Saint-Barthélemy"),
    ("FR", "98800", "New Caledonia"),
    ("RE", "97400", "Réunion by its own code"),
    ("GB", "JE2 3AB", "Jersey"),
    ("GB", "gy1 1aa", "Guernsey"),
    ("GB", "GX11 1AA", "Gibraltar"),
    ("GB", "GB-JE2 3AB", "Jersey, from abroad"),
    ("GB", "UK GY1 1AA", "Guernsey, from abroad"),
    ("IT", "22.061", "Campione, with a dot"),
    ("IT", "22061,", "Campione, with a comma"),
    ("IT", "22061 CO", "Campione, with its province"),
    ("IT", "I\u201322061", "Campione, with a dash"),
    ("IT", "\u202a22061\u202c", "Campione, with directions"),
    ("IT", "２３０４１", "Livigno, in wide digits"),
    ("IT", "٢٣٠٤١", "Livigno, in Arabic digits"),
    ("FI", "22-100", "Åland, with a hyphen"),
    ("DE", "78266 Büsingen", "Büsingen, with its name"),
    ("ES", "35.001", "Las Palmas, with a dot"),
    ("ES", "35001-1", "Las Palmas, with a suffix"),
    ("FR", "97110 CEDEX", "Guadeloupe, with CEDEX"),
    ("DK", "3900", "Greenland"),
    ("DK", "GL-3900", "Greenland, as its post writes it"),
    ("DK", "FO-100", "Faroe Islands, as their post writes it"),
    ("GL", "3900", "Greenland by its own code"),
    ("GI", "GX11 1AA", "Gibraltar by its own code"),
    ("NO", "9170", "Svalbard"),
    ("CH", "7563", "Samnaun"),
]
INSIDE = [
    ("ES", "28001", 210_000),
    ("ES", None, 210_000),
    ("ES", "03501", 210_000),
    ("ES", "3501", 210_000),
    ("ES", "3", 210_000),
    ("FR", "9711", 200_000),
    ("IT", "220610", 220_000),
    ("IT", "2206", 220_000),
    ("DE", "782660", 190_000),
    ("DK", "2300", 250_000),
    ("DK", "100", 250_000),
    ("DK", "39000", 250_000),
    ("DE", "27499", 190_000),
    ("DE", "78267", 190_000),
    ("IT", "22060", 220_000),
    ("IT", "23030", 220_000),
    ("IT", "47900", 220_000),
    ("FI", "00220", 255_000),
    ("FR", "20000", 200_000),
    ("FR", "98000", 200_000),
    ("MC", "98000", 200_000),
    ("MC", None, 200_000),
    ("IM", "IM1 1AA", 200_000),
    ("GB", "IM1 1AA", 200_000),
    ("GB", "BT1 1AA", 200_000),
    ("GB", "G1 1AA", 200_000),
    ("GB", "bt94 5aa", 200_000),
    ("GB", "B1 1AA", 200_000),
    ("GB", "BN1 1AA", 200_000),
    ("XI", None, 200_000),
    ("XK", "10000", 180_000),
    ("NL", None, 210_000),
    ("CN", None, 130_000),
]


@pytest.mark.parametrize(
    ("country", "postal_code"), [row[:2] for row in OUTSIDE], ids=[row[2] for row in OUTSIDE]
)
def test_territory_outside_the_tax_area_is_untaxed(country: str, postal_code: str) -> None:
    assert rate(country, postal_code) is None


@pytest.mark.parametrize(("country", "postal_code", "expected"), INSIDE)
def test_place_inside_the_tax_area_is_taxed(
    country: str, postal_code: str | None, expected: int
) -> None:
    assert rate(country, postal_code) == expected


@pytest.mark.parametrize(
    ("country", "region"),
    [("ES", "TF"), ("ES", "CN"), ("ES", "CE"), ("FI", "01"), ("FR", "974"), ("CN", "HK"),
     ("NL", "AW"), ("GR", "69"), ("NO", "21")],
)  # fmt: skip
def test_region_decides_without_a_postal_code(country: str, region: str) -> None:
    assert rate(country, None, region) is None


def test_postal_code_decides_before_the_region() -> None:
    assert rate("ES", "28001", "TF") == 210_000
    assert rate("ES", "38001", "M") is None


def test_rate_of_a_territory_applies_if_staff_define_one() -> None:
    canaries, aland = TaxRate("ES", 70_000, region="CN"), TaxRate("AX", 1)
    table = TaxTable((TaxRate("ES", 210_000), TaxRate("FI", 255_000), canaries, aland))
    assert table.rate("standard", Destination("ES", "TF", "38001"), DAY) == canaries
    assert table.rate("standard", Destination("ES", "CE", "51001"), DAY) is None
    assert table.rate("standard", Destination("FI", None, "22100"), DAY) == aland


@pytest.mark.parametrize("region", [None, "M", "GC", "CN"])
def test_rate_of_a_territory_applies_by_its_postal_code(region: str | None) -> None:
    canaries, madrid = TaxRate("ES", 70_000, region="CN"), TaxRate("ES", 1, region="M")
    table = TaxTable((TaxRate("ES", 210_000), canaries, madrid))
    assert table.rate("standard", Destination("ES", region, "35001"), DAY) == canaries


PL, FR, XI = "PL5260001246", "FR40303265045", "XI980780684"


@pytest.mark.parametrize(
    ("vat_id", "home", "destination", "is_reversed"),
    [
        pytest.param(PL, HOME, Destination("PL"), True, id="two members"),
        pytest.param(FR, HOME, Destination("MC", None, "98000"), True, id="to Monaco"),
        pytest.param(PL, Destination("MC"), Destination("PL"), True, id="from Monaco"),
        pytest.param(FR, Destination("MC"), Destination("FR"), False, id="Monaco counts as FR"),
        pytest.param(FR, Destination("MC"), Destination("PL"), False, id="number of FR from MC"),
        pytest.param(PL, HOME, Destination("ES", None, "35001"), False, id="to the Canaries"),
        pytest.param(PL, HOME, Destination("IT", None, "22061"), False, id="to Campione"),
        pytest.param(PL, HOME, Destination("FI", None, "22100"), False, id="to Åland"),
        pytest.param(PL, HOME, Destination("FR", None, "97400"), False, id="to Réunion"),
        pytest.param(
            PL, Destination("DE", None, "78266"), Destination("PL"), False, id="from Büsingen"
        ),
        pytest.param(
            PL, Destination("ES", None, "38001"), Destination("PL"), False, id="from Tenerife"
        ),
        pytest.param(XI, HOME, Destination("GB", None, "BT1 1AA"), True, id="to Belfast"),
        pytest.param(XI, HOME, Destination("FR"), True, id="number of XI"),
        pytest.param(XI, HOME, Destination("GB", None, "SW1A 1AA"), False, id="to London"),
        pytest.param(PL, HOME, Destination("IM", None, "IM1 1AA"), False, id="to the Isle of Man"),
        pytest.param(
            PL, Destination("GB", None, "BT1 1AA"), Destination("PL"), True, id="from Belfast"
        ),
        pytest.param("GB980780684", HOME, Destination("FR"), False, id="number of GB"),
    ],
)
def test_charge_is_reversed_only_between_places_inside(
    vat_id: str, home: Destination, destination: Destination, is_reversed: bool
) -> None:
    assert BUNDLED_TAX_TABLE.is_reverse_charge(vat_id, destination, home) is is_reversed


def test_monaco_is_in_the_market_of_the_union() -> None:
    assert RuleSet().market_of("MC").id == "EU"


def test_trace_names_the_territory() -> None:
    line = BasketLine("a", "p", "p.1", "S", "Thing", Money(11_900, "EUR"), 1)
    basket = Basket((line,), "EUR", "EU", destination=Destination("ES", None, "35001"))
    priced = quote(basket, rules=RuleSet("1"), at=datetime(2026, 11, 22, tzinfo=UTC))
    (entry,) = [entry for entry in priced.trace if entry.step is PricingStep.TAX]
    assert entry.detail == "Canary Islands is outside the tax area of ES"
    assert priced.tax.minor == 0


def test_territories_without_a_postal_code_never_match_their_country() -> None:
    for country in ("NL", "CN", "ES", "FR", "GB", "AU"):
        assert tax_area(Destination(country)).name == ""


def test_countries_with_areas_are_those_of_the_table() -> None:
    assert COUNTRIES_WITH_AREAS == COUNTRIES_WITH_TERRITORIES


@pytest.mark.parametrize(
    ("country", "postal_code", "market", "name"),
    [
        ("FI", "22100", "EU", "Åland Islands"),
        ("FR", "97400", "EU", "Réunion"),
        ("IT", "47890", "EU", "San Marino"),
        ("ES", "35001", "EU", "Canary Islands"),
    ],
)
def test_territory_outside_needs_no_decision(
    country: str, postal_code: str, market: str, name: str
) -> None:
    line = BasketLine("a", "p", "p.1", "S", "Thing", Money(11_900, "EUR"), 1)
    place = Destination(country, None, postal_code)
    basket = Basket((line,), "EUR", market, destination=place)
    priced = quote(basket, rules=RuleSet("1"), at=datetime(2026, 11, 22, tzinfo=UTC))
    (entry,) = [entry for entry in priced.trace if entry.step is PricingStep.TAX]
    assert (entry.reason, entry.detail) == ("", f"{name} is outside the tax area of {country}")
