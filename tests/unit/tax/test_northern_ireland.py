"""Northern Ireland: its addresses are in GB, and its goods follow the Union's rules (§10.9)."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shop.kernel.money import Money
from shop.places.model.countries import Unmatched
from shop.places.model.destination import Destination, StatedPlace
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.markets import undecided_sales
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import MARKETS, Market, RuleSet
from shop.tax.model.areas import find_tax_area
from shop.tax.model.country_rates import CountryRates, RatesChange, tax_table_with
from shop.tax.model.rates import TaxRate, tax_area, taxed_from

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BELFAST = Destination("GB", None, "BT1 1AA")
LONDON = Destination("GB", None, "SW1A 1AA")
UNITED_KINGDOM = Market("GB", "included", Destination("GB"), "Europe/London", ("GB", "IM"), "GBP")
GERMAN_SHOP = RuleSet()
BRITISH_SHOP = RuleSet(markets=(replace(UNITED_KINGDOM, countries=("GB", "IM", "XI")), Market("R")))
WITHOUT_UNION = RuleSet(markets=(UNITED_KINGDOM, Market("R")))


def quote_to(place: Destination, rules: RuleSet, vat_id: str | None = None) -> Quote:
    lines = (BasketLine("a", "p", "p.1", "S", "Thing", Money(12_000, "EUR"), 1),)
    customer = None if vat_id is None else CustomerFacts(vat_id=vat_id)
    market = rules.market_for(place).id
    basket = Basket(lines, "EUR", market, destination=place, customer=customer)
    return quote(basket, rules=rules, at=NOW)


@pytest.mark.parametrize(
    ("place", "area"),
    [
        (BELFAST, "XI"),
        (Destination("GB", None, "bt94 5aa"), "XI"),
        (Destination("GB", None, "\u200bＢＴ９\u00a07AB"), "XI"),
        (Destination("GB", None, "BT71AA"), "XI"),
        (Destination("GB", None, "BT01 1AA"), "XI"),
        (Destination("GB", None, "XI-BT1 5GS"), "XI"),
        (Destination("GB", None, "NI BT1 5GS"), "XI"),
        (Destination("GB", None, "ni-bt94 5aa"), "XI"),
        (Destination("GB", None, "GB-BT1 5GS"), "XI"),
        (Destination("GB", "NIR", None), "XI"),
        (Destination("GB", "BFS", None), "XI"),
        (Destination("XI"), "XI"),
        (LONDON, "GB"),
        (Destination("GB"), "GB"),
        (Destination("GB", "NIR", "SW1A 1AA"), "GB"),
        (Destination("GB", None, "B1 1AA"), "GB"),
        (Destination("GB", None, "BT"), "GB"),
        (Destination("GB", None, "BTA 1AA"), "GB"),
        (Destination("IM", None, "IM1 1AA"), "GB"),
        (Destination("GB", None, "IM1 1AA"), "GB"),
        (Destination("GB", None, "JE2 3AB"), "JE"),
        (Destination("GB", None, "GY1 1AA"), "GG"),
        (Destination("GB", None, "GX11 1AA"), "GI"),
        (Destination("IE", None, "BT1 1AA"), "IE"),
        (Destination("DE", None, "BT1"), "DE"),
    ],
)
def test_postal_code_decides_whether_a_place_is_in_northern_ireland(
    place: Destination, area: str
) -> None:
    assert tax_area(place).place.country == area


@pytest.mark.parametrize(
    "postal_code",
    [
        None,
        "",
        "-",
        "n/a",
        "0000",
        "none",
        "BT",
        "BT0 5GS",
        "BT0",
        "BT00 1AA",
        "\u0412\u0422",
        "D-10115",
    ],
)
def test_region_decides_where_the_postal_code_has_another_form(postal_code: str | None) -> None:
    for region, area in [("NIR", "XI"), ("BFS", "XI"), ("SCT", "GB"), (None, "GB")]:
        assert tax_area(Destination("GB", region, postal_code)).place.country == area
    for country, region in [("Northern Ireland", None), ("GB", "Northern Ireland")]:
        place = StatedPlace(country, region, postal_code=postal_code)
        assert place.destination is not None
        assert tax_area(place.destination).place.country == "XI"
        assert place.problem() is None


def test_region_and_postal_code_of_several_countries_follow_the_same_rule() -> None:
    cases = [("ES", "GC", None), ("PT", "30", "PT"), ("FI", "01", "AX"), ("FR", "MQ", "MQ")]
    for country, region, area in cases:
        for postal_code in ("n/a", "0", "-", None):
            found = tax_area(Destination(country, region, postal_code))
            assert found.name, (country, postal_code)
            assert area is None or found.place.country == area


@pytest.mark.parametrize(
    ("postal_code", "code"),
    [
        ("n/a", "postal_code_unknown"),
        ("-", "postal_code_unknown"),
        ("0000", "postal_code_unknown"),
        ("BT0 5GS", "postal_code_unknown"),
        ("\u0412\u04221 5GS", "postal_code_unknown"),
        ("10115", "postal_code_unknown"),
        ("XI-BT1 5GS", None),
        ("NI BT1 5GS", None),
        ("bt1 5gs", None),
        ("SW1A 1AA", None),
        ("GB-SW1A1AA", None),
        ("GIR 0AA", None),
        ("BFPO 801", None),
        ("BF1 3AA", None),
        (" ", None),
        (None, None),
    ],
)
def test_british_address_needs_a_region_or_a_postal_code_of_the_british_form(
    postal_code: str | None, code: str | None
) -> None:
    found = StatedPlace("GB", None, postal_code=postal_code).problem()
    assert (found and (found.code, found.path)) == (code and (code, "postal_code"))
    # A region without a code says no more than none.
    unknown = StatedPlace("GB", "Ulster county", None, postal_code).problem()
    assert (unknown and unknown.code) == code
    # A hint becomes more precise step by step.
    assert StatedPlace("GB", None, None, postal_code, is_hint=True).problem() is None
    assert StatedPlace("GB", "Scotland", None, postal_code).problem() is None


@pytest.mark.parametrize(
    ("text", "code"),
    [("XI", "XI"), (" xi ", "XI"), ("Northern Ireland", "XI"), ("ＸＩ", "XI"), ("GB", "GB"),
     ("Ireland", "IE"), ("Kosovo", "XK"), ("XJ", Unmatched.UNKNOWN), (None, Unmatched.MISSING)],
)  # fmt: skip
def test_tax_area_is_found_by_code_and_name(text: str | None, code: str | Unmatched) -> None:
    assert find_tax_area(text) == code


@pytest.mark.parametrize(
    ("rules", "belfast", "london"),
    [(GERMAN_SHOP, "EU", "WORLD"), (BRITISH_SHOP, "GB", "GB"), (WITHOUT_UNION, "GB", "GB")],
    ids=["seller in the Union", "seller in Great Britain", "Northern Ireland is not named"],
)
def test_market_of_northern_ireland(rules: RuleSet, belfast: str, london: str) -> None:
    assert rules.market_for(BELFAST).id == rules.market_of("XI").id == belfast
    assert rules.market_for(LONDON).id == rules.market_of("GB").id == london
    assert rules.market_for(Destination("IM")).id == rules.market_of("IM").id


def test_seller_in_the_union_charges_tax_to_a_consumer_in_belfast() -> None:
    priced = quote_to(BELFAST, GERMAN_SHOP)
    assert (priced.total.minor, priced.tax.minor) == (12_000, 2_000)
    assert quote_to(LONDON, GERMAN_SHOP).tax.minor == 0


def test_business_in_belfast_owes_the_tax_itself() -> None:
    priced = quote_to(BELFAST, GERMAN_SHOP, vat_id="XI980780684")
    assert (priced.reverse_charge, priced.total.minor, priced.tax.minor) == (True, 10_000, 0)
    assert not quote_to(LONDON, GERMAN_SHOP, vat_id="XI980780684").reverse_charge
    assert not quote_to(BELFAST, BRITISH_SHOP, vat_id="XI980780684").reverse_charge


def with_rate(country: str, rate: int, rules: RuleSet) -> RuleSet:
    own = CountryRates(country, (TaxRate(country, rate),))
    return replace(rules, tax=tax_table_with([own]))


def test_seller_in_great_britain_charges_the_rate_of_the_united_kingdom() -> None:
    for rules in (BRITISH_SHOP, WITHOUT_UNION):
        assert quote_to(BELFAST, with_rate("GB", 200_001, rules)).lines[0].tax.rate == 200_001
        assert quote_to(BELFAST, with_rate("XI", 200_001, rules)).lines[0].tax.rate == 200_000
    assert quote_to(BELFAST, with_rate("XI", 200_001, GERMAN_SHOP)).lines[0].tax.rate == 200_001


@pytest.mark.parametrize(
    ("home", "place", "taxed"),
    [
        (Destination("GB"), BELFAST, Destination("GB")),
        (Destination("IM"), BELFAST, Destination("GB")),
        (Destination("GB"), LONDON, LONDON),
        (Destination("GB", None, "JE2 3AB"), BELFAST, BELFAST),
        (BELFAST, BELFAST, BELFAST),
        (BELFAST, LONDON, LONDON),
        (Destination("IE"), BELFAST, BELFAST),
        (None, BELFAST, BELFAST),
    ],
)
def test_place_whose_rates_a_seller_charges(
    home: Destination | None, place: Destination, taxed: Destination
) -> None:
    assert taxed_from(home, place) == taxed


def test_sale_to_northern_ireland_can_be_decided() -> None:
    # Given a shop that sells to the whole world without tax
    rules = RuleSet(markets=(Market("R"),))

    def undecided(rules: RuleSet) -> set[str]:
        return {sale.country for sale in undecided_sales(rules, NOW)}

    assert {"XI", "XK", "GB"} <= undecided(rules)

    # When staff decide for two of its areas
    decided = []
    for country in ("XI", "XK"):
        bundled = CountryRates.bundled(country)
        change = RatesChange(bundled.rates, {None: "not registered"})
        decided.append(bundled.update(change, NOW.date(), at=NOW, actor="ann"))
    rules = replace(rules, tax=tax_table_with(decided))

    # Then the warnings of both are gone, and a quote names the decision
    assert "GB" in undecided(rules)
    assert not {"XI", "XK"} & undecided(rules)
    for place in (BELFAST, Destination("XK", None, "10000")):
        assert {entry.reason for entry in quote_to(place, rules).trace} >= {"untaxed_decided"}


def test_shop_with_a_market_for_the_united_kingdom_has_no_warning_of_northern_ireland() -> None:
    for rules in (BRITISH_SHOP, WITHOUT_UNION, GERMAN_SHOP):
        assert "XI" not in {sale.country for sale in undecided_sales(rules, NOW)}


def test_bundled_markets_name_each_area_once() -> None:
    named = [country for market in MARKETS for country in market.countries]
    assert "XI" in named
    assert len(named) == len(set(named))


def test_rates_of_northern_ireland_have_no_regions_and_keep_their_past() -> None:
    bundled = CountryRates.bundled("XI")
    today = date(2026, 11, 22)
    raw = [{**rate, "country": "Northern Ireland"} for rate in bundled.to_list()]
    rates = CountryRates.parse("XI", raw)
    assert {rate.country for rate in rates} == {"XI"}
    assert bundled.update(RatesChange(rates), today, at=NOW, actor="ann").version == 1


@pytest.mark.parametrize(
    ("country", "region", "codes"),
    [
        ("Northern Ireland", None, ("GB", "NIR")),
        ("Great Britain", None, ("GB", None)),
        ("UK", None, ("GB", None)),
        ("Northern Ireland", "Belfast City", ("GB", "BFS")),
        ("Scotland", None, ("GB", "SCT")),
        ("Wales", "", ("GB", "WLS")),
        ("United Kingdom", None, ("GB", None)),
        ("GB", None, ("GB", None)),
        ("Mexico", None, ("MX", None)),
        ("Luxembourg", None, ("LU", None)),
    ],
)
def test_part_of_the_united_kingdom_that_an_address_names_as_its_country_is_its_region(
    country: str, region: str | None, codes: tuple[str, str | None]
) -> None:
    place = StatedPlace(country, region).destination
    assert place is not None
    assert (place.country, place.region) == codes
