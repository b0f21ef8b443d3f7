"""A basket as staff ask what if, and what would change."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.pricing.model import CustomerFacts, Quote
from shop.pricing.model.difference import Difference
from shop.pricing.wire.promotions import PromotionBody
from shop.pricing.wire.shapes import Country, Instant


class CustomerBody(BaseModel):
    """What the rules may know of a customer."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    id: str | None = None
    groups: list[str] = Field(default_factory=list)
    segments: list[str] = Field(default_factory=list)
    orders_before: Annotated[int, Field(ge=0)] | None = None

    def facts(self) -> CustomerFacts:
        return CustomerFacts(self.id, tuple(self.groups), tuple(self.segments), self.orders_before)


class WantedBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    item: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=10_000)]


class WhatIfBody(BaseModel):
    """A basket, and what is to be different about it: the instant, the customer, a promotion."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    lines: Annotated[list[WantedBody], Field(min_length=1, max_length=200)]
    country: Country | None = None
    codes: Annotated[list[str], Field(max_length=10)] = Field(default_factory=list)
    customer: CustomerBody | None = None
    at: Instant | None = None
    then: Instant | None = None
    other_customer: CustomerBody | None = None
    promotion: PromotionBody | None = None


class WhatIfView(BaseModel):
    """Both quotes, each with its trace, and what the second changes."""

    before: dict[str, Any]
    after: dict[str, Any]
    difference: dict[str, Any]

    @classmethod
    def of(cls, before: Quote, after: Quote, changes: Difference) -> "WhatIfView":
        return cls(before=before.to_dict(), after=after.to_dict(), difference=changes.to_dict())
