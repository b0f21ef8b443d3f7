"""The terms on which goods to come are sold, as staff write and read them."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, BackorderKind, BackorderTerms, StockLevel


class BackorderTermsBody(BaseModel):
    """``limit`` units at most are sold that are not here, 0 to end it; buyers are told that they
    ship from ``ships_from``; after ``until`` no more are taken."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    kind: Annotated[BackorderKind, Field(strict=False)]
    limit: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    ships_from: Annotated[date, Field(strict=False)]
    until: Annotated[AwareDatetime, Field(strict=False)] | None = None
    location: Annotated[str, StringConstraints(min_length=1, max_length=40)] = MAIN_LOCATION
    version: Annotated[int, Field(ge=0)] | None = None

    def terms(self) -> BackorderTerms:
        return BackorderTerms(self.kind, self.limit, self.ships_from, self.until)


class BackorderTermsView(BaseModel):
    """``awaited`` units are sold on these terms and still to come; ``put_aside`` arrived for them.
    Without terms the first four are absent."""

    model_config = ConfigDict(defer_build=True)

    sku: str
    location: str
    kind: BackorderKind | None
    limit: int | None
    ships_from: date | None
    until: datetime | None
    backordered: int
    earmarked: int
    available: int
    version: int

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
