"""Kits are sold as one article and taken from stock as their parts."""

import pytest

from shop.inventory.model import Demand, StockLevel
from shop.inventory.model.kits import Kit, expand_kits, kit_availability
from shop.kernel.errors import InvalidRequest

TEA_SET = Kit("TEA-SET", {"POT": 1, "CUP": 4})


def levels(**units: int) -> dict[str, StockLevel]:
    return {sku: StockLevel(sku, on_hand=n) for sku, n in units.items()}


def test_kit_availability_is_that_of_the_scarcest_part() -> None:
    assert kit_availability(TEA_SET, levels(POT=5, CUP=11)) == 2
    assert kit_availability(TEA_SET, levels(POT=1, CUP=11)) == 1
    assert kit_availability(TEA_SET, levels(POT=5, CUP=3)) == 0
    assert kit_availability(TEA_SET, levels(POT=5)) == 0


def test_kit_availability_is_zero_while_a_part_is_below_its_safety_stock() -> None:
    levels_by_sku = {**levels(CUP=9), "POT": StockLevel("POT", on_hand=1, safety=2)}
    assert kit_availability(TEA_SET, levels_by_sku) == 0


def test_expand_kits_adds_parts_to_single_units_of_the_same_sku() -> None:
    demands = [Demand("TEA-SET", 2), Demand("CUP", 1), Demand("TRAY", 1)]
    assert expand_kits(demands, {"TEA-SET": TEA_SET}) == (
        Demand("POT", 2),
        Demand("CUP", 9),
        Demand("TRAY", 1),
    )


def test_expand_kits_rejects_a_part_that_is_a_kit() -> None:
    kits = {"TEA-SET": TEA_SET, "FEAST": Kit("FEAST", {"TEA-SET": 2})}
    with pytest.raises(InvalidRequest):
        expand_kits([Demand("FEAST", 1)], kits)


@pytest.mark.parametrize("parts", [{}, {"CUP": 0}, {"CUP": -1}, {"SET": 1}])
def test_kit_rejects_missing_parts_and_quantities_below_one(parts: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest):
        Kit("SET", parts)
