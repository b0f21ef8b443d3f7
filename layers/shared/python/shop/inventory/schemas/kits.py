"""Kits as staff write and read them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.inventory.model.kits import MAX_KIT_PARTS, Kit
from shop.kernel.errors import InvalidRequest, Problem


class PartBody(BaseModel):
    """So many units of a SKU are in one kit."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=10_000)]


class KitBody(BaseModel):
    """What one kit takes; no parts: it is none any more. ``version`` is that of the kit that was
    read, or of the SKU's stock at the main location."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    parts: Annotated[list[PartBody], Field(max_length=MAX_KIT_PARTS)]
    version: Annotated[int, Field(ge=0)] | None = None

    def parts_by_sku(self) -> dict[str, int]:
        """Units by SKU. Raises Invalid for a part that is named twice."""
        named = [part.sku for part in self.parts]
        twice = [
            Problem("duplicate", f"{sku} is named twice", f"$.parts[{n}].sku")
            for n, sku in enumerate(named)
            if sku in named[:n]
        ]
        if twice:
            raise InvalidRequest(twice[0].detail, code="duplicate", problems=twice)
        return {part.sku: part.quantity for part in self.parts}


class PartView(BaseModel):
    model_config = ConfigDict(defer_build=True)

    sku: str
    quantity: int


class KitView(BaseModel):
    """``available`` is how many kits the parts make now; absent for what is none."""

    model_config = ConfigDict(defer_build=True)

    sku: str
    parts: list[PartView]
    available: int | None = None
    version: int

    @classmethod
    def of(cls, sku: str, kit: Kit | None, version: int, available: int) -> "KitView":
        parts = kit.parts if kit else {}
        return cls(
            sku=sku,
            parts=[PartView(sku=part, quantity=units) for part, units in parts.items()],
            available=available if kit else None,
            version=version,
        )
