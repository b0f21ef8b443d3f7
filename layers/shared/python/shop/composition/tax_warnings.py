"""The warning of staff about sales without tax, which needs markets and tax rates together."""

from datetime import datetime

from shop.pricing.model.markets import undecided_sale
from shop.pricing.model.rule_set import RuleSet
from shop.tax.model.country_rates import CountryRates, tax_table_with
from shop.tax.schemas import TaxWarningView


def tax_warnings(rates: CountryRates, rules: RuleSet, at: datetime) -> list[TaxWarningView]:
    """Return the warning about a country's sales without tax, under these rates."""
    sale = undecided_sale(
        RuleSet(markets=rules.markets, tax=tax_table_with([rates])), rates.country, at
    )
    if sale is None:
        return []
    return [
        TaxWarningView(
            code="untaxed_undecided", content=sale.detail, country=sale.country, market=sale.market
        )
    ]
