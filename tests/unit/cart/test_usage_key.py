"""The key under which a customer's uses of coupons and sales are counted."""

import pytest

from shop.cart.model import usage_key


@pytest.mark.parametrize(
    "email",
    ["jane@example.com", " Jane@EXAMPLE.com", "jane+2@example.com", "JANE+x+y@example.com"],
)
def test_usage_key_is_equal_for_spellings_of_a_mailbox(email: str) -> None:
    assert usage_key("guest", email) == usage_key("guest", "jane@example.com")


@pytest.mark.parametrize(
    "email",
    [
        *("jane@bücher.example", "JANE@BÜCHER.example", "jane+2@xn--bcher-kva.example"),
        *("jane@bu\u0308cher.example", "jane@XN--BCHER-KVA.EXAMPLE", "ja\u200bne@bücher．example"),
    ],
)
def test_usage_key_is_equal_for_spellings_of_an_international_domain(email: str) -> None:
    assert usage_key("guest", email) == usage_key("guest", "jane@bücher.example")
    assert usage_key("guest", email) != usage_key("guest", "jane@bucher.example")


def test_usage_key_of_a_formerly_valid_address_is_the_same() -> None:
    assert usage_key("guest", "JÖRG@example.com") == usage_key("guest", "jörg@example.com")
    assert usage_key("guest", "jörg@example.com") is not None


def test_usage_key_ignores_dots_at_gmail_only() -> None:
    def name(email: str) -> str | None:
        return usage_key("guest", email)

    assert name("j.a.ne@googlemail.com") == name("jane@gmail.com")
    assert name("j.a.ne@example.com") != name("jane@example.com")
    assert name("+jane@example.com") != name("+joe@example.com")


def test_usage_key_is_the_account_if_signed_in() -> None:
    assert usage_key("cust_1", "jane@example.com") == "cust_1"
    assert usage_key("guest", None) is None
    assert "jane" not in str(usage_key("guest", "jane@example.com"))
