"""Order schemas: UCP for customers, the staff API, and emails."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shop.entrypoints import ucp
from shop.entrypoints.request_body import parse_body
from shop.inventory.model import Reservation
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.contacts import PostalAddress
from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page
from shop.orders.actions.cancellation import cancel_unshipped
from shop.orders.actions.delivery import abandon_delivery
from shop.orders.actions.finding import summary_of
from shop.orders.model import HistoryEntry, Order, OrderCredit, ShipmentStatus
from shop.orders.schemas.carrier import CarrierEvent
from shop.orders.schemas.emails import order_confirmation_email
from shop.orders.schemas.order_list import OrderList, page_size_from_query
from shop.orders.schemas.staff import StaffOrder
from shop.orders.schemas.staff_requests import CancelRequest, ParcelRequest
from shop.orders.schemas.ucp import order_view
from tests.kit.orders import BLACK_FRIDAY, captured, make_order
from tests.kit.ucp_validator import assert_valid_ucp
from tests.unit.orders.order_fixture import OrderFixture

ORDER = "dev.ucp.shopping.order"


def shown(order: Order) -> dict[str, Any]:
    """Return the view, after both UCP validators accept it with its envelope."""
    view = order_view(order, "https://shop.example")
    whole = {**view, "ucp": ucp.envelope(ucp.negotiate_capabilities(None, ORDER), ORDER)}
    assert_valid_ucp("order", json.loads(json.dumps(whole)))
    return view


def statuses(order: Order) -> list[str]:
    return [line["status"] for line in shown(order)["line_items"]]


def quantities(order: Order) -> list[tuple[int, int, int]]:
    rows = [line["quantity"] for line in shown(order)["line_items"]]
    return [(row["original"], row["total"], row["fulfilled"]) for row in rows]


def events(order: Order) -> list[str]:
    return [event["type"] for event in shown(order)["fulfillment"]["events"]]


def adjustments(order: Order) -> list[tuple[str, str, int]]:
    return [
        (each["type"], each["status"], each["totals"][0]["amount"])
        for each in shown(order)["adjustments"]
    ]


def test_placed_order_shows_its_lines_without_adjustments(memory: OrderFixture) -> None:
    view = shown(memory.place())
    assert view["permalink_url"] == "https://shop.example/orders/ord_1"
    assert view["checkout_id"] == "chk_ord_1"
    assert quantities(memory.orders.get_by_id("ord_1")) == [(2, 2, 0), (1, 1, 0)]
    assert view["adjustments"] == []


@pytest.mark.parametrize(
    ("tax_included", "discount", "tax"), [(True, 0, 240), (False, 0, 240), (False, 300, 0)]
)
def test_totals_sum_to_the_total(tax_included: bool, discount: int, tax: int) -> None:
    order = make_order()
    total = order.subtotal - discount + order.shipping + (0 if tax_included else tax)
    order = replace(order, tax_included=tax_included, discount=discount, tax=tax, total=total)
    *parts, last = shown(order)["totals"]
    assert last["type"] == "total"
    assert sum(part["amount"] for part in parts) == last["amount"] == total


def test_line_totals_sum_to_the_line_total() -> None:
    order = make_order()
    line = replace(order.lines[0], discount=150, total=order.lines[0].subtotal - 150)
    lines, total = (line, order.lines[1]), order.total - 150
    order = replace(order, lines=lines, discount=150, total=total)
    *parts, last = shown(order)["line_items"][0]["totals"]
    assert sum(part["amount"] for part in parts) == last["amount"] == line.total


def test_shipped_lines_are_fulfilled(memory: OrderFixture) -> None:
    order = memory.place_allocated()
    assert (statuses(order), events(order)) == (["processing"] * 2, ["processing"])
    order = memory.ship(order, "1Z1", lines={"li_1": 1})
    assert statuses(order) == ["partial", "processing"]
    order = memory.ship(order, "1Z2")
    assert statuses(order) == ["fulfilled", "fulfilled"]
    assert events(order) == ["processing", "shipped", "shipped"]


def test_fulfillment_events_are_in_order_of_time_with_tracking(memory: OrderFixture) -> None:
    memory.ship(memory.place_allocated(), "1Z1", tracking_url="https://ups.example/1Z1")
    times = {status: memory.advance(hours=1) for status in ("in_transit", "delivered")}
    memory.track("delivered", "1Z1", at=times["delivered"])
    order = memory.track("in_transit", "1Z1", at=times["in_transit"])
    assert events(order) == ["processing", "shipped", "in_transit", "delivered"]
    for event in shown(order)["fulfillment"]["events"][1:]:
        assert event["tracking_number"] == "1Z1"
        assert event["tracking_url"] == "https://ups.example/1Z1"
        assert event["carrier"] == "ups"


def test_fulfillment_events_have_unique_ids(memory: OrderFixture) -> None:
    order = memory.ship(memory.ship(memory.place_allocated(), "1Z1", lines={"li_1": 1}), "1Z2")
    memory.track("delivered", "1Z1", event="e")
    order = memory.track("delivered", "1Z2", event="e")
    ids = [event["id"] for event in shown(order)["fulfillment"]["events"]]
    assert len(ids) == len(set(ids))


def test_cancellation_is_pending_until_the_refund(memory: OrderFixture) -> None:
    order = memory.cancel(memory.place_allocated(), "ordered twice")
    assert adjustments(order) == [("cancellation", "pending", -order.total)]
    assert shown(order)["adjustments"][0]["description"] == "ordered twice"
    assert (statuses(order), quantities(order)[0]) == (["removed"] * 2, (2, 0, 0))
    assert shown(order)["fulfillment"]["expectations"] == []
    order = memory.refund_excess(order)
    assert adjustments(order) == [("cancellation", "completed", -order.total)]


def test_cancellation_of_unpaid_order_is_completed(memory: OrderFixture) -> None:
    order = memory.expire(memory.place())
    assert adjustments(order) == [("cancellation", "completed", -order.total)]
    assert shown(order)["adjustments"][0]["description"] == "Not paid in time"


def test_cancelled_and_lost_pieces_are_two_adjustments(memory: OrderFixture) -> None:
    order = memory.ship(memory.place_allocated(make_order(pieces=(3, 1))), "1Z1", lines={"li_1": 1})
    memory.ship(order, "1Z2", lines={"li_1": 1})
    cancel_unshipped(order.id, at=memory.now, writes=memory.writes)
    memory.track(ShipmentStatus.DELIVERED, "1Z1")
    memory.track(ShipmentStatus.LOST, "1Z2")
    order = abandon_delivery(order.id, late=False, at=memory.now, orders=memory.orders)
    assert [(kind, amount) for kind, _, amount in adjustments(order)] == [
        ("cancellation", -2 * 1080),
        ("refund", -1080),
    ]
    assert sum(amount for *_, amount in adjustments(order)) == order.due - order.total
    assert quantities(order) == [(3, 1, 1), (1, 0, 0)]
    assert statuses(order) == ["fulfilled", "removed"]


def test_adjustment_is_the_full_value_also_if_credits_paid(
    memory: OrderFixture,
) -> None:
    order = make_order(pieces=(3,))
    card = order.total - 500
    order = replace(order, credits=(OrderCredit("gift:1", card, "card"),))
    cancelled = replace(
        order,
        lines=tuple(replace(line, cancelled=2) for line in order.lines),
        history=(
            *order.history,
            HistoryEntry(BLACK_FRIDAY, "partially cancelled", "staff", "not_shipped"),
        ),
    )
    assert [amount for *_, amount in adjustments(cancelled)] == [-2 * 1080]
    returned = replace(
        cancelled,
        lines=tuple(replace(line, shipped=1, returned=1) for line in cancelled.lines),
        history=(*cancelled.history, HistoryEntry(BLACK_FRIDAY, "returned", "staff", "torn")),
    )
    amounts = [amount for *_, amount in adjustments(returned)]
    assert amounts == [-2 * 1080, 2 * 1080 - order.total]


def test_each_return_is_an_adjustment_with_its_own_reason(memory: OrderFixture) -> None:
    order = memory.place_allocated()
    memory.ship(order, "1Z1", lines={"li_1": 2})
    memory.ship(order, "1Z2")
    memory.track("delivered", "1Z1")
    memory.advance(minutes=1)
    memory.return_goods(order, {"li_1": 1}, "too small")
    memory.track("lost", "1Z2", at=memory.advance(minutes=1))
    abandon_delivery(order.id, late=False, at=memory.advance(minutes=1), orders=memory.orders)
    memory.advance(minutes=1)
    after = memory.return_goods(order, {"li_1": 1}, "the other one, too")
    assert [
        (each["id"], each["type"], each["description"], each["totals"][0]["amount"])
        for each in shown(after)["adjustments"]
    ] == [
        ("adj_return_1", "return", "too small", -1080),
        ("adj_return_2", "refund", "Lost in transit", -1080),
        ("adj_return_3", "return", "the other one, too", -1080 - 599),
    ]
    assert [entry.event for entry in after.history if entry.reason == "lost"] == ["not delivered"]


def test_manual_refund_is_an_adjustment_of_its_own(memory: OrderFixture) -> None:
    order = memory.capture(memory.ship(memory.place_allocated()))
    order = memory.record(order, captured(order, refunded=500))
    assert adjustments(order) == [("refund", "completed", -500)]


def test_address_shows_only_ucp_fields(memory: OrderFixture) -> None:
    order = memory.place(
        make_order(destination=PostalAddress(id="dest_1", postal_code="1", full_name="Jane Doe"))
    )
    (expected,) = shown(order)["fulfillment"]["expectations"]
    assert expected["destination"] == {"postal_code": "1"}
    assert expected["description"] == "Standard: arrives 2026-12-01 to 2026-12-03"


@pytest.mark.parametrize(
    ("zone", "instant"),
    [
        ("America/New_York", "2026-12-15T00:00:00-05:00"),
        ("Europe/Berlin", "2026-12-15T00:00:00+01:00"),
        ("Asia/Shanghai", "2026-12-15T00:00:00+08:00"),
        ("UTC", "2026-12-15T00:00:00Z"),
    ],
)
def test_ship_date_begins_at_midnight_in_the_time_zone_of_the_market(
    memory: OrderFixture, zone: str, instant: str
) -> None:
    order = memory.place()
    (first, second) = order.lines
    waiting = replace(
        order,
        ship_zone=zone,
        lines=(replace(first, ships_from="2026-12-15"), second),
        reservations=(Reservation(first.sku, 1, shard=INBOUND_SHARD),),
    )
    expectations = shown(waiting)["fulfillment"]["expectations"]
    assert [each["fulfillable_on"] for each in expectations] == ["now", instant]


# Staff


def test_staff_order_shows_payment_parcels_and_history(memory: OrderFixture) -> None:
    order = memory.capture(memory.ship(memory.place_allocated()))
    view = json.loads(StaffOrder.of(order).model_dump_json())
    assert view["payment"]["captured"] == view["total"] == order.total
    assert view["lines"][0]["location"] == "main"
    assert view["parcels"][0]["status"] == "shipped"
    assert [entry["event"] for entry in view["history"]] == [
        "placed",
        "payment authorized",
        "allocated",
        "shipped",
        "payment captured",
    ]


def test_order_list_contains_the_next_cursor(memory: OrderFixture) -> None:
    order = memory.place()
    page = Page((summary_of(order),))
    view = OrderList.of(Page(page.items, "next"))
    assert (view.cursor, [summary.id for summary in view.orders]) == ("next", ["ord_1"])


PARCEL = {"carrier": "ups", "tracking_number": "1Z999"}


@pytest.mark.parametrize(
    "body",
    [
        {**PARCEL},
        {**PARCEL, "lines": None},
        {**PARCEL, "tracking_url": "https://ups.example/1Z"},
        {**PARCEL, "lines": [{"id": "li_1", "quantity": 1}]},
    ],
)
def test_parcel_request_needs_carrier_and_number_only(body: dict[str, Any]) -> None:
    read = parse_body(ParcelRequest, json.dumps(body).encode())
    assert isinstance(read, ParcelRequest)
    assert read.pieces() == ({"li_1": 1} if body.get("lines") else None)


@pytest.mark.parametrize(
    "url",
    [
        "http://ups.example",
        "HTTPS://UPS.example/Track?n=1Z999&lang=en#events",
        "https://track_eu.ups.example:8443/~a/%20/(1Z)",
        "https://192.0.2.7/?q=a@b.example",
    ],
)
def test_link_of_a_parcel_may_be_any_that_a_browser_opens(url: str) -> None:
    read = parse_body(ParcelRequest, json.dumps({**PARCEL, "tracking_url": url}).encode())
    assert isinstance(read, ParcelRequest)
    assert read.tracking_url == url


@pytest.mark.parametrize("number", ["1Z 999 AA1", " 1Z999AA1", "1Z999AA1  ", "1 Z  999A A1"])
@pytest.mark.parametrize("of_carrier", [False, True])
def test_blanks_of_a_printed_tracking_number_are_ignored(number: str, of_carrier: bool) -> None:
    base, model = (EVENT, CarrierEvent) if of_carrier else (PARCEL, ParcelRequest)
    read: Any = parse_body(model, json.dumps({**base, "tracking_number": number}).encode())
    assert read.tracking_number == "1Z999AA1"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1Z\u00a0999AA2", "1Z999AA2"),
        ("1Z\u2009999AA2", "1Z999AA2"),
        ("1Z999AA2\t", "1Z999AA2"),
        ("1Z 999\r\nAA2\n", "1Z999AA2"),
        ("\u200e1Z999AA2\u200f", "1Z999AA2"),
        ("\ufeff1Z\u200b999AA2", "1Z999AA2"),
        ("1Z\u2011999", "1Z-999"),
        ("1Z\u2013999", "1Z-999"),
        ("１Ｚ９９９ＡＡ２", "1Z999AA2"),
        ("1Z\u3000999", "1Z999"),
        ("\u0661\u0662\u0663\u0664", "1234"),
    ],
)
@pytest.mark.parametrize("of_carrier", [False, True])
def test_pasted_tracking_number_is_read_as_it_looks(
    number: str, expected: str, of_carrier: bool
) -> None:
    base, model = (EVENT, CarrierEvent) if of_carrier else (PARCEL, ParcelRequest)
    read: Any = parse_body(model, json.dumps({**base, "tracking_number": number}).encode())
    assert read.tracking_number == expected


@pytest.mark.parametrize("number", ["1Z#ORDER", "1Zé99", "1Z/999", "12", "x" * 61, "-1Z99"])
def test_invalid_tracking_number_is_rejected_in_a_sentence(number: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_body(ParcelRequest, json.dumps({**PARCEL, "tracking_number": number}).encode())
    (problem,) = error.value.problems
    assert (problem.path, problem.code) == ("$.tracking_number", "id_invalid")
    assert problem.detail == (
        "Must be 4 to 60 letters, digits, '.', '_' or '-', and begin with a letter or digit."
        " White space is ignored."
    )


@pytest.mark.parametrize("port", ["65536", "66000", "70000", "99999", "655350"])
def test_port_of_a_link_is_at_most_65535(port: str) -> None:
    url = f"http://x.example:{port}/"
    with pytest.raises(InvalidRequest) as error:
        parse_body(ParcelRequest, json.dumps({**PARCEL, "tracking_url": url}).encode())
    assert [problem.path for problem in error.value.problems] == ["$.tracking_url"]


@pytest.mark.parametrize("port", ["80", "8443", "59999", "60000", "65499", "65529", "65535"])
def test_every_port_of_a_link_up_to_65535_is_accepted(port: str) -> None:
    url = f"http://x.example:{port}/"
    read: Any = parse_body(ParcelRequest, json.dumps({**PARCEL, "tracking_url": url}).encode())
    assert read.tracking_url == url


@pytest.mark.parametrize("number", ["1 2 3", "   ", "- 1Z9", "1Z\u00a09", "1\tZ9", "x " * 61])
def test_number_is_checked_without_its_blanks(number: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_body(ParcelRequest, json.dumps({**PARCEL, "tracking_number": number}).encode())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"carrier": ""}, "$.carrier"),
        ({"carrier": "UPS"}, "$.carrier"),
        ({"carrier": "a#b"}, "$.carrier"),
        ({"carrier": 7}, "$.carrier"),
        ({"tracking_number": "1"}, "$.tracking_number"),
        ({"tracking_number": "1Z#ORDER"}, "$.tracking_number"),
        ({"tracking_number": "x" * 61}, "$.tracking_number"),
        ({"tracking_url": "javascript:alert(1)"}, "$.tracking_url"),
        ({"tracking_url": "https://a b"}, "$.tracking_url"),
        ({"tracking_url": "https://?n=1"}, "$.tracking_url"),
        ({"tracking_url": "http:///track"}, "$.tracking_url"),
        ({"tracking_url": "https://bank.example@ups.example/1Z"}, "$.tracking_url"),
        ({"tracking_url": 'https://ups.example/"><script>'}, "$.tracking_url"),
        ({"tracking_url": "https://-ups.example/"}, "$.tracking_url"),
        ({"tracking_url": "//ups.example/1Z"}, "$.tracking_url"),
        ({"lines": []}, "$.lines"),
        ({"lines": [{"id": "li_1", "quantity": 0}]}, "$.lines[0].quantity"),
        ({"lines": [{"id": "li_1", "quantity": -1}]}, "$.lines[0].quantity"),
        ({"lines": [{"id": "li_1", "quantity": "1"}]}, "$.lines[0].quantity"),
        ({"lines": [{"id": "li_1", "quantity": 1.5}]}, "$.lines[0].quantity"),
        ({"lines": [{"id": "li_1", "quantity": 10**30}]}, "$.lines[0].quantity"),
        ({"lines": [{"id": "li_1"}]}, "$.lines[0].quantity"),
        ({"lines": [{"id": "li_1", "quantity": 1}] * 2}, "$"),
        ({"weight": 3}, "$.weight"),
    ],
)
def test_invalid_parcel_request_is_rejected_with_its_path(
    change: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_body(ParcelRequest, json.dumps({**PARCEL, **change}).encode())
    assert path in [problem.path for problem in error.value.problems]


@pytest.mark.parametrize("reason", ["", "   ", 7, None, "x" * 201])
def test_cancellation_needs_a_reason(reason: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_body(CancelRequest, json.dumps({"reason": reason}).encode())


EVENT = {
    "id": "evt_1",
    "tracking_number": "1Z999",
    "status": "delivered",
    "occurred_at": "2026-11-28T10:00:00+01:00",
}


def test_carrier_event_may_have_additional_fields() -> None:
    read = parse_body(CarrierEvent, json.dumps({**EVENT, "weight": 3}).encode())
    assert isinstance(read, CarrierEvent)
    assert read.occurred_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": ""}, "$.id"),
        ({"id": "a b"}, "$.id"),
        ({"status": "eaten"}, "$.status"),
        ({"status": None}, "$.status"),
        ({"occurred_at": "yesterday"}, "$.occurred_at"),
        ({"occurred_at": "2026-11-28T10:00:00"}, "$.occurred_at"),
        ({"occurred_at": 7}, "$.occurred_at"),
        ({"tracking_number": "x"}, "$.tracking_number"),
        ({"description": "x" * 301}, "$.description"),
        ({"description": "a\x00"}, "$.description"),
        ({"description": "a\x1b[2J"}, "$.description"),
        ({"description": "\u202eroodeht"}, "$.description"),
    ],
)
def test_invalid_carrier_event_is_rejected_with_its_path(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_body(CarrierEvent, json.dumps({**EVENT, **change}).encode())
    assert [problem.path for problem in error.value.problems] == [path]


@pytest.mark.parametrize(
    ("description", "stored"),
    [
        ("Left at the door", "Left at the door"),
        ("kept < 5 °C, door > 2 m", "kept < 5 °C, door > 2 m"),
        ("  two\r\nlines\t", "two lines"),
        ("<img src=x onerror=alert(1)>Hello", "Hello"),
        ("<<b>script>alert(1)</script>", "< script>alert(1)"),
        ("a<!-- b --> c <svg", "a c"),
        ("已签收 👩‍🚀", "已签收 👩‍🚀"),
    ],
)
def test_carrier_description_is_one_line_without_markup(description: str, stored: str) -> None:
    read = parse_body(CarrierEvent, json.dumps({**EVENT, "description": description}).encode())
    assert isinstance(read, CarrierEvent)
    assert read.description == stored


# Staff queries


@pytest.mark.parametrize("limit", ["0", "-1", "101", "ten", "", "1.0", "9" * 5000, "\u0663"])
def test_page_size_must_be_1_to_100(limit: str) -> None:
    with pytest.raises(InvalidRequest):
        page_size_from_query(limit)
    assert (page_size_from_query(None), page_size_from_query("100")) == (20, 100)


# Emails


def test_confirmation_email_lists_the_order_in_text_and_html(memory: OrderFixture) -> None:
    email = order_confirmation_email(memory.place_allocated(), "https://shop.example")
    assert email.subject == "Your order for 38.39 USD is confirmed"
    for body in (email.text, email.html):
        for word in ("2 × Mug 1", "20.00 USD", "5.99 USD", "2.40 USD", "38.39 USD"):
            assert word in body
        assert "https://shop.example/orders/ord_1" in body


def test_confirmation_email_escapes_html_in_titles(memory: OrderFixture) -> None:
    order = memory.place_allocated()
    evil = replace(order.lines[0], title="<script>alert(1)</script>")
    email = order_confirmation_email(
        replace(order, lines=(evil, order.lines[1])), "https://shop.example"
    )
    assert "<script>" not in email.html
    assert "<script>" in email.text


def test_confirmation_email_sums_with_a_shipping_discount(memory: OrderFixture) -> None:
    order = replace(memory.place_allocated(), discount=599, total=3839 - 599)
    assert "-5.99 USD" in order_confirmation_email(order, "https://shop.example").text
