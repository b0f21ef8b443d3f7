"""The rounding policy of a quote (docs/rules/pricing.md §1.2)."""

from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Rounding


@frozen
class RoundingPolicy:
    """The rounding of halves (``mode``), and of tax by line or by unit (``tax_by``).

    An order stores the policy of its quote, so later changes by staff do not affect it.
    """

    mode: Rounding = Rounding.HALF_EVEN
    tax_by: str = "line"

    def to_dict(self) -> dict[str, Any]:
        return {"mode": self.mode.value, "tax_by": self.tax_by}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "RoundingPolicy":
        return cls(Rounding(raw["mode"]), raw["tax_by"])
