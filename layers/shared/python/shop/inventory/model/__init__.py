"""What stock is and may become. Pure: no clock, no randomness, no I/O."""

from shop.inventory.model.level import (
    MAIN,
    MOST,
    Claim,
    Demand,
    Hold,
    Kind,
    Movement,
    Shortage,
    StockLevel,
    add_up,
    merged,
    out_of_stock,
    shortages,
)

__all__ = [
    "MAIN",
    "MOST",
    "Claim",
    "Demand",
    "Hold",
    "Kind",
    "Movement",
    "Shortage",
    "StockLevel",
    "add_up",
    "merged",
    "out_of_stock",
    "shortages",
]
