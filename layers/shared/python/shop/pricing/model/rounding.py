"""The rounding policy of a quote (docs/rules/pricing.md §1.2)."""

from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Rounding


@frozen
class RoundingPolicy:
    """The rounding of halves (``mode``), and of tax by line or by unit (``tax_by``).

    ``tax_mode`` is the rounding of halves of tax; without it, they are rounded like other amounts.
    An order stores the policy of its quote, so later changes by staff do not affect it.
    """

    mode: Rounding = Rounding.HALF_EVEN
    tax_by: str = "line"
    tax_mode: Rounding | None = None

    @property
    def for_tax(self) -> Rounding:
        """Return the rounding of halves of tax."""
        return self.tax_mode or self.mode

    def to_dict(self) -> dict[str, Any]:
        values = {"mode": self.mode.value, "tax_by": self.tax_by}
        # Quotes of a time with one rounding have no field of its own for tax.
        return values if self.tax_mode is None else {**values, "tax_mode": self.tax_mode.value}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "RoundingPolicy":
        tax_mode = raw.get("tax_mode")
        tax = None if tax_mode is None else Rounding(tax_mode)
        return cls(Rounding(raw["mode"]), raw["tax_by"], tax)


DEFAULT_ROUNDING = RoundingPolicy(tax_mode=Rounding.HALF_UP)
"""Halves of discounts are rounded to even, halves of tax up (docs/rules/pricing.md §10.3)."""
