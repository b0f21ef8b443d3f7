"""Requests and responses of stock for staff: plain JSON, whole units."""

from shop.inventory.schemas.levels import (
    LevelsView,
    StockLevelRequest,
    StockView,
    location_from_query,
    sku_from_query,
)

__all__ = ["LevelsView", "StockLevelRequest", "StockView", "location_from_query", "sku_from_query"]
