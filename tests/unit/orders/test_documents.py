"""Orders as they lie in the table: nothing is lost, and an ordinary one costs one unit."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shop.inventory.model import Reservation
from shop.kernel.money import Money
from shop.orders.model import Order, ShipmentStatus
from shop.orders.store.repository import order_from_row, order_to_row
from shop.orders.store.rows import OrderRow
from shop.orders.store.serialization import from_document, to_document
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, Destination
from shop.pricing.model.rule_set import RuleSet
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.order_fixture import OrderFixture

UNIT = 1024
"""Bytes that one write unit pays for."""


def through(order: Order) -> Order:
    document = json.loads(json.dumps(to_document(order)))
    return from_document(
        document,
        order_id=order.id,
        owner=order.owner,
        status=order.status.value,
        version=order.version,
    )


def lives(room: OrderFixture) -> list[Order]:
    """An order at every turn of its life."""
    seen = [room.place(make_order(pieces=(2, 1, 1)))]
    seen.append(room.pay(seen[-1]))
    seen.append(room.sold(make_order("ord_2", (2, 1))))
    seen.append(room.ship(seen[-1], "1Z1", lines={"li_1": 1}, tracking_url="https://ups.com/1Z1"))
    seen.append(room.ship(seen[-1], "1Z2"))
    room.later(hours=1)
    seen.append(room.hear("in_transit", "1Z1"))
    seen.append(room.hear(ShipmentStatus.LOST, "1Z1", at=room.now + timedelta(seconds=1)))
    seen.append(room.hear("delivered", "1Z2"))
    seen.append(room.capture(seen[-1]))
    seen.append(room.cancel(room.place(make_order("ord_3"), owner="customer"), "no"))
    return seen


def test_an_order_reads_as_it_was_written_at_every_turn_of_its_life(memory: OrderFixture) -> None:
    for order in lives(memory):
        assert through(order) == order


def test_an_order_reads_as_it_was_written_through_its_row(memory: OrderFixture) -> None:
    for order in lives(memory):
        row = OrderRow()
        row.deserialize(_item(order))
        assert order_from_row(row) == order


def test_holds_elsewhere_and_on_a_shard_are_remembered(memory: OrderFixture) -> None:
    holds = (Reservation("A", 1), Reservation("B", 2, "north"), Reservation("C", 3, "main", 7))
    order = replace(make_order(), reservations=holds, allocation={"li_1": "north"})
    assert through(order) == order


def test_a_document_without_the_newer_fields_is_read(memory: OrderFixture) -> None:
    document = to_document(make_order())
    assert all(len(line) < 12 for line in document["lines"])
    for name in ("shipments", "history", "reservations", "allocation", "quote", "cancel_reason"):
        document.pop(name, None)
    read = from_document(document, order_id="ord_1", owner="guest", status="placed", version=1)
    assert replace(read, reservations=make_order().reservations) == make_order()


def realistic(owner: str) -> Order:
    """Two lines with all that a shop has: UUIDs, long titles, pictures, tax, long names."""
    names = ["Handmade Enamel Camping Mug with Lid – Forest", "Merino Hiking Sock, Two Pairs – 42"]
    ids = ["0d3f6f3a-5a54-4a8a-8f0e-c8f9f7b1a1b2", "77c1a9de-91f2-4f0b-b1a7-2b7f0c5be1d4"]
    basket = Basket(
        tuple(
            BasketLine(f"li_{n}", ids[n - 1], f"{ids[n - 1]}.{n}", f"S-{ids[n - 1][:18]}", t, p, n)
            for n, (t, p) in enumerate(
                zip(names, (Money(2499, "EUR"), Money(1895, "EUR")), strict=True), 1
            )
        ),
        "EUR",
        market="EU",
        destination=Destination("DE"),
        shipping=Money(495, "EUR"),
        shipping_method="eu-standard",
    )
    priced = quote(basket, rules=RuleSet(version="17"), at=BLACK_FRIDAY)
    template = make_order("ord_x2t7t7pvmj2pfkhzqtoz2tvenm", (1, 2), owner=owner)
    lines = tuple(
        replace(
            line,
            product_id=ids[n],
            variant_id=f"{ids[n]}.{n + 1}",
            sku=f"S-{ids[n][:18]}",
            title=names[n],
            image_url=f"https://images.example.com/products/{ids[n]}/front-large.jpg",
            unit_price=priced.lines[n].unit_price.minor,
            subtotal=priced.lines[n].subtotal.minor,
            tax=priced.lines[n].tax.amount.minor,
            total=priced.lines[n].total.minor,
        )
        for n, line in enumerate(template.lines)
    )
    buyer = {
        "email": "friederike.oberlaender-hofmann@posteo.example",
        "first_name": "Friederike",
        "last_name": "Oberländer-Hofmann",
        "phone_number": "+49 341 5550 1837",
    }
    return replace(
        template,
        checkout_id="chk_skjwidbx5jplzxizpm2ras6zuq",
        currency="EUR",
        lines=lines,
        subtotal=priced.subtotal.minor,
        shipping=495,
        tax=priced.tax.minor,
        total=priced.total.minor,
        tax_included=True,
        email=buyer["email"],
        buyer=buyer,
        destination={
            "id": "dest_1",
            "first_name": "Friederike",
            "last_name": "Oberländer-Hofmann",
            "street_address": "Karl-Liebknecht-Straße 143b",
            "extended_address": "Hinterhaus, 2. Etage",
            "address_locality": "Leipzig",
            "address_region": "SN",
            "postal_code": "04275",
            "address_country": "DE",
        },
        reservations=tuple(Reservation(line.sku, line.quantity) for line in lines),
        quote=priced.to_dict(),
        placed_at=BLACK_FRIDAY.replace(microsecond=672441),
        pay_by=BLACK_FRIDAY.replace(microsecond=672441) + timedelta(minutes=30),
    )


@pytest.mark.parametrize("owner", ["guest", "1c3e9d0a-7f4b-4a57-9a55-0f6a2c9e11aa"])
def test_an_order_of_two_lines_costs_one_write_unit(owner: str) -> None:
    placed, events = realistic(owner).place()
    assert _bytes(placed, events) <= UNIT
    from shop.payments.model import PaymentStatus, ProviderPaymentState

    report = ProviderPaymentState(
        "pay_lbwwxygxpmhmzpxtddpsl7e5na", PaymentStatus.AUTHORISED, authorised=placed.total
    )
    confirmed, events = placed.with_payment(report, BLACK_FRIDAY + timedelta(seconds=1), "sandbox")
    assert _bytes(confirmed, events) <= UNIT


def _item(order: Order, events: object = ()) -> dict[str, dict[str, object]]:
    item: dict[str, dict[str, object]] = order_to_row(order, events).serialize()  # type: ignore[arg-type]
    return item


def _bytes(order: Order, events: object) -> int:
    """The size that DynamoDB bills: names and values. Numbers take half a byte a digit and more."""
    size = 0
    for name, typed in _item(order, events).items():
        ((kind, value),) = typed.items()
        size += len(name)
        size += len(str(value)) // 2 + 2 if kind == "N" else len(_raw(value))
    return size


def _raw(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
