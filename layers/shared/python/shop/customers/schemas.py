"""What staff tell of customers: groups and segments."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shop.customers.model import CustomerSegments


class CustomerGroupsBody(BaseModel):
    """The groups and segments of a customer, in place of those before."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    groups: list[str] = Field(default_factory=list)
    segments: list[str] = Field(default_factory=list)
    version: Annotated[int, Field(ge=0)] | None = None
    """0 for a customer of whom nothing was said yet."""


class CustomerGroupsView(BaseModel):
    """Groups and segments of a customer, as the rules know them."""

    customer_id: str
    groups: list[str]
    segments: list[str]
    version: int

    @classmethod
    def of(cls, variants: CustomerSegments) -> "CustomerGroupsView":
        return cls(
            customer_id=variants.customer_id,
            groups=list(variants.groups),
            segments=list(variants.segments),
            version=variants.version,
        )
