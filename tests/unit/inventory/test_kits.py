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
    with pytest.raises(InvalidRequest, match="The part TEA-SET of the kit FEAST is a kit"):
        expand_kits([Demand("FEAST", 1)], kits)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({}, "missing"),
        ({"CUP": 0}, "quantity_invalid"),
        ({"CUP": -1}, "quantity_invalid"),
        ({"SET": 1}, "part_is_kit"),
    ],
)
def test_kit_rejects_missing_and_invalid_parts(parts: dict[str, int], code: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        Kit("SET", parts)
    assert raised.value.code == code
