"""Kits are sold as one article and taken from stock as their parts."""

import pytest

from shop.inventory.model import Demand, StockLevel
from shop.inventory.model.kits import Kit, expand_kits, kit_availability
from shop.kernel.errors import InvalidRequest

TEA_SET = Kit("TEA-SET", {"POT": 1, "CUP": 4})


def levels(**units: int) -> dict[str, StockLevel]:
    return {sku: StockLevel(sku, on_hand=n) for sku, n in units.items()}


def test_there_are_as_many_kits_as_the_scarcest_part_makes() -> None:
    assert kit_availability(TEA_SET, levels(POT=5, CUP=11)) == 2
    assert kit_availability(TEA_SET, levels(POT=1, CUP=11)) == 1
    assert kit_availability(TEA_SET, levels(POT=5, CUP=3)) == 0
    assert kit_availability(TEA_SET, levels(POT=5)) == 0


def test_safety_stock_eaten_into_makes_no_kits() -> None:
    short = {**levels(CUP=9), "POT": StockLevel("POT", on_hand=1, safety=2)}
    assert kit_availability(TEA_SET, short) == 0


def test_a_kit_is_taken_from_stock_with_single_units_of_its_parts() -> None:
    wanted = [Demand("TEA-SET", 2), Demand("CUP", 1), Demand("TRAY", 1)]
    assert expand_kits(wanted, {"TEA-SET": TEA_SET}) == (
        Demand("POT", 2),
        Demand("CUP", 9),
        Demand("TRAY", 1),
    )


def test_a_kit_of_kits_is_refused() -> None:
    kits = {"TEA-SET": TEA_SET, "FEAST": Kit("FEAST", {"TEA-SET": 2})}
    with pytest.raises(InvalidRequest):
        expand_kits([Demand("FEAST", 1)], kits)


@pytest.mark.parametrize("parts", [{}, {"CUP": 0}, {"CUP": -1}, {"SET": 1}])
def test_a_kit_without_sensible_parts_is_refused(parts: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest):
        Kit("SET", parts)
