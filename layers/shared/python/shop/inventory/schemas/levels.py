"""Requests and responses of stock levels for staff."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, StockLevel
from shop.inventory.model.shards import sum_levels
from shop.inventory.schemas.locations import (
    LOCATION_NAME_PATTERN,
    Version,
    validate_location_name,
)
from shop.kernel.errors import InvalidRequest
from shop.kernel.text_folding import clean_key

Location = Annotated[str, StringConstraints(pattern=f"^{LOCATION_NAME_PATTERN}$")]
"""Name of a location: a-z, 0-9, _ and -, 40 characters at most.
Example: main"""
Sku = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(clean_key)]
"""Stock keeping unit, 1 to 128 characters.
Example: MUG-BLUE"""
Units = Annotated[int, Field(ge=1, le=MAX_UNITS)]
"""Number of units, from 1 to 1,000,000,000.
Example: 12"""
Reference = Annotated[str, StringConstraints(max_length=200)]
"""Document behind the entry, such as a delivery note; 200 characters at most.
Example: DN-2026-0417"""
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
"""Reason in the words of staff, 1 to 200 characters.
Example: damaged in transit"""


class StockLevelRequest(BaseModel):
    """A counted stock level."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    on_hand: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    """Units counted at the location.
    Example: 120"""
    version: Version | None = None
    """Version of the level that was read, 0 for a new one; ``If-Match`` may give it instead.
    Example: 3"""
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "counted"
    """Reason in the words of staff, 1 to 200 characters.
    Example: counted"""
    reference: Reference = ""
    location: Location = MAIN_LOCATION


class StockFigures(BaseModel):
    """Whole units of a SKU."""

    on_hand: int
    """Units physically at the location."""
    reserved: int
    """Units promised to orders that await payment."""
    committed: int
    """Units promised to paid orders."""
    unavailable: int
    """Units on hand that are excluded from sale."""
    unavailable_by: dict[str, int]
    """Units excluded from sale, by reason such as damaged or quality_control."""
    earmarked: int
    """Units received and set aside for open back-orders."""
    safety: int
    """Units withheld from sale to absorb counting errors."""
    incoming: int
    """Units ordered from a supplier; they cannot be sold as available."""
    in_transit: int = 0
    """Units sent by another location that have not arrived."""
    backordered: int
    """Units sold as back-order or pre-order that have not arrived."""
    available: int
    """Units that may be sold now."""

    @staticmethod
    def fields_of(level: StockLevel) -> dict[str, Any]:
        """Return the figures of a level by field name."""
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
            "backordered": level.backordered,
            "available": level.available,
        }


class StockView(StockFigures):
    """The stock of a SKU at a location."""

    sku: str
    """Stock keeping unit."""
    location: str
    """Name of the location."""
    low_stock_threshold: int | None = None
    """Threshold of the low-stock alert in available units; absent without an alert."""
    low: bool
    """Whether the available units are at or below the threshold."""
    version: int
    """Version of the stock level; each change raises it."""

    @classmethod
    def of(cls, level: StockLevel) -> "StockView":
        return cls(
            sku=level.sku,
            location=level.location,
            low_stock_threshold=level.low_stock_threshold,
            low=level.is_low,
            version=level.version,
            **StockFigures.fields_of(level),
        )


class LevelsView(BaseModel):
    """The stock of a SKU in total, and at each location that ever held it."""

    sku: str
    """Stock keeping unit."""
    total: StockFigures
    """Sum over all locations."""
    locations: list[StockView]
    """Stock at each location."""

    @classmethod
    def of(cls, sku: str, levels: Sequence[StockLevel]) -> "LevelsView":
        return cls(
            sku=sku,
            total=StockFigures(**StockFigures.fields_of(sum_levels(sku, levels))),
            locations=[StockView.of(level) for level in levels],
        )


def level_response(levels: Sequence[StockLevel]) -> Mapping[str, Any]:
    """Return the response to a movement of one level."""
    return StockView.of(levels[0]).model_dump(mode="json", exclude_none=True)


def location_from_query(query: Mapping[str, str]) -> str:
    """Return ``?location=``, or the main location if it is absent. Raises InvalidRequest."""
    return validate_location_name(query.get("location", MAIN_LOCATION), "location")


def sku_from_query(query: Mapping[str, str]) -> str:
    """Return ``?sku=``. Raises InvalidRequest (``missing``, ``id_invalid``)."""
    sku = clean_key(query.get("sku", ""))
    if not sku:
        raise InvalidRequest(
            "A SKU is required. Add it to the query, as in ?sku=MUG-RED.",
            code="missing",
            path="sku",
        )
    if len(sku) > 128 or not sku.isprintable():
        raise InvalidRequest(
            "A SKU must have 1 to 128 printable characters.", code="id_invalid", path="sku"
        )
    return sku
