"""Requests and responses of back-order terms for staff."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, BackorderKind, BackorderTerms, StockLevel


class BackorderTermsBody(BaseModel):
    """The terms on which a SKU is sold beyond its stock on hand."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    kind: Annotated[BackorderKind, Field(strict=False)]
    """Back-order for a restock, pre-order for goods that arrive for the first time.
    Example: back_order"""
    limit: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    """Units that may be sold and not yet received; 0 ends the sale.
    Example: 50"""
    ships_from: Annotated[date, Field(strict=False)]
    """Ship date shown to buyers.
    Example: 2026-12-15"""
    until: Annotated[AwareDatetime, Field(strict=False)] | None = None
    """Instant after which no order is accepted; absent for no end.
    Example: 2026-12-10T00:00:00Z"""
    location: Annotated[str, StringConstraints(min_length=1, max_length=40)] = MAIN_LOCATION
    """Name of the location, main by default.
    Example: main"""
    version: Annotated[int, Field(ge=0)] | None = None
    """Version of the stock level that was read; ``If-Match`` may give it instead.
    Example: 3"""

    def terms(self) -> BackorderTerms:
        return BackorderTerms(self.kind, self.limit, self.ships_from, self.until)


class BackorderTermsView(BaseModel):
    """The back-order terms of a SKU at a location.

    ``kind``, ``limit``, ``ships_from`` and ``until`` are absent if the SKU has no terms.
    """

    model_config = ConfigDict(
        defer_build=True,
        json_schema_extra={
            "dependentRequired": {
                "kind": ["limit", "ships_from"],
                "limit": ["kind", "ships_from"],
                "ships_from": ["kind", "limit"],
                "until": ["kind", "limit", "ships_from"],
            }
        },
    )

    sku: str
    """Stock keeping unit."""
    location: str
    """Name of the location."""
    kind: BackorderKind | None
    """Back-order for a restock, pre-order for goods that arrive for the first time."""
    limit: int | None
    """Units that may be sold and not yet received; 0 ends the sale.
    Example: 50"""
    ships_from: date | None
    """Ship date shown to buyers.
    Example: 2026-12-15"""
    until: datetime | None
    """Instant after which no order is accepted; absent for no end.
    Example: 2026-12-10T00:00:00Z"""
    backordered: int
    """Units that were sold on these terms and have not arrived."""
    earmarked: int
    """Units that arrived and are set aside for these orders."""
    available: int
    """Units on hand that may be sold now."""
    version: int
    """Version of the stock level."""

    @classmethod
    def of(cls, level: StockLevel) -> "BackorderTermsView":
        terms = level.terms
        return cls(
            sku=level.sku,
            location=level.location,
            kind=terms.kind if terms else None,
            limit=terms.limit if terms else None,
            ships_from=terms.ships_from if terms else None,
            until=terms.until if terms else None,
            backordered=level.backordered,
            earmarked=level.earmarked,
            available=level.available,
            version=level.version,
        )
