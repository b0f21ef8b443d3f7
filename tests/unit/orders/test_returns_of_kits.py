"""Returns of kits: their parts hold the stock, so their parts take the returned pieces."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.inventory.model import MAIN_LOCATION, Reservation
from shop.kernel.errors import Conflict, InvalidRequest
from shop.orders.model import Order
from tests.doubles.inventory import MemoryStockRepository, MemoryUnitOfWork
from tests.doubles.orders import MemoryOrderRepository
from tests.kit.orders import SKUS, make_order
from tests.unit.orders.order_fixture import OrderFixture

PARTS = ((SKUS[0], 1), (SKUS[1], 2))
"""One set takes a red mug and two blue ones."""


def order_of_sets(sets: int, red_mugs: int) -> Order:
    """Return an order of sets and of single red mugs, which are a part of the set too."""
    order = make_order(pieces=(sets, red_mugs))
    kit = replace(order.lines[0], sku="SET", parts=PARTS)
    single = replace(order.lines[1], sku=SKUS[0])
    reserved = (Reservation(SKUS[0], sets + red_mugs), Reservation(SKUS[1], 2 * sets))
    return replace(order, lines=(kit, single), reservations=reserved)


def check_stock(fixture: OrderFixture) -> None:
    """Assert that stock and journal have what was shipped and not put back, and the kit nothing."""
    order = fixture.orders.get_by_id("ord_1")
    expected = dict.fromkeys((*SKUS, "SET"), 0)
    for sku in SKUS:
        expected[sku] = 10
    for line in order.lines:
        for sku, units in PARTS if line.parts else ((line.sku, 1),):
            put_back = sum(
                returned.lines[line.id].pieces
                for returned in order.returns
                if line.id in returned.lines and returned.lines[line.id].location
            )
            expected[sku] -= units * (line.shipped - put_back)
    for sku, units in expected.items():
        on_hand = [fixture.stock.level(sku, place).on_hand for place in (MAIN_LOCATION, "outlet")]
        assert sum(on_hand) == units
        assert sum(each.on_hand for each in fixture.stock.list_movements(sku).items) == units


def test_a_set_of_an_earlier_parcel_is_put_back_while_another_is_on_its_way(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.place_allocated(order_of_sets(2, 1))
    order_fixture.ship(order, "1Z1", lines={"li_1": 1})
    order_fixture.ship(order, "1Z2")
    order_fixture.track("delivered", "1Z1")
    order_fixture.return_goods(order, {"li_1": 1}, restock=True)
    assert order_fixture.on_hand() == (8, 8)
    with pytest.raises(InvalidRequest):
        order_fixture.return_goods(order, {"li_1": 1}, restock=True)
    order_fixture.track("delivered", "1Z2")
    order_fixture.return_goods(order, {"li_1": 1, "li_2": 1}, restock=True, location="outlet")
    assert order_fixture.on_hand() == (8, 8)
    assert order_fixture.stock.level(SKUS[0], "outlet").on_hand == 2
    assert order_fixture.stock.level(SKUS[1], "outlet").on_hand == 2
    check_stock(order_fixture)


steps = st.lists(
    st.tuples(
        st.sampled_from(["ship", "arrive", "lose", "return", "return"]),
        st.sampled_from([{"li_1": 1}, {"li_2": 1}, {"li_1": 1, "li_2": 1}, {"li_1": 2}]),
        st.booleans(),
        st.sampled_from([None, "outlet"]),
    ),
    max_size=10,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_parts_are_put_back_by_choice_in_any_order(
    steps: list[tuple[str, dict[str, int], bool, str | None]],
) -> None:
    fixture = OrderFixture(MemoryOrderRepository(), MemoryStockRepository(), MemoryUnitOfWork())
    order = fixture.place_allocated(order_of_sets(3, 2))
    parcels: list[str] = []
    for step, lines, restock, location in steps:
        fixture.advance(seconds=1)
        try:
            if step == "ship":
                fixture.ship(order, f"1Z{len(parcels)}", lines=lines)
                parcels.append(f"1Z{len(parcels)}")
            elif step == "return":
                choice: dict[str, Any] = {
                    "restock": restock,
                    "location": location if restock else None,
                }
                fixture.return_goods(order, lines, **choice)
            elif parcels:
                fixture.track("delivered" if step == "arrive" else "lost", parcels[-1])
        except (Conflict, InvalidRequest):
            pass
        check_stock(fixture)
