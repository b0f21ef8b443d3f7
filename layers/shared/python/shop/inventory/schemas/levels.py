"""What is on the shelves, and what somebody counted there."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, StockLevel
from shop.inventory.model.shards import sum_levels
from shop.inventory.schemas.locations import LOCATION_NAME_PATTERN, Version
from shop.kernel.errors import InvalidRequest

Location = Annotated[str, StringConstraints(pattern=f"^{LOCATION_NAME_PATTERN}$")]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
Reference = Annotated[str, StringConstraints(max_length=200)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]


class StockLevelRequest(BaseModel):
    """What somebody counted. ``version`` is that of the level they looked at, 0 for none yet."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on_hand: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    version: Version | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "counted"
    reference: Reference = ""
    location: Location = MAIN_LOCATION


class StockFigures(BaseModel):
    """Whole units; ``available`` is what may be sold now.

    ``unavailable_by`` tells why ``unavailable`` units are not for sale; ``earmarked`` ones are put
    aside for back-orders, and ``awaited`` ones are sold and still to come. A supplier brings the
    ``incoming`` ones, another location sent those ``in_transit``.
    """

    on_hand: int
    reserved: int
    committed: int
    unavailable: int
    unavailable_by: dict[str, int]
    earmarked: int
    safety: int
    incoming: int
    in_transit: int = 0
    awaited: int
    available: int

    @staticmethod
    def read(level: StockLevel) -> dict[str, Any]:
        return {
            "on_hand": level.on_hand,
            "reserved": level.reserved,
            "committed": level.committed,
            "unavailable": level.unavailable,
            "unavailable_by": dict(level.unavailable_by),
            "earmarked": level.earmarked,
            "safety": level.safety,
            "incoming": level.incoming,
            "in_transit": level.in_transit,
            "awaited": level.backordered,
            "available": level.available,
        }


class StockView(StockFigures):
    """The stock of a SKU at a location. ``low_at`` is the threshold of its alarm, if it has one,
    and ``low`` whether that is reached."""

    sku: str
    location: str
    low_at: int | None = None
    low: bool
    version: int

    @staticmethod
    def of(level: StockLevel) -> "StockView":
        return StockView(
            sku=level.sku,
            location=level.location,
            low_at=level.low_stock_threshold,
            low=level.is_low,
            version=level.version,
            **StockFigures.read(level),
        )


class LevelsView(BaseModel):
    """The stock of a SKU over all locations, and at each where it ever was."""

    sku: str
    total: StockFigures
    locations: list[StockView]

    @staticmethod
    def of(sku: str, levels: Sequence[StockLevel]) -> "LevelsView":
        return LevelsView(
            sku=sku,
            total=StockFigures(**StockFigures.read(sum_levels(sku, levels))),
            locations=[StockView.of(level) for level in levels],
        )


def level_response(levels: Sequence[StockLevel]) -> Mapping[str, Any]:
    """The answer to what moved one level."""
    return StockView.of(levels[0]).model_dump(mode="json", exclude_none=True)


def location_from_query(query: Mapping[str, str]) -> str:
    """``?location=``; the main one where none is named. Raises Invalid."""
    said = query.get("location", MAIN_LOCATION)
    if not re.fullmatch(LOCATION_NAME_PATTERN, said):
        raise InvalidRequest("a location is named by a-z, 0-9, _ and -", path="location")
    return said


def sku_from_query(query: Mapping[str, str]) -> str:
    """``?sku=``. Raises Invalid."""
    sku = query.get("sku", "")
    if not (1 <= len(sku) <= 128 and sku.isprintable()):
        raise InvalidRequest("say which SKU: ?sku=…", path="sku")
    return sku
