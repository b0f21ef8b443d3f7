"""The price calculation: price, lines, sets, order, gifts, shipping, tax.

The steps and their order are defined in docs/rules/pricing.md §2.
"""

from shop.pricing.model.engine.calculate import calculate_quote

__all__ = ["calculate_quote"]
