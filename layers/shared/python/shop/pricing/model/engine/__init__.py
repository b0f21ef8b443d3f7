"""The order of work: price, lines, sets, order, gifts, shipping, tax (law of prices, §2)."""

from shop.pricing.model.engine.priced import priced, split

__all__ = ["priced", "split"]
