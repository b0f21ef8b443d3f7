"""Late orders are announced to their buyers once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.ses import ses_backends  # type: ignore[attr-defined]

from functions.event_handlers import send_order_notice
from functions.scheduled import announce_delays
from shop.entrypoints import scheduler
from shop.orders.model import Order
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.rows import OrderRow, order_pk
from tests.kit.order_fixtures import order_fixture
from tests.kit.orders import make_order
from tests.kit.shop import Context
from tests.unit.orders.order_fixture import OrderFixture

PLACED = datetime(2026, 11, 27, 8, tzinfo=UTC)
PROMISED = datetime(2026, 12, 3, 20, tzinfo=UTC)
LATE = PROMISED + timedelta(hours=12)


@pytest.fixture
def fixture(cloud: None) -> OrderFixture:
    return order_fixture()


@pytest.fixture
def sent(cloud: None) -> list[Any]:
    boto3.client("sesv2").create_email_identity(EmailIdentity="shop@shop.test")
    messages: list[Any] = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    return messages


def run(at: datetime = LATE) -> dict[str, int]:
    with patch.object(scheduler, "datetime") as clock:
        clock.now.return_value = at
        result: dict[str, int] = announce_delays.handler({}, Context())
    return result


def confirmed(fixture: OrderFixture, order_id: str = "ord_1", **changes: Any) -> Order:
    fixture.now = PLACED
    order = make_order(order_id, (2, 1), placed_at=PLACED, **changes)
    return fixture.place_allocated(order)


def deliver(order_id: str = "ord_1") -> None:
    """Deliver the event that the last write of the order has stored."""
    rows = OrderRow.query(order_pk(order_id), OrderRow.sk.startswith("HEAD#"))
    (event,) = next(iter(rows)).events
    assert event.type == "OrderDelayed"
    detail = {"id": event.id, "subject": order_id, "at": LATE.isoformat(), "data": event.data}
    envelope = {"detail-type": event.type, "source": "doorbuster", "detail": detail}
    send_order_notice.handler(envelope, Context())


def test_late_order_is_announced_once_with_its_pieces(
    fixture: OrderFixture, sent: list[Any]
) -> None:
    order = confirmed(fixture)
    fixture.ship(
        order, "BIKE-1", carrier="manual", tracking_url="https://c.example/1", lines={"li_1": 1}
    )
    assert run(LATE - timedelta(seconds=1)) == {"late": 0, "announced": 0}
    assert run() == {"late": 1, "announced": 1}
    deliver()
    deliver()
    (email,) = sent
    text = f"{email.subject} {email.body}"
    assert "Your order is delayed" in text
    assert "03 December 2026" in text
    assert f"2 × {order.lines[0].title}" in text
    assert "With the carrier: 1 of 3 pieces" in text
    assert "Not shipped yet: 2 of 3 pieces" in text
    assert "https://c.example/1" in text
    assert run(LATE + timedelta(days=1)) == {"late": 0, "announced": 0}


def test_order_that_arrives_before_the_email_gets_none(
    fixture: OrderFixture, sent: list[Any]
) -> None:
    fixture.ship(confirmed(fixture))
    assert run()["announced"] == 1
    stored = DynamoOrderRepository().get_by_id("ord_1")
    detail = {"id": "ord_1.9.OrderDelayed", "subject": "ord_1", "at": LATE.isoformat(), "data": {}}
    fixture.now = LATE
    fixture.track("delivered")
    assert stored.delay_announced
    envelope = {"detail-type": "OrderDelayed", "source": "doorbuster", "detail": detail}
    send_order_notice.handler(envelope, Context())
    assert sent == []


def _deliver_all(fixture: OrderFixture, order: Order) -> None:
    fixture.ship(order)
    fixture.track("delivered")


def _cancel(fixture: OrderFixture, order: Order) -> None:
    fixture.cancel(order, "ordered_twice")


@pytest.mark.parametrize("end", [_deliver_all, _cancel])
def test_order_that_has_ended_is_not_late(
    end: Callable[[OrderFixture, Order], None], fixture: OrderFixture
) -> None:
    end(fixture, confirmed(fixture))
    assert run() == {"late": 0, "announced": 0}


def test_back_ordered_and_unpaid_orders_are_not_late(fixture: OrderFixture) -> None:
    from dataclasses import replace

    order = make_order("ord_1", (1, 1), placed_at=PLACED)
    ahead = tuple(replace(line, ships_from="2027-02-01") for line in order.lines)
    fixture.place_allocated(replace(order, lines=ahead))
    fixture.place(make_order("ord_2", (1, 1), placed_at=PLACED))
    assert run() == {"late": 0, "announced": 0}


def test_order_that_changes_meanwhile_is_announced_by_the_next_run(
    fixture: OrderFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(fixture)
    save = DynamoOrderRepository.save

    def overtaken(self: Any, before: Order, after: Order, events: Any) -> Order:
        monkeypatch.setattr(DynamoOrderRepository, "save", save)
        fixture.ship(before)
        return save(self, before, after, events)

    monkeypatch.setattr(DynamoOrderRepository, "save", overtaken)
    assert run() == {"late": 1, "announced": 0}
    assert run() == {"late": 1, "announced": 1}


def test_late_orders_are_announced_oldest_first_up_to_the_limit(fixture: OrderFixture) -> None:
    from shop.orders.actions.delays import announce_delays as announce

    for n in range(3):
        fixture.now = PLACED
        placed_at = PLACED - timedelta(days=n)
        fixture.place_allocated(make_order(f"ord_{n}", (1, 1), placed_at=placed_at))
    counts = announce(at=LATE, orders=DynamoOrderRepository(), max_results=2)
    assert counts == (2, 2)
    announced = [
        n for n in range(3) if DynamoOrderRepository().get_by_id(f"ord_{n}").delay_announced
    ]
    assert announced == [1, 2]
