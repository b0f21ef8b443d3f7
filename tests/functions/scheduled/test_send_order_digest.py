"""The digest of new orders to staff: one email per window, with the count and the first orders."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.ses import ses_backends  # type: ignore[attr-defined]

from functions.scheduled import send_order_digest
from shop.entrypoints import scheduler
from shop.kernel.errors import Unavailable
from shop.orders.model import Order
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import order_fixture
from tests.kit.orders import make_order
from tests.kit.shop import Context

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def sent(cloud: None) -> list[Any]:
    boto3.client("sesv2").create_email_identity(EmailIdentity="shop@shop.test")
    messages: list[Any] = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    return messages


def run(at: datetime) -> dict[str, int]:
    with patch.object(scheduler, "datetime") as clock:
        clock.now.return_value = at
        result: dict[str, int] = send_order_digest.handler({}, Context())
    return result


def place(order_id: str, at: datetime, *, paid: bool = True) -> None:
    fixture = order_fixture()
    order = fixture.place(_order(order_id, at))
    if paid:
        fixture.pay(order)


def _order(order_id: str, at: datetime) -> Order:
    return make_order(
        order_id, (1,), placed_at=at, pay_by=at + 30 * MINUTE, reservations=(), usage=()
    )


def texts(sent: list[Any]) -> list[str]:
    return [f"{email.subject}\n{email.body}" for email in sent]


def test_window_is_reported_once_with_its_count_and_first_orders(sent: list[Any]) -> None:
    for n in range(9):
        place(f"ord_{n:02d}", NOON + n * MINUTE)
    for n in range(9, 12):
        place(f"ord_{n:02d}", NOON + n * MINUTE, paid=False)
    place("ord_before", NOON - timedelta(microseconds=1))
    place("ord_after", NOON + 15 * MINUTE)
    canceled = order_fixture()
    place("ord_canceled", NOON + MINUTE)
    canceled.cancel(canceled.orders.get_by_id("ord_canceled"), "ordered_twice")
    # The window that is not over yet is not reported
    assert run(NOON + 14 * MINUTE) == {"sent": 1, "orders": 1}
    assert "ord_before" in texts(sent)[0]
    # When the window ends, one email counts its orders and lists ten of them
    assert run(NOON + 15 * MINUTE) == {"sent": 1, "orders": 12}
    assert run(NOON + 20 * MINUTE) == {"sent": 0, "orders": 0}
    email = sent[1]
    assert email.destinations["ToAddresses"] == ["staff@shop.test"]
    text = texts(sent)[1]
    assert text.startswith("12 new orders\n")
    assert "9 paid, 3 waiting for payment. Placed from 12:00 to 12:15 UTC" in text
    assert text.index("ord_00") < text.index("ord_09")
    assert "ord_10" not in text
    assert "ord_canceled" not in text
    assert "and 2 more" in text
    assert "http://shop.test/staff/orders?day=2026-11-27" in text
    assert "jane@example.com" not in text


def test_one_order_has_an_email_in_the_singular(sent: list[Any]) -> None:
    place("ord_1", NOON)
    assert run(NOON + 15 * MINUTE)["sent"] == 1
    assert texts(sent)[0].startswith("1 new order\n")
    assert "more" not in texts(sent)[0]


def test_window_without_orders_sends_nothing_and_is_read_once(sent: list[Any]) -> None:
    run(NOON)
    with count_calls() as calls:
        assert run(NOON + 5 * MINUTE) == {"sent": 0, "orders": 0}
    assert sent == []
    assert not [made for made in calls.made if made.operation == "Query"]


def test_window_across_midnight_counts_both_days(sent: list[Any]) -> None:
    midnight = datetime(2026, 11, 28, tzinfo=UTC)
    place("ord_late", midnight - MINUTE)
    place("ord_early", midnight)
    assert run(midnight + 15 * MINUTE) == {"sent": 2, "orders": 2}
    with patch.object(send_order_digest, "minutes", 60):
        place("ord_later", midnight + 59 * MINUTE)
        assert run(midnight + 60 * MINUTE)["orders"] == 3


def test_digest_is_off_with_zero_minutes(sent: list[Any]) -> None:
    place("ord_1", NOON)
    with patch.object(send_order_digest, "minutes", 0), count_calls() as calls:
        assert run(NOON + 15 * MINUTE) == {"sent": 0, "orders": 0}
    assert (sent, calls.names) == ([], [])


def test_failed_email_is_sent_by_a_later_run(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise Unavailable("The email service is unavailable.")

    place("ord_1", NOON)
    with monkeypatch.context() as outage:
        outage.setattr(send_order_digest.email_sender, "send", down)
        assert run(NOON + 15 * MINUTE) == {"sent": 0, "orders": 0}
    assert run(NOON + 20 * MINUTE) == {"sent": 1, "orders": 1}
    assert run(NOON + 25 * MINUTE) == {"sent": 0, "orders": 0}


def test_missed_runs_are_made_up_for(sent: list[Any]) -> None:
    place("ord_1", NOON)
    place("ord_2", NOON + 20 * MINUTE)
    assert run(NOON + 59 * MINUTE) == {"sent": 2, "orders": 2}
