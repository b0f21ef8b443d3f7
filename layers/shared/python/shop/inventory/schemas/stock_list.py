"""The list of all stock at a location."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from shop.inventory.actions.stock_list import StockFilter
from shop.inventory.model import StockLevel
from shop.inventory.schemas.levels import StockView
from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page
from shop.kernel.text_folding import clean_key


def prefix_from_query(query: Mapping[str, str]) -> str:
    """Parse ``?sku_prefix=``; the default is every SKU. Raises InvalidRequest."""
    if (text := query.get("sku_prefix")) is None:
        return ""
    prefix = clean_key(text)
    if not (1 <= len(prefix) <= 128 and prefix.isprintable()):
        raise InvalidRequest(
            "A SKU must have 1 to 128 printable characters.", code="id_invalid", path="sku_prefix"
        )
    return prefix


def filter_from_query(query: Mapping[str, str]) -> StockFilter | None:
    """Parse ``?only=``; ``None`` stands for all levels. Raises InvalidRequest."""
    text = query.get("only")
    if text is None:
        return None
    if text not in set(StockFilter):
        raise InvalidRequest(
            f"only must be one of {', '.join(StockFilter)}.", code="value_unknown", path="only"
        )
    return StockFilter(text)


class StockListView(BaseModel):
    """A page of the stock at a location, sorted by SKU."""

    model_config = ConfigDict(defer_build=True)

    stock: list[StockView]
    """Stock levels, sorted by SKU."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[StockLevel]) -> "StockListView":
        return cls(stock=[StockView.of(level) for level in page.items], cursor=page.cursor)
