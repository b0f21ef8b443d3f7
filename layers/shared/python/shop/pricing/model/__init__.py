"""What prices are made of. Standard library and kernel; no input, no output, no clock."""

from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts, Destination
from shop.pricing.model.quote import (
    CodeOutcome,
    Delivery,
    Discount,
    Gift,
    Notice,
    Quote,
    QuoteLine,
    RoundingPolicy,
    Tax,
    UnitRun,
    Use,
)
from shop.pricing.model.rules import MARKETS, Market, Rules
from shop.pricing.model.tax import BUNDLED, TaxRate, TaxTable
from shop.pricing.model.trace import REASONS, Step, TraceEntry

__all__ = [
    "BUNDLED",
    "MARKETS",
    "REASONS",
    "Basket",
    "BasketLine",
    "CodeOutcome",
    "CustomerFacts",
    "Delivery",
    "Destination",
    "Discount",
    "Gift",
    "Market",
    "Notice",
    "Quote",
    "QuoteLine",
    "RoundingPolicy",
    "Rules",
    "Step",
    "Tax",
    "TaxRate",
    "TaxTable",
    "TraceEntry",
    "UnitRun",
    "Use",
]
