"""Emails after the confirmation: what they say, as text and as HTML."""

import pytest

from shop.orders.model.notices import Notice, NoticeKind
from shop.orders.schemas.emails import order_notice_email
from tests.unit.orders.order_fixture import OrderFixture


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_notice_has_a_text_and_a_link_to_its_order(
    memory: OrderFixture, kind: NoticeKind
) -> None:
    order = memory.ship(memory.place_allocated(), "1Z1")
    email = order_notice_email(order, Notice(kind), "https://shop.example")
    assert email.subject.startswith("Your order ")
    for body in (email.text, email.html):
        assert f"https://shop.example/orders/{order.id}" in body


def test_texts_of_staff_are_escaped_in_html(memory: OrderFixture) -> None:
    order = memory.cancel(memory.place_allocated(), "<script>alert(1)</script>")
    email = order_notice_email(order, Notice(NoticeKind.CANCELLED), "https://shop.example")
    assert "<script>" not in email.html
    assert "&lt;script&gt;" in email.html


def test_parcel_is_described_by_its_pieces_number_and_link(memory: OrderFixture) -> None:
    link = 'https://courier.example/track?n=1&x="y'
    order = memory.ship(memory.place_allocated(), "1Z1", tracking_url=link, lines={"li_1": 2})
    notice = Notice(NoticeKind.SHIPPED, order.shipments[0])
    email = order_notice_email(order, notice, "https://shop.example")
    assert f"2 × {order.lines[0].title}" in email.text
    assert "Tracking number: 1Z1" in email.text
    assert f"Track your parcel: {link}" in email.text
    assert "n=1&amp;x=&quot;y" in email.html
