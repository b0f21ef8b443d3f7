"""The price calculation of an order, from its stored quote."""

from dataclasses import replace
from typing import Any

from shop.kernel.money import Money
from shop.orders.model import Order, OrderCredit, PlacedQuote
from shop.orders.schemas.emails import order_confirmation_email
from shop.orders.schemas.pricing import PricedOrderView
from shop.orders.schemas.ucp import order_view
from shop.places.model.destination import Destination
from shop.pricing.actions.quotes import quote
from shop.pricing.model.basket import Basket, BasketLine, CustomerFacts
from shop.pricing.model.rule_set import RuleSet
from tests.kit.orders import BLACK_FRIDAY, make_order
from tests.unit.orders.test_documents import round_trip


def stored_order(country: str, vat_id: str | None = None) -> Order:
    """Return a stored order of a mug and a book (reduced tax), two of each."""
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
            unit_price=quoted.unit_price.minor,
            subtotal=quoted.subtotal.minor,
            tax=quoted.tax.amount.minor,
            total=quoted.total.minor,
        )
        for line, quoted in zip(order.lines, priced.lines, strict=True)
    )
    sums = {name: getattr(priced, name).minor for name in ("subtotal", "shipping", "tax", "total")}
    order = replace(order, lines=lines, quote=PlacedQuote(priced.to_dict()), **sums)
    assert round_trip(order) == order
    return round_trip(order)


def taxes(order: Order) -> list[dict[str, Any]]:
    pricing = PricedOrderView.of(order).pricing
    assert pricing is not None
    assert pricing.shipping is not None
    return [
        tax.model_dump() for tax in (*(line.tax for line in pricing.lines), *pricing.shipping.taxes)
    ]


def test_each_line_shows_class_rate_and_jurisdiction_of_its_tax() -> None:
    shown = [
        (tax["tax_class"], tax["rate_ppm"], tax["amount"], tax["jurisdiction"], tax["included"])
        for tax in taxes(stored_order("DE"))
    ]
    assert shown == [
        ("standard", 190_000, 319, "DE", True),
        ("reduced", 70_000, 131, "DE", True),
        ("shipping", 190_000, 40, "DE", True),
        ("shipping", 70_000, 16, "DE", True),
    ]


def test_business_in_another_member_state_shows_reverse_charge() -> None:
    shown = [
        (tax["tax_class"], tax["amount"], tax["reverse_charge"], tax["name"], tax["jurisdiction"])
        for tax in taxes(stored_order("FR", "FR40303265045"))
    ]
    assert shown == [
        ("standard", 0, True, "reverse charge", "FR"),
        ("reduced", 0, True, "reverse charge", "FR"),
        ("shipping", 0, True, "reverse charge", "FR"),
    ]


def test_reverse_charge_reason_is_shown_only_where_it_applies() -> None:
    for order, shown in ((stored_order("FR", "FR40303265045"), True), (stored_order("FR"), False)):
        pricing = PricedOrderView.of(order).pricing
        assert pricing is not None
        assert ("2006/112/EC" in str(pricing.reverse_charge_reason)) is shown


def test_total_names_the_included_taxes() -> None:
    last = order_view(stored_order("DE"), "https://shop.example")["totals"][-1]
    assert "MwSt 19 % 3.59 EUR, MwSt 7 % 1.47 EUR" in last["display_text"]
    assert last["lines"] == [
        {"display_text": "Net", "amount": last["amount"] - 359 - 147},
        {"display_text": "MwSt 19 %", "amount": 359},
        {"display_text": "MwSt 7 %", "amount": 147},
    ]


def test_confirmation_email_lists_the_tax_by_rate() -> None:
    text = order_confirmation_email(stored_order("DE"), "https://shop.example").text
    assert [line.split() for line in text.splitlines() if "MwSt" in line] == [
        ["incl.", "MwSt", "19", "%", "3.59", "EUR"],
        ["incl.", "MwSt", "7", "%", "1.47", "EUR"],
    ]
    business = order_confirmation_email(stored_order("FR", "FR40303265045"), "https://shop.example")
    assert "incl." not in business.text


def test_staff_see_credits_without_full_gift_card_account() -> None:
    order = replace(
        make_order(),
        credits=(
            OrderCredit("card/USD/0123456789abcdef0123456789abcdef01234567", 500, "i1"),
            OrderCredit("points/ann", 100, "i2"),
        ),
    )
    card, points = PricedOrderView.of(order).credits
    assert (card.type, card.account, card.amount) == ("gift_card", "…01234567", 500)
    assert (points.type, points.account, points.instrument_id) == ("loyalty", "ann", "i2")
    assert PricedOrderView.of(order).pricing is None, "it was placed without a quote"
    email = order_confirmation_email(order, "https://shop.example").text
    assert "-6.00 USD" in email, "the email shows what the credits paid"


def test_placed_event_names_a_place_that_was_sold_to_without_tax_undecided() -> None:
    def placed(country: str) -> dict[str, Any]:
        _, (event,) = stored_order(country).place()
        return dict(event.data)

    assert "untaxed_undecided" not in placed("DE")
    assert placed("BR")["untaxed_undecided"] == "BR"
