"""How an order's prices came about, read from what was written down with it."""

from dataclasses import replace
from typing import Any

from shop.kernel.money import Money
from shop.orders.model import Order
from shop.orders.schemas.emails import order_confirmation_email
from shop.orders.schemas.pricing import PricedOrderView
from shop.orders.schemas.ucp import order_view
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.rule_set import RuleSet
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.test_documents import through


def sold(country: str, vat_id: str | None = None) -> Order:
    """A mug and a book (taxed less), each twice, as they came out of their row."""
    basket = Basket(
        tuple(
            BasketLine(
                f"li_{n}",
                "p",
                f"p.{n}",
                f"S{n}",
                f"T{n}",
                Money(1000, "EUR"),
                2,
                tax_class=tax_class,
            )
            for n, tax_class in enumerate(("standard", "reduced"), 1)
        ),
        "EUR",
        market="EU",
        customer=CustomerFacts(vat_id=vat_id),
        destination=Destination(country),
        shipping=Money(495, "EUR"),
        shipping_method="eu-standard",
    )
    priced = quote(basket, rules=RuleSet(version="17"), at=BLACK_FRIDAY)
    order = make_order(pieces=(2, 2), currency="EUR", tax_included=priced.tax_included)
    lines = tuple(
        replace(
            line,
            unit_price=told.unit_price.minor,
            subtotal=told.subtotal.minor,
            tax=told.tax.amount.minor,
            total=told.total.minor,
        )
        for line, told in zip(order.lines, priced.lines, strict=True)
    )
    sums = {name: getattr(priced, name).minor for name in ("subtotal", "shipping", "tax", "total")}
    order = replace(order, lines=lines, quote=priced.to_dict(), **sums)
    assert through(order) == order
    return through(order)


def taxes(order: Order) -> list[dict[str, Any]]:
    pricing = PricedOrderView.of(order).pricing
    assert pricing is not None
    assert pricing.shipping is not None
    told = [*(line.tax for line in pricing.lines), pricing.shipping.tax]
    return [tax.model_dump() for tax in told]


def test_each_line_tells_class_rate_and_place_of_its_tax() -> None:
    told = [
        (tax["tax_class"], tax["rate"], tax["amount"], tax["jurisdiction"], tax["included"])
        for tax in taxes(sold("DE"))
    ]
    assert told == [
        ("standard", 190_000, 319, "DE", True),
        ("reduced", 70_000, 131, "DE", True),
        ("shipping", 190_000, 79, "DE", True),
    ]


def test_a_business_of_another_state_is_shown_to_owe_the_tax() -> None:
    told = [
        (tax["tax_class"], tax["amount"], tax["reverse_charge"], tax["name"], tax["jurisdiction"])
        for tax in taxes(sold("FR", "FR40303265045"))
    ]
    assert told == [
        ("standard", 0, True, "reverse charge", "FR"),
        ("reduced", 0, True, "reverse charge", "FR"),
        ("shipping", 0, True, "reverse charge", "FR"),
    ]


def test_why_no_tax_is_charged_is_said_in_full() -> None:
    for order, said in ((sold("FR", "FR40303265045"), True), (sold("FR"), False)):
        pricing = PricedOrderView.of(order).pricing
        assert pricing is not None
        assert ("2006/112/EC" in str(pricing.reverse_charge_reason)) is said


def test_the_buyer_reads_which_taxes_a_total_includes() -> None:
    last = order_view(sold("DE"), "https://shop.example")["totals"][-1]
    assert "MwSt 19 % 3.98 EUR, MwSt 7 % 1.31 EUR" in last["display_text"]


def test_staff_see_what_paid_and_no_gift_cards_account() -> None:
    order = replace(
        make_order(),
        credits=(
            ("card/USD/0123456789abcdef0123456789abcdef01234567", 500, "i1"),
            ("points/ann", 100, "i2"),
        ),
    )
    card, points = PricedOrderView.of(order).credits
    assert (card.type, card.account, card.amount) == ("gift_card", "…01234567", 500)
    assert (points.type, points.account, points.instrument_id) == ("loyalty", "ann", "i2")
    assert PricedOrderView.of(order).pricing is None, "it was placed without a quote"
    letter = order_confirmation_email(order, "https://shop.example").text
    assert "-6.00 USD" in letter, "a letter adds up"
