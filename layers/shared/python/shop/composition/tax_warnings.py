"""The warnings of staff about sales without tax, which need markets and tax rates together."""

from collections.abc import Iterable
from datetime import datetime

from shop.pricing.model.markets import REST, UndecidedSale, undecided_sale, undecided_sales
from shop.pricing.model.rule_set import Market, RuleSet
from shop.tax.model.country_rates import CountryRates, tax_table_with
from shop.tax.schemas import TaxWarningView


def tax_warnings(rates: CountryRates, rules: RuleSet, at: datetime) -> list[TaxWarningView]:
    """Return the warning about a country's sales without tax, under these rates."""
    sale = undecided_sale(
        RuleSet(markets=rules.markets, tax=tax_table_with([rates])), rates.country, at
    )
    return [] if sale is None else [_view(sale)]


def all_tax_warnings(
    customized: Iterable[CountryRates], markets: tuple[Market, ...], at: datetime
) -> list[TaxWarningView]:
    """Return the warnings about all sales without tax, under the rates that staff changed."""
    return [_view(sale) for sale in _undecided(customized, markets, at)]


def undecided_countries(
    customized: Iterable[CountryRates], markets: tuple[Market, ...], at: datetime
) -> list[str]:
    """Return the countries that are sold to without tax undecided.

    Countries without rates that no market names share the decision of their market, so they are not
    among them.
    """
    sales = _undecided(customized, markets, at)
    return [sale.country for sale in sales if sale.country != REST]


def _undecided(
    customized: Iterable[CountryRates], markets: tuple[Market, ...], at: datetime
) -> list[UndecidedSale]:
    return undecided_sales(RuleSet(markets=markets, tax=tax_table_with(customized)), at)


def _view(sale: UndecidedSale) -> TaxWarningView:
    return TaxWarningView(
        code="untaxed_undecided", content=sale.detail, country=sale.country, market=sale.market
    )
