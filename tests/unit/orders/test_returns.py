"""Returned pieces: recorded once, and in stock again if staff choose so."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from shop.inventory.model import MovementType, Reservation, StockLevel, StockMovement
from shop.kernel.errors import Conflict, InvalidRequest, NotFound
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.actions.batched_placement import process_queued_batches
from shop.orders.actions.delivery import abandon_delivery, complete_order
from shop.orders.actions.returns import ReturnInput, ReturnLineInput, stage_return
from shop.orders.model import Condition, Order, OrderStatus, ReservationBatch, ReturnedPieces
from shop.orders.model.notices import Notice, NoticeKind, notice_of
from shop.orders.schemas.emails import order_notice_email
from shop.orders.schemas.ucp import order_view
from shop.payments.model import PaymentStatus
from tests.kit.orders import SKUS, make_order
from tests.unit.orders.order_fixture import OrderFixture
from tests.unit.orders.order_simulation import OrderSimulation


def completed(fixture: OrderFixture, **changes: Any) -> Order:
    """Return an order of two red mugs and a blue one that arrived."""
    order = fixture.place_allocated(make_order(**changes))
    fixture.ship(order)
    fixture.track("delivered")
    return complete_order(order.id, at=fixture.advance(minutes=1), orders=fixture.orders)


def test_return_without_a_choice_leaves_stock_alone(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture)
    after = order_fixture.return_goods(order, {"li_1": 1}, condition=Condition.DAMAGED)
    assert order_fixture.on_hand() == (8, 9)
    (returned,) = after.returns
    assert returned.lines == {"li_1": ReturnedPieces(1, Condition.DAMAGED)}
    assert [entry.event for entry in after.history[-2:]] == ["completed", "returned"]


def test_restocked_pieces_are_on_sale_where_they_were_shipped_from(
    order_fixture: OrderFixture,
) -> None:
    order = completed(order_fixture)
    after = order_fixture.return_goods(order, {"li_1": 2, "li_2": 1}, restock=True)
    assert (order_fixture.on_hand(), order_fixture.available()) == ((10, 10), (10, 10))
    assert after.returns[0].lines["li_1"].location == "main"
    entry = order_fixture.stock.list_movements(SKUS[0]).items[0]
    assert (entry.kind, entry.on_hand, entry.reference, entry.actor, entry.reason) == (
        MovementType.RETURNED,
        2,
        order.id,
        "wanda",
        "too small",
    )
    assert (after.history[-1].event, after.history[-1].reason) == (
        "restocked",
        "2 of MUG-RED at main, 1 of MUG-BLUE at main",
    )
    assert order_fixture.orders.get_by_id(order.id).returns == after.returns


def test_restocked_pieces_may_go_to_another_location(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture)
    order_fixture.return_goods(order, {"li_1": 1}, restock=True, location="outlet")
    assert order_fixture.on_hand() == (8, 9)
    assert order_fixture.stock.level(SKUS[0], "outlet").available == 1
    with pytest.raises(NotFound) as failure:
        order_fixture.return_goods(order, {"li_1": 1}, restock=True, location="moon")
    assert failure.value.code == "location_unknown"
    assert order_fixture.orders.get_by_id(order.id).lines[0].returned == 1


def test_line_that_two_locations_shipped_needs_a_location(order_fixture: OrderFixture) -> None:
    opening = StockMovement(
        SKUS[0], MovementType.RECEIVED, order_fixture.now, "test", location="outlet", on_hand=1
    )
    order_fixture.stock.write_movement(opening, StockLevel(SKUS[0], "outlet"))
    order = order_fixture.place_allocated(
        make_order(
            reservations=(
                Reservation(SKUS[0], 1),
                Reservation(SKUS[0], 1, "outlet"),
                Reservation(SKUS[1], 1),
            )
        )
    )
    order_fixture.ship(order, "1Z1", lines={"li_1": 1}, location="outlet")
    order_fixture.ship(order, "1Z2", location="main")
    order_fixture.track("delivered", "1Z1")
    order_fixture.track("delivered", "1Z2")
    complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders)
    with pytest.raises(Conflict) as failure:
        order_fixture.return_goods(order, {"li_1": 1}, restock=True)
    assert (failure.value.code, failure.value.problems[0].path) == (
        "several_locations",
        "$.lines[0].location",
    )
    order_fixture.return_goods(order, {"li_1": 1}, restock=True, location="outlet")
    assert order_fixture.stock.level(SKUS[0], "outlet").on_hand == 1


def test_kit_returns_its_parts(order_fixture: OrderFixture) -> None:
    order = make_order(pieces=(2,))
    kit = replace(order.lines[0], sku="SET", parts=((SKUS[0], 1), (SKUS[1], 2)))
    completed(
        order_fixture,
        pieces=(2,),
        lines=(kit,),
        reservations=(Reservation(SKUS[0], 2), Reservation(SKUS[1], 4)),
    )
    assert order_fixture.on_hand() == (8, 6)
    order_fixture.return_goods(order, {"li_1": 1}, restock=True)
    assert order_fixture.on_hand() == (9, 8)


def test_lines_of_one_sku_are_one_movement(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture, pieces=(1, 1, 2))
    order_fixture.return_goods(order, {"li_1": 1, "li_3": 2}, restock=True)
    assert order_fixture.on_hand() == (10, 9)
    assert order_fixture.stock.list_movements(SKUS[0]).items[0].on_hand == 3


def test_more_pieces_than_the_buyer_has_change_nothing(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture)
    for lines in ({"li_1": 3}, {"li_2": 1, "li_1": 3}):
        with pytest.raises(InvalidRequest):
            order_fixture.return_goods(order, lines, restock=True)
    with pytest.raises(NotFound):
        order_fixture.return_goods(order, {"li_9": 1}, restock=True)
    assert order_fixture.on_hand() == (8, 9)
    assert order_fixture.orders.get_by_id(order.id).returns == ()


def test_of_two_returns_of_the_last_piece_at_once_one_counts(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture)
    one_blue_mug = ReturnInput({"li_2": ReturnLineInput(1, restock=True)}, "too small")
    first, second = (
        stage_return(
            order_fixture.orders.get_by_id(order.id),
            one_blue_mug,
            at=order_fixture.advance(seconds=1),
            actor="wanda",
            writes=order_fixture.writes,
            locations=order_fixture.locations,
        )
        for _ in range(2)
    )
    order_fixture.uow.commit(*first.writes)
    with pytest.raises(ConditionFailed):
        order_fixture.uow.commit(*second.writes)
    assert order_fixture.on_hand() == (8, 10)
    with pytest.raises(InvalidRequest):
        order_fixture.return_goods(order, {"li_2": 1}, restock=True)


def test_queued_units_are_restocked_once_on_every_store(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture)
    batch = ReservationBatch(
        "9.000",
        (Reservation(SKUS[0], 2), Reservation(SKUS[1], 1, "outlet")),
        returned=("wanda", order_fixture.now, "too small"),
    )
    order_fixture.uow.commit(order_fixture.orders.enqueue_batch(order.id, batch))
    assert list(order_fixture.orders.list_batches(order.id)[1]) == [batch]
    assert process_queued_batches(order.id, writes=order_fixture.writes) == 1
    assert process_queued_batches(order.id, writes=order_fixture.writes) == 0
    assert order_fixture.on_hand() == (10, 9)
    assert order_fixture.stock.level(SKUS[1], "outlet").on_hand == 1


# While other parcels are on their way


def in_two_parcels(fixture: OrderFixture) -> Order:
    """Return an order of two red mugs and a blue one; the red ones leave first."""
    order = fixture.place_allocated()
    fixture.ship(order, "1Z1", lines={"li_1": 2})
    return fixture.ship(order, "1Z2")


def test_pieces_of_a_delivered_parcel_are_returned_while_another_is_on_its_way(
    order_fixture: OrderFixture,
) -> None:
    order = in_two_parcels(order_fixture)
    order_fixture.track("delivered", "1Z1")
    after = order_fixture.return_goods(order, {"li_1": 1}, restock=True)
    assert (after.status, after.due) == (OrderStatus.CONFIRMED, order.total - 1080)
    assert [(line.delivered, line.returned) for line in after.lines] == [(1, 1), (0, 0)]
    with pytest.raises(InvalidRequest):
        order_fixture.return_goods(order, {"li_2": 1})
    order_fixture.track("delivered", "1Z2")
    done = complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders)
    assert [(line.delivered, line.returned) for line in done.lines] == [(1, 1), (1, 0)]


def test_pieces_still_to_ship_stay_to_ship_after_a_return(order_fixture: OrderFixture) -> None:
    order = order_fixture.place_allocated()
    order_fixture.ship(order, "1Z1", lines={"li_1": 1})
    order_fixture.track("delivered", "1Z1")
    after = order_fixture.return_goods(order, {"li_1": 1})
    assert after.to_ship == {"li_1": 1, "li_2": 1}
    (line, _) = order_view(after, "")["line_items"]
    assert (line["quantity"], line["status"]) == (
        {"original": 2, "total": 1, "fulfilled": 0},
        "processing",
    )
    order_fixture.ship(order, "1Z2")
    order_fixture.track("delivered", "1Z2")
    assert complete_order(order.id, at=order_fixture.now, orders=order_fixture.orders).delivered


@pytest.mark.parametrize("second", ["delivered", "lost", "returned_to_sender"])
def test_returns_and_reports_in_any_order_end_in_one_state(second: str) -> None:
    ends = set()
    for steps in permutations(["first arrives", "second ends", "two return", "deadline"]):
        simulation = OrderSimulation()
        order = in_two_parcels(simulation)
        simulation.deliver_all()
        waiting = list(steps)
        while waiting:
            # A return waits for its parcel, and the deadline for nothing.
            step = next(
                each for each in waiting if each != "two return" or "first arrives" not in waiting
            )
            waiting.remove(step)
            simulation.advance(minutes=1)
            if step == "first arrives":
                simulation.track("delivered", "1Z1", at=order.placed_at)
            elif step == "second ends":
                simulation.track(second, "1Z2", at=order.placed_at)
            elif step == "two return":
                simulation.return_goods(order, {"li_1": 2}, restock=True)
            elif {"first arrives", "second ends"}.isdisjoint(waiting):
                simulation.workflow.deadline(order.id)
            simulation.deliver_all()
            simulation.check()
        simulation.check_at_rest()
        after = simulation.orders.get_by_id(order.id)
        pieces = tuple((line.delivered, line.returned) for line in after.lines)
        ends.add((after.status, after.due, after.payment.net_captured, pieces))
    blue_mug_arrived = second == "delivered"
    due = 599 + 1080 if blue_mug_arrived else 0
    pieces = ((0, 2), (1, 0) if blue_mug_arrived else (0, 1))
    assert ends == {(OrderStatus.COMPLETED, due, due, pieces)}


def test_nothing_is_captured_if_every_shipped_piece_came_back_first(
    order_fixture: OrderFixture,
) -> None:
    order = order_fixture.place_allocated()
    order_fixture.ship(order, "1Z1", lines={"li_1": 1})
    order_fixture.track("delivered", "1Z1")
    order_fixture.return_goods(order, {"li_1": 1})
    order_fixture.cancel(order, allow_partial=True)
    after = order_fixture.capture(order)
    assert (after.payment.status, after.payment.net_captured, after.due) == (
        PaymentStatus.CANCELLED,
        0,
        0,
    )
    assert (after.status, after.settled) == (OrderStatus.CONFIRMED, True)


def test_each_undelivered_piece_keeps_the_reason_of_its_parcel(memory: OrderFixture) -> None:
    order = in_two_parcels(memory)
    memory.track("returned_to_sender", "1Z1")
    memory.track("lost", "1Z2")
    after = abandon_delivery(order.id, late=False, at=memory.now, orders=memory.orders)
    assert after.status is OrderStatus.RETURNED
    assert [(each.reason, each.pieces, each.sent_back) for each in after.returns] == [
        ("returned_to_sender", {"li_1": 2}, False),
        ("lost", {"li_2": 1}, False),
    ]


def test_buyer_is_notified_of_lost_pieces_in_other_words_than_of_returned_ones(
    memory: OrderFixture,
) -> None:
    order = in_two_parcels(memory)
    memory.track("delivered", "1Z1")
    memory.return_goods(order, {"li_1": 1})
    memory.track("lost", "1Z2")
    after = abandon_delivery(order.id, late=False, at=memory.now, orders=memory.orders)
    kinds = [
        notice.kind
        for event in memory.orders.outbox
        if event.type == "OrderReturned" and (notice := notice_of(after, event.type, event.data))
    ]
    assert kinds == [NoticeKind.RETURNED, NoticeKind.NOT_DELIVERED]
    texts = [order_notice_email(after, Notice(kind), "https://shop.example").text for kind in kinds]
    assert ["came back to us" in text for text in texts] == [True, False]
    assert ["did not reach you" in text for text in texts] == [False, True]


def test_list_shows_what_was_returned_and_refunded(order_fixture: OrderFixture) -> None:
    order = completed(order_fixture, owner="jane")
    order_fixture.capture(order)

    def listed() -> tuple[int, int]:
        (summary,) = order_fixture.orders.list_by_customer(order.owner, cursor=None, limit=5).items
        return summary.returned, summary.refunded

    assert listed() == (0, 0)
    order_fixture.return_goods(order, {"li_1": 1})
    assert listed() == (1080, 0)
    order_fixture.refund_excess(order)
    assert listed() == (1080, 1080)
    order_fixture.refund(order, 100)
    order_fixture.refund_excess(order)
    assert listed() == (1080, 1180)
    order_fixture.return_goods(order, {"li_1": 1, "li_2": 1})
    order_fixture.refund_excess(order)
    assert listed() == (order.total, order.total)
