"""Stock as staff write and read it: plain JSON, whole units."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import MAIN, MOST, StockLevel

Location = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class CountRequest(BaseModel):
    """What somebody counted. ``version`` is that of the level they looked at, 0 for none yet."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on_hand: Annotated[int, Field(ge=0, le=MOST)]
    version: Annotated[int, Field(ge=0)] | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "counted"
    location: Location = MAIN


class StockView(BaseModel):
    """The stock of a SKU at a location; ``available`` is what may be sold now."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    committed: int
    unavailable: int
    safety: int
    incoming: int
    available: int
    version: int

    @staticmethod
    def of(level: StockLevel) -> "StockView":
        return StockView(
            sku=level.sku,
            location=level.location,
            on_hand=level.on_hand,
            reserved=level.reserved,
            committed=level.committed,
            unavailable=level.unavailable,
            safety=level.safety,
            incoming=level.incoming,
            available=level.available,
            version=level.version,
        )
