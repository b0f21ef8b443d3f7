"""What prices are made of. Standard library and kernel; no input, no output, no clock."""

from typing import TYPE_CHECKING

from shop.kernel.counts import Count
from shop.kernel.on_demand import on_demand

if TYPE_CHECKING:
    from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts, Destination
    from shop.pricing.model.choice import Conditions, Selection, Window
    from shop.pricing.model.counts import counts_of, group_of
    from shop.pricing.model.price_lists import PriceEntry, PriceList
    from shop.pricing.model.promotions import Mode, Promotion, Stacking, StackingGroup, Status
    from shop.pricing.model.quote import (
        CodeOutcome,
        Delivery,
        Discount,
        Gift,
        Notice,
        Quote,
        QuoteLine,
        Tax,
        UnitRun,
        Use,
    )
    from shop.pricing.model.rounding import RoundingPolicy
    from shop.pricing.model.rules import MARKETS, Market, Rules, market_of
    from shop.pricing.model.standing import UNTOUCHED, CodeFacts, Standing
    from shop.pricing.model.tax import BUNDLED, TaxRate, TaxTable
    from shop.pricing.model.trace import REASONS, Step, TraceEntry

__all__ = [
    "BUNDLED",
    "MARKETS",
    "REASONS",
    "UNTOUCHED",
    "Basket",
    "BasketLine",
    "CodeFacts",
    "CodeOutcome",
    "Conditions",
    "Count",
    "CustomerFacts",
    "Delivery",
    "Destination",
    "Discount",
    "Gift",
    "Market",
    "Mode",
    "Notice",
    "PriceEntry",
    "PriceList",
    "Promotion",
    "Quote",
    "QuoteLine",
    "RoundingPolicy",
    "Rules",
    "Selection",
    "Stacking",
    "StackingGroup",
    "Standing",
    "Status",
    "Step",
    "Tax",
    "TaxRate",
    "TaxTable",
    "TraceEntry",
    "UnitRun",
    "Use",
    "Window",
    "counts_of",
    "group_of",
    "market_of",
]

__getattr__ = on_demand(
    __name__,
    {
        "basket": "Basket BasketLine CustomerFacts Destination",
        "choice": "Conditions Selection Window",
        "counts": "counts_of group_of",
        "price_lists": "PriceEntry PriceList",
        "promotions": "Mode Promotion Stacking StackingGroup Status",
        "quote": "CodeOutcome Delivery Discount Gift Notice Quote QuoteLine Tax UnitRun Use",
        "rounding": "RoundingPolicy",
        "rules": "MARKETS Market Rules market_of",
        "standing": "UNTOUCHED CodeFacts Standing",
        "tax": "BUNDLED TaxRate TaxTable",
        "trace": "REASONS Step TraceEntry",
    },
)
