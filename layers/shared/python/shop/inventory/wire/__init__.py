"""Stock as staff write and read it: plain JSON, whole units."""

from shop.inventory.wire.levels import CountRequest, LevelsView, StockView, place_asked, sku_asked

__all__ = ["CountRequest", "LevelsView", "StockView", "place_asked", "sku_asked"]
