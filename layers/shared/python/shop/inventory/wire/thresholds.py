"""Thresholds as staff set them, what is below them, and the letter that says so."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shop.inventory.model import MAIN, MOST, LowStock, StockLevel
from shop.inventory.wire.levels import Location, Sku
from shop.inventory.wire.sourcing import Version
from shop.kernel.letters import Letter
from shop.kernel.paging import Page


class ThresholdRequest(BaseModel):
    """Be told when no more than ``low_at`` units are for sale; ``null`` to be left in peace."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    low_at: Annotated[int, Field(ge=0, le=MOST)] | None
    version: Version
    location: Location = MAIN


class LowView(BaseModel):
    """A SKU that runs low: since when, and what there is of it now."""

    sku: str
    location: str
    low_at: int
    since: datetime
    on_hand: int
    available: int
    incoming: int
    in_transit: int
    version: int


class LowListView(BaseModel):
    """What runs low now, by location and SKU."""

    low: list[LowView]
    cursor: str | None = None

    @staticmethod
    def of(page: Page[LowStock], levels: Sequence[StockLevel]) -> "LowListView":
        now = {(level.sku, level.location): level for level in levels}
        low = [
            LowView(
                sku=one.sku,
                location=one.location,
                low_at=one.low_at,
                since=one.at,
                on_hand=level.on_hand,
                available=level.available,
                incoming=level.incoming,
                in_transit=level.in_transit,
                version=level.version,
            )
            for one in page.items
            if (level := now.get((one.sku, one.location))) is not None and level.low
        ]
        return LowListView(low=low, cursor=page.cursor)


def low_stock_letter(news: LowStock) -> Letter:
    """A stock runs low: of what, where, and how low."""
    left = f"{news.available} of {news.sku} left at {news.location}"
    why = f"This is at or below its threshold of {news.low_at}."
    once = "You are told once, and again when it has been above that and falls again."
    return Letter(
        subject=f"Low stock: {left}",
        text=f"Only {left}. {why}\n\n{once}\n",
        html=f"<p>Only {escape(left)}. {why}</p><p>{once}</p>",
    )
