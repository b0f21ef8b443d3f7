"""Requests and responses of low-stock thresholds, and the email of an alert."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, LowStockCrossing, StockLevel
from shop.inventory.schemas.levels import Location, Sku
from shop.inventory.schemas.locations import Version
from shop.kernel.notifications import Email
from shop.kernel.pagination import Page


class ThresholdRequest(BaseModel):
    """The threshold of a low-stock alert."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    low_stock_threshold: Annotated[int, Field(ge=0, le=MAX_UNITS)] | None
    """Available units at or below which an alert is sent; null for no alert.
    Example: 10"""
    version: Version
    """Version of the stock level that was read, 0 for a new one.
    Example: 3"""
    location: Location = MAIN_LOCATION


class LowStockView(BaseModel):
    """A SKU whose available units are at or below its threshold."""

    sku: str
    """Stock keeping unit."""
    location: str
    """Name of the location."""
    low_stock_threshold: int
    """Threshold of the alert in available units."""
    since: datetime
    """Instant at which the threshold was reached."""
    on_hand: int
    """Units physically at the location."""
    available: int
    """Units that may be sold now."""
    incoming: int
    """Units ordered from a supplier."""
    in_transit: int
    """Units sent by another location that have not arrived."""
    version: int
    """Version of the stock level."""


class LowStockListView(BaseModel):
    """The SKUs with low stock, by location and SKU."""

    low: list[LowStockView]
    """SKUs with low stock."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[LowStockCrossing], levels: Sequence[StockLevel]) -> "LowStockListView":
        levels_by_key = {(level.sku, level.location): level for level in levels}
        low = [
            LowStockView(
                sku=crossing.sku,
                location=crossing.location,
                low_stock_threshold=crossing.threshold,
                since=crossing.at,
                on_hand=level.on_hand,
                available=level.available,
                incoming=level.incoming,
                in_transit=level.in_transit,
                version=level.version,
            )
            for crossing in page.items
            if (level := levels_by_key.get((crossing.sku, crossing.location))) and level.is_low
        ]
        return cls(low=low, cursor=page.cursor)


def low_stock_email(crossing: LowStockCrossing) -> Email:
    """Return the email about a crossing of a low-stock threshold."""
    units = "unit" if crossing.available == 1 else "units"
    available = f"{crossing.available} {units} of {crossing.sku} available at {crossing.location}"
    threshold = f"The low-stock threshold is {crossing.threshold}."
    repetition = "The next alert is sent after the stock has been above the threshold."
    return Email(
        subject=f"Low stock: {available}",
        text=f"{available}. {threshold}\n\n{repetition}\n",
        html=f"<p>{escape(available)}. {threshold}</p><p>{repetition}</p>",
    )
