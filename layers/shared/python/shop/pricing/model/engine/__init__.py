"""The order of work: price, lines, sets, order, gifts, shipping, tax (law of prices, §2)."""

from shop.pricing.model.engine.calculate import calculate_quote, split_by_unit

__all__ = ["calculate_quote", "split_by_unit"]
