"""Requests and responses of kits for staff."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model.kits import MAX_KIT_PARTS, Kit
from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.text_folding import clean_key


class PartBody(BaseModel):
    """A part of a kit."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(clean_key)]
    """Stock keeping unit of the part.
    Example: MUG-BLUE"""
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    """Units of the part in one kit, from 1 to 10,000.
    Example: 2"""


class KitBody(BaseModel):
    """The parts of a kit; without parts it becomes an ordinary SKU again.

    ``version`` is that of the kit, or of the SKU's stock level at the main location.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    parts: Annotated[list[PartBody], Field(max_length=MAX_KIT_PARTS)]
    """Parts of the kit, each SKU once.
    Example: [{"sku": "MUG-BLUE", "quantity": 2}]"""
    version: Annotated[int, Field(ge=0)] | None = None
    """Version that was read; ``If-Match`` may give it instead.
    Example: 3"""

    def parts_by_sku(self) -> dict[str, int]:
        """Return the units by SKU. Raises InvalidRequest (``duplicate``)."""
        skus = [part.sku for part in self.parts]
        problems = [
            Problem(
                "duplicate",
                f"{sku} is listed twice. List each part once, with its total quantity.",
                f"$.parts[{n}].sku",
            )
            for n, sku in enumerate(skus)
            if sku in skus[:n]
        ]
        if problems:
            raise InvalidRequest(problems[0].detail, code="duplicate", problems=problems)
        return {part.sku: part.quantity for part in self.parts}


class PartView(BaseModel):
    """A part of a kit."""

    model_config = ConfigDict(defer_build=True)

    sku: str
    """Stock keeping unit of the part.
    Example: MUG-BLUE"""
    quantity: int
    """Units of the part in one kit, from 1 to 10,000.
    Example: 2"""


class KitView(BaseModel):
    """A kit and its parts; a SKU that is not a kit has none."""

    model_config = ConfigDict(defer_build=True)

    sku: str
    """Stock keeping unit of the kit."""
    parts: list[PartView]
    """Parts of the kit."""
    available: int | None = None
    """Number of kits that the available parts make; absent for a SKU that is not a kit."""
    version: int
    """Version of the kit, or of the SKU's stock level at the main location."""

    @classmethod
    def of(cls, sku: str, kit: Kit | None, version: int, available: int) -> "KitView":
        parts = kit.parts if kit else {}
        return cls(
            sku=sku,
            parts=[PartView(sku=part, quantity=units) for part, units in parts.items()],
            available=available if kit else None,
            version=version,
        )
