"""How fractions of the minor unit are decided."""

from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Rounding


@frozen
class RoundingPolicy:
    """How halves are decided, and whether tax is rounded per ``line`` or per ``unit``. Stored on
    the order.
    """

    mode: Rounding = Rounding.HALF_EVEN
    tax_by: str = "line"

    def to_dict(self) -> dict[str, Any]:
        return {"mode": self.mode.value, "tax_by": self.tax_by}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "RoundingPolicy":
        return cls(Rounding(raw["mode"]), raw["tax_by"])
