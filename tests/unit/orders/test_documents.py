"""Stored orders: no data is lost, and an order of two lines costs one write unit."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shop.inventory.model import Reservation
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.money import Money
from shop.orders.model import Order, OrderCredit, PlacedQuote, ShipmentStatus
from shop.orders.store.repository import order_from_row, order_to_row
from shop.orders.store.rows import OrderRow
from shop.orders.store.serialization import from_document, to_document
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.rule_set import RuleSet
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.order_fixture import OrderFixture

WRITE_UNIT = 1024
"""Bytes of one write unit."""


def round_trip(order: Order) -> Order:
    document = json.loads(json.dumps(to_document(order)))
    return from_document(
        document,
        order_id=order.id,
        owner=order.owner,
        status=order.status.value,
        version=order.version,
    )


def orders_in_every_state(fixture: OrderFixture) -> list[Order]:
    """Return an order after every change of its life cycle."""
    orders = [fixture.place(make_order(pieces=(2, 1, 1)))]
    orders.append(fixture.pay(orders[-1]))
    orders.append(fixture.place_allocated(make_order("ord_2", (2, 1))))
    orders.append(
        fixture.ship(orders[-1], "1Z1", lines={"li_1": 1}, tracking_url="https://ups.com/1Z1")
    )
    orders.append(fixture.ship(orders[-1], "1Z2"))
    fixture.advance(hours=1)
    orders.append(fixture.track("in_transit", "1Z1"))
    orders.append(fixture.track(ShipmentStatus.LOST, "1Z1", at=fixture.now + timedelta(seconds=1)))
    orders.append(fixture.track("delivered", "1Z2"))
    orders.append(fixture.capture(orders[-1]))
    orders.append(fixture.cancel(fixture.place(make_order("ord_3"), owner="customer"), "no"))
    return orders


def test_document_round_trip_keeps_an_order_in_every_state(memory: OrderFixture) -> None:
    for order in orders_in_every_state(memory):
        assert round_trip(order) == order


def test_item_round_trip_keeps_an_order_in_every_state(memory: OrderFixture) -> None:
    for order in orders_in_every_state(memory):
        row = OrderRow()
        row.deserialize(_item(order))
        assert order_from_row(row) == order


def test_document_round_trip_keeps_buyer_address_option_quote_and_credits() -> None:
    order = replace(
        realistic_order("guest"),
        credits=(OrderCredit("points/ann", 100, "i1"), OrderCredit("credit/USD/ann", 50, "i2")),
    )

    assert round_trip(order) == order
    assert round_trip(order).placed_quote == order.placed_quote


def test_order_reads_its_stored_form() -> None:
    document = {
        "checkout_id": "chk_1",
        "currency": "USD",
        "subtotal": 1000,
        "discount": 0,
        "shipping": 599,
        "tax": 0,
        "total": 1599,
        "tax_included": False,
        "email": "jane@example.com",
        "buyer": {"email": "jane@example.com", "tax_id": "FR40303265045"},
        "destination": {"id": "dest_1", "address_country": "US", "postal_code": "62701"},
        "shipping_option": {
            "id": "us-standard",
            "title": "Standard",
            "carrier": "USPS",
            "price": 599,
            "earliest": "2026-12-01T08:00:00+00:00",
            "latest": "2026-12-03T20:00:00+00:00",
        },
        "lines": [["li_1", "mug", "mug.1", "MUG-RED", "Mug", None, 1000, 1, 1000, 1000]],
        "placed_at": "2026-11-27T08:00:00+00:00",
        "pay_by": "2026-11-27T08:30:00+00:00",
        "credits": [["points/ann", 100, "i1"]],
        "payment": {"provider": "memory", "status": "created", "entries": []},
    }

    order = from_document(document, order_id="ord_1", owner="guest", status="placed", version=1)

    assert order.buyer == Buyer("jane@example.com", tax_id="FR40303265045")
    assert order.destination == PostalAddress(
        id="dest_1", address_country="US", postal_code="62701"
    )
    assert order.shipping_option == make_order().shipping_option
    assert (order.quote, order.credits) == (None, (OrderCredit("points/ann", 100, "i1"),))
    assert to_document(order) == {
        **document,
        "payment": {"provider": "memory", "status": "created"},
    }


def test_document_keeps_location_and_shard_of_reservations(memory: OrderFixture) -> None:
    reservations = (
        Reservation("A", 1),
        Reservation("B", 2, "north"),
        Reservation("C", 3, "main", 7),
    )
    order = replace(make_order(), reservations=reservations, allocation={"li_1": "north"})
    assert round_trip(order) == order


def test_document_without_optional_fields_reads_as_defaults(memory: OrderFixture) -> None:
    document = to_document(make_order())
    assert all(len(line) < 12 for line in document["lines"])
    for name in ("shipments", "history", "reservations", "allocation", "quote", "cancel_reason"):
        document.pop(name, None)
    order = from_document(document, order_id="ord_1", owner="guest", status="placed", version=1)
    assert replace(order, reservations=make_order().reservations) == make_order()


def realistic_order(owner: str) -> Order:
    """Return an order of two lines with UUIDs, images, tax and long titles and names."""
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
    buyer = Buyer(
        email="friederike.oberlaender-hofmann@posteo.example",
        first_name="Friederike",
        last_name="Oberländer-Hofmann",
        phone_number="+49 341 5550 1837",
    )
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
        email=str(buyer.email),
        buyer=buyer,
        destination=PostalAddress(
            id="dest_1",
            first_name="Friederike",
            last_name="Oberländer-Hofmann",
            street_address="Karl-Liebknecht-Straße 143b",
            extended_address="Hinterhaus, 2. Etage",
            address_locality="Leipzig",
            address_region="SN",
            postal_code="04275",
            address_country="DE",
        ),
        reservations=tuple(Reservation(line.sku, line.quantity) for line in lines),
        quote=PlacedQuote(priced.to_dict()),
        placed_at=BLACK_FRIDAY.replace(microsecond=672441),
        pay_by=BLACK_FRIDAY.replace(microsecond=672441) + timedelta(minutes=30),
    )


@pytest.mark.parametrize("owner", ["guest", "1c3e9d0a-7f4b-4a57-9a55-0f6a2c9e11aa"])
def test_order_of_two_lines_costs_one_write_unit(owner: str) -> None:
    placed, events = realistic_order(owner).place()
    assert _bytes(placed, events) <= WRITE_UNIT
    from shop.payments.model import PaymentStatus, ProviderPaymentState

    state = ProviderPaymentState(
        "pay_lbwwxygxpmhmzpxtddpsl7e5na", PaymentStatus.AUTHORIZED, authorized=placed.total
    )
    confirmed, events = placed.with_payment(state, BLACK_FRIDAY + timedelta(seconds=1), "sandbox")
    assert _bytes(confirmed, events) <= WRITE_UNIT


def _item(order: Order, events: object = ()) -> dict[str, dict[str, object]]:
    item: dict[str, dict[str, object]] = order_to_row(order, events).serialize()  # type: ignore[arg-type]
    return item


def _bytes(order: Order, events: object) -> int:
    """Return the size that DynamoDB bills; a number takes half a byte per digit, plus two."""
    size = 0
    for name, typed in _item(order, events).items():
        ((kind, value),) = typed.items()
        size += len(name)
        size += len(str(value)) // 2 + 2 if kind == "N" else len(_raw(value))
    return size


def _raw(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]


def test_contacts_of_a_later_release_are_readable() -> None:
    later = {"email": "jane@example.com", "pronouns": "they"}
    assert Buyer.from_dict(later) == Buyer(email="jane@example.com")
    address = {"postal_code": "62701", "what3words": "a.b.c"}
    assert PostalAddress.from_dict(address) == PostalAddress(postal_code="62701")
