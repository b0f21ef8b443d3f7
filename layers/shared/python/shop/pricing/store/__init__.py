"""Pricing in DynamoDB: the calendar of promotions, the rule book, coupons, and what is left."""

from typing import TYPE_CHECKING

from shop.kernel.on_demand import on_demand

if TYPE_CHECKING:
    from shop.pricing.store.book import DynamoRuleBook, rule_book
    from shop.pricing.store.calendar import DynamoPromotions
    from shop.pricing.store.coupons import DynamoCoupons
    from shop.pricing.store.customers import DynamoCustomers
    from shop.pricing.store.group_buys import DynamoGroupBuys
    from shop.pricing.store.hot import DynamoCountRows
    from shop.pricing.store.ledgers import DynamoLedgers
    from shop.pricing.store.price_lists import DynamoPriceBook
    from shop.pricing.store.tallies import DynamoStandings, DynamoTallies

__all__ = [
    "DynamoCountRows",
    "DynamoCoupons",
    "DynamoCustomers",
    "DynamoGroupBuys",
    "DynamoLedgers",
    "DynamoPriceBook",
    "DynamoPromotions",
    "DynamoRuleBook",
    "DynamoStandings",
    "DynamoTallies",
    "rule_book",
]

__getattr__ = on_demand(
    __name__,
    {
        "book": "DynamoRuleBook rule_book",
        "calendar": "DynamoPromotions",
        "coupons": "DynamoCoupons",
        "customers": "DynamoCustomers",
        "group_buys": "DynamoGroupBuys",
        "hot": "DynamoCountRows",
        "ledgers": "DynamoLedgers",
        "price_lists": "DynamoPriceBook",
        "tallies": "DynamoStandings DynamoTallies",
    },
)
