"""Stock takes: the counts of many SKUs at one location."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS
from shop.inventory.schemas.levels import Location, Reference, Sku, StockView
from shop.inventory.schemas.locations import Version
from shop.kernel.errors import ShopError


class StockTakeLineBody(BaseModel):
    """The count of one SKU."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    on_hand: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    """Units counted at the location.
    Example: 120"""
    version: Version
    """Version of the stock level that was read, 0 for a new one.
    Example: 3"""


class StockTakeRequest(BaseModel):
    """The counts of many SKUs at one location."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    lines: Annotated[list[StockTakeLineBody], Field(min_length=1, max_length=200)]
    """Counts, from 1 to 200.
    Example: [{"sku": "MUG-BLUE", "on_hand": 120, "version": 3}]"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "stock count"
    """Reason in the words of staff, 1 to 200 characters.
    Example: stock count"""
    reference: Reference = ""
    location: Location = MAIN_LOCATION

    def counts(self) -> list[tuple[str, int, int]]:
        """Return SKU, counted units and version of each line."""
        return [(line.sku, line.on_hand, line.version) for line in self.lines]


class StockTakeLineView(BaseModel):
    """The result of one count."""

    sku: str
    """Stock keeping unit."""
    recorded: bool
    """Whether the count was recorded."""
    level: StockView | None = None
    """Stock level after the count; absent if it was rejected."""
    code: str | None = None
    """Error code; absent if the count was recorded."""
    detail: str | None = None
    """Problem, in words; absent if the count was recorded."""


class StockTakeView(BaseModel):
    """The result of each count. Rejected SKUs must be counted again."""

    recorded: int
    """Number of counts that were recorded."""
    rejected: int
    """Number of counts that were rejected."""
    lines: list[StockTakeLineView]
    """Results in the order of the request."""

    @classmethod
    def of(
        cls, lines: Sequence[StockTakeLineBody], results: Sequence[Mapping[str, Any] | ShopError]
    ) -> "StockTakeView":
        views = [
            StockTakeLineView(sku=line.sku, recorded=False, code=result.code, detail=result.detail)
            if isinstance(result, ShopError)
            else StockTakeLineView(
                sku=line.sku, recorded=True, level=StockView.model_validate(result)
            )
            for line, result in zip(lines, results, strict=True)
        ]
        recorded = sum(view.recorded for view in views)
        return cls(recorded=recorded, rejected=len(views) - recorded, lines=views)
