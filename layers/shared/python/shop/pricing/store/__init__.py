"""Pricing in DynamoDB: the calendar of promotions, the rule book, coupons, and what is left."""

from shop.pricing.store.book import DynamoRuleBook, rule_book
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.store.customers import DynamoCustomers
from shop.pricing.store.group_buys import DynamoGroupBuys
from shop.pricing.store.ledgers import DynamoLedgers
from shop.pricing.store.price_lists import DynamoPriceBook
from shop.pricing.store.tallies import DynamoStandings, DynamoTallies

__all__ = [
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
