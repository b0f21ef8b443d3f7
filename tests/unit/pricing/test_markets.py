"""Markets that staff define, and sales without tax (docs/rules/pricing.md §10.5a, §10.5b)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.money import Money
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import PercentOff
from shop.pricing.model.markets import MarketSettings, undecided_sale, undecided_sales
from shop.pricing.model.price_lists import PriceEntry, PriceList
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import MARKETS, Market, RuleSet
from shop.pricing.model.targeting import Conditions, Window
from shop.tax.model.country_rates import CountryRates, RatesChange, tax_table_with
from shop.tax.model.rates import TaxRate, TaxTable, UntaxedDecision

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GB = Market("GB", "included", Destination("GB"), "Europe/London", ("GB", "IM"), "GBP")
REST = Market("REST")
DECISION = UntaxedDecision("exports", "", NOW)


def updated(*markets: Market) -> MarketSettings:
    return MarketSettings().update(markets, at=NOW, actor="ann", reason="nexus")


def rejected(*markets: Market) -> list[tuple[str, str | None]]:
    with pytest.raises(InvalidRequest) as error:
        updated(*markets)
    return [(problem.code, problem.path) for problem in error.value.problems]


def quote_to(
    place: Destination, rules: RuleSet, at: datetime = NOW, currency: str = "GBP"
) -> Quote:
    lines = (BasketLine("a", "p", "p.1", "S", "Thing", Money(12_000, currency), 1),)
    market = rules.market_of(place.country).id
    return quote(Basket(lines, currency, market, destination=place), rules=rules, at=at)


def test_bundled_markets_are_a_valid_version() -> None:
    assert updated(*MARKETS).markets == MARKETS


def test_every_country_has_one_market() -> None:
    rules = RuleSet(markets=(GB, REST))
    assert [rules.market_of(country).id for country in ("GB", "IM", "FR", None)] == [
        "GB",
        "GB",
        "REST",
        "GB",
    ]


@pytest.mark.parametrize(
    ("markets", "problem"),
    [
        ((GB,), ("market_of_the_rest", "$.markets")),
        ((GB, REST, replace(REST, id="B")), ("market_of_the_rest", "$.markets")),
        ((GB, replace(GB, countries=("FR",)), REST), ("duplicate", "$.markets[1].id")),
        ((GB, replace(GB, id="B"), REST), ("duplicate", "$.markets[1].countries[0]")),
        ((replace(GB, countries=("GB", "GB")), REST), ("duplicate", "$.markets[0].countries[1]")),
        ((replace(GB, id="gb"), REST), ("id_invalid", "$.markets[0].id")),
        ((replace(GB, id=""), REST), ("id_invalid", "$.markets[0].id")),
        ((replace(GB, home=None), REST), ("missing", "$.markets[0].home")),
        ((replace(GB, zone="Europe/Nowhere"), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, zone="../etc/passwd"), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, zone=""), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, zone="Europe"), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, zone="America/Argentina"), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, zone="localtime"), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, zone="right/UTC"), REST), ("time_zone_unknown", "$.markets[0].zone")),
        ((replace(GB, currency="XXQ"), REST), ("currency_unknown", "$.markets[0].currency")),
        (
            (replace(GB, untaxed=DECISION), REST),
            ("value_contradiction", "$.markets[0].untaxed_reason"),
        ),
    ],
)
def test_invalid_markets_are_rejected_with_their_path(
    markets: tuple[Market, ...], problem: tuple[str, str]
) -> None:
    assert problem in rejected(*markets)


def test_decision_keeps_its_author_until_its_reason_changes() -> None:
    first = updated(replace(REST, untaxed=DECISION))
    later = NOW + timedelta(days=1)

    def again(reason: str) -> UntaxedDecision | None:
        market = replace(REST, untaxed=replace(DECISION, reason=reason))
        return first.update((market,), at=later, actor="bob", reason="").markets[0].untaxed

    assert first.markets[0].untaxed == UntaxedDecision("exports", "ann", NOW)
    assert again("exports") == UntaxedDecision("exports", "ann", NOW)
    assert again("all exports") == UntaxedDecision("all exports", "bob", later)


SALE = Promotion(
    "sale", "Sale", PercentOff(100_000), conditions=Conditions(markets=("EU",)), published=True
)
LISTED = PriceList("gb", "USD", (PriceEntry("p", 1),), markets=("CN",))


@pytest.mark.parametrize(
    ("promotions", "lists", "is_needed"),
    [
        ((SALE,), (), True),
        ((replace(SALE, ended_at=NOW),), (), False),
        ((), (LISTED,), True),
        ((), (replace(LISTED, window=Window(ends=NOW)),), False),
        ((), (replace(LISTED, window=Window(ends=NOW + timedelta(days=1))),), True),
        ((replace(SALE, conditions=Conditions(markets=("US",))),), (), False),
    ],
)
def test_market_that_a_rule_names_stays(promotions: Any, lists: Any, is_needed: bool) -> None:
    left = tuple(market for market in MARKETS if market.id not in ("EU", "CN"))
    if not is_needed:
        MarketSettings().check_in_use(left, promotions, lists, NOW)
        return
    with pytest.raises(Conflict) as error:
        MarketSettings().check_in_use(left, promotions, lists, NOW)
    assert error.value.code == "market_in_use"


def test_day_of_a_rate_is_that_of_the_market() -> None:
    new = TaxRate("JP", 120_000, since=date(2027, 4, 1))
    old = TaxRate("JP", 100_000, until=date(2027, 4, 1))
    japan = Market("JP", "included", Destination("JP"), "Asia/Tokyo", ("JP",), "JPY")
    rules = RuleSet(markets=(japan, REST), tax=TaxTable((old, new)))
    midnight = datetime(2027, 3, 31, 15, tzinfo=UTC)
    before, after = (
        quote_to(Destination("JP"), rules, at, "JPY").lines[0].tax.rate
        for at in (midnight - timedelta(microseconds=1), midnight)
    )
    assert (before, after) == (100_000, 120_000)


# Selling without tax


def decided(country: str, *regions: str | None) -> TaxTable:
    bundled = CountryRates.bundled(country)
    reasons = dict.fromkeys(regions or (None,), "not registered")
    change = RatesChange(bundled.rates, reasons)
    return tax_table_with([bundled.update(change, NOW.date(), at=NOW, actor="ann")])


@pytest.mark.parametrize("country", ["GB", "CH", "NO", "JP", "TR"])
def test_untaxed_sale_is_undecided_until_staff_decide(country: str) -> None:
    place = Destination(country)
    assert quote_to(place, RuleSet()).untaxed_undecided == country
    priced = quote_to(place, RuleSet(tax=decided(country)))
    assert priced.untaxed_undecided is None
    (entry,) = priced.trace
    assert entry.detail == f"No tax is charged in {country}: not registered (ann, 2026-11-22)"


def test_decision_of_the_market_holds_for_countries_without_rates_only() -> None:
    rest = replace(REST, untaxed=replace(DECISION, actor="ann"))
    rules = RuleSet(markets=(*MARKETS[:3], rest))
    assert quote_to(Destination("JP"), rules).untaxed_undecided is None
    assert quote_to(Destination("GB"), rules).untaxed_undecided == "GB"


def test_decision_of_a_region_precedes_that_of_the_country() -> None:
    rules = RuleSet(tax=decided("US", None, "IL"))
    for region in ("IL", "OR"):
        assert quote_to(Destination("US", region), rules).untaxed_undecided is None
    only_oregon = RuleSet(tax=decided("US", "OR"))
    assert quote_to(Destination("US", "OR"), only_oregon).untaxed_undecided is None
    assert quote_to(Destination("US", "IL"), only_oregon).untaxed_undecided == "US-IL"


def test_rate_that_ended_leaves_an_undecided_sale() -> None:
    ended = TaxRate("DE", 190_000, until=date(2026, 11, 22))
    rules = RuleSet(tax=TaxTable((ended,), frozenset({"DE"})))
    assert quote_to(Destination("DE"), rules).untaxed_undecided == "DE"


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(RuleSet(tax=TaxTable((TaxRate("US", 0, region="OR"),))), id="rate of 0"),
        pytest.param(RuleSet(tax=TaxTable((TaxRate("US", 50_000),))), id="rate of the country"),
    ],
)
def test_stated_rate_needs_no_decision(rules: RuleSet) -> None:
    assert quote_to(Destination("US", "OR"), rules).untaxed_undecided is None


def test_missing_region_is_reported_as_such() -> None:
    assert quote_to(Destination("US"), RuleSet()).untaxed_undecided is None


def test_stored_quote_keeps_the_undecided_place() -> None:
    priced = quote_to(Destination("GB"), RuleSet())
    assert Quote.from_dict(priced.to_dict()).untaxed_undecided == "GB"


def test_undecided_countries_are_listed() -> None:
    countries = {sale.country: sale.market for sale in undecided_sales(RuleSet(), NOW)}
    assert {"GB", "CH", "NO", "TR"} <= countries.keys()
    assert countries["US"] == "US", "states without a rate"
    assert countries["*"] == "WORLD"
    assert not {"DE", "FR", "CN", "MC"} & countries.keys()
    sold = RuleSet(markets=(*MARKETS[:3], replace(REST, untaxed=DECISION)), tax=decided("GB"))
    remaining = {sale.country for sale in undecided_sales(sold, NOW)}
    assert remaining == countries.keys() - {"GB", "*"}


def test_taxed_market_ends_the_warning() -> None:
    rules = RuleSet(markets=(*MARKETS[:3], replace(GB, countries=("GB",)), REST))
    assert undecided_sale(rules, "GB", NOW) is None
    assert undecided_sale(RuleSet(), "GB", NOW) is not None


# Dated rates and the offers that were made before their day


@pytest.mark.parametrize(
    ("zone", "then", "at", "is_same"),
    [
        pytest.param("UTC", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", False, id="midnight"),
        pytest.param("UTC", "2026-12-31T23:50:00Z", "2026-12-31T23:59:59Z", True, id="day before"),
        pytest.param("UTC", "2027-01-01T00:00:00Z", "2027-01-01T00:10:00Z", True, id="first day"),
        pytest.param("UTC", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59Z", False, id="backwards"),
        pytest.param(
            "America/Los_Angeles", "2027-01-01T07:59:59Z", "2027-01-01T08:00:00Z", False, id="west"
        ),
        pytest.param(
            "America/Los_Angeles", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", True, id="UTC"
        ),
        pytest.param(
            "Pacific/Kiritimati", "2026-12-31T09:59:59Z", "2026-12-31T10:00:00Z", False, id="east"
        ),
        pytest.param(
            "Pacific/Pago_Pago", "2027-01-01T10:59:59Z", "2027-01-01T11:00:00Z", False, id="last"
        ),
    ],
)
def test_quote_does_not_outlive_the_day_of_its_rate(
    zone: str, then: str, at: str, is_same: bool
) -> None:
    day = date(2027, 1, 1)
    rates = (TaxRate("XK", 180_000, until=day), TaxRate("XK", 190_000, since=day))
    market = Market("XK", "included", Destination("XK"), zone, ("XK",))
    rules = RuleSet("1", markets=(market, Market("REST", zone=zone)), tax=TaxTable(rates))
    instants = [datetime.fromisoformat(text) for text in (then, at)]
    assert rules.gives_same_quote("1", *instants) is is_same


@pytest.mark.parametrize(
    ("clocks", "before", "after", "is_same"),
    [
        # Berlin's clocks change on 29 March and on 25 October; midnight is an hour apart.
        ("winter", "2027-02-28T22:59:59Z", "2027-02-28T23:00:00Z", False),
        ("summer", "2027-06-30T21:59:59Z", "2027-06-30T22:00:00Z", False),
        ("summer", "2027-06-30T22:59:59Z", "2027-06-30T23:00:00Z", True),
    ],
)
def test_day_of_a_rate_begins_at_midnight_in_summer_and_in_winter(
    clocks: str, before: str, after: str, is_same: bool
) -> None:
    days = (date(2027, 3, 1), date(2027, 7, 1))
    rates = (
        TaxRate("DE", 1, until=days[0]),
        TaxRate("DE", 2, since=days[0], until=days[1]),
        TaxRate("DE", 3, since=days[1]),
    )
    rules = RuleSet("1", tax=TaxTable(rates))
    then, at = (datetime.fromisoformat(text) for text in (before, after))
    assert rules.gives_same_quote("1", then, at) is is_same
    market = rules.market("EU")
    assert (market.day(then) == market.day(at)) is is_same
