"""Request and response types of customers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shop.customers.model import CustomerSegments


class CustomerGroupsBody(BaseModel):
    """The groups and segments of a customer, which replace the former ones."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    groups: list[str] = Field(default_factory=list)
    """Names of customer groups, which price lists and promotions may require.
    Example: ["trade"]"""
    segments: list[str] = Field(default_factory=list)
    """Names of customer segments, which promotions may require.
    Example: ["newsletter"]"""
    version: Annotated[int, Field(ge=0)] | None = None
    """The version that was read; 0 for a customer without groups and segments."""


class CustomerGroupsView(BaseModel):
    """The groups and segments of a customer."""

    customer_id: str
    """Id of the customer."""
    groups: list[str]
    """Names of the customer's groups."""
    segments: list[str]
    """Names of the customer's segments."""
    version: int
    """Version of the groups and segments; 0 if they were never set."""

    @classmethod
    def of(cls, customer: CustomerSegments) -> "CustomerGroupsView":
        return cls(
            customer_id=customer.customer_id,
            groups=list(customer.groups),
            segments=list(customer.segments),
            version=customer.version,
        )
