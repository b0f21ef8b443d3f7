"""Under which name a customer's uses of coupons and sales are counted."""

import pytest

from shop.cart.model import usage_key


@pytest.mark.parametrize(
    "written",
    ["jane@example.com", " Jane@EXAMPLE.com", "jane+2@example.com", "JANE+x+y@example.com"],
)
def test_a_mailbox_has_one_name_however_it_is_written(written: str) -> None:
    assert usage_key("guest", written) == usage_key("guest", "jane@example.com")


def test_dots_say_nothing_at_gmail_and_something_elsewhere() -> None:
    def name(email: str) -> str | None:
        return usage_key("guest", email)

    assert name("j.a.ne@googlemail.com") == name("jane@gmail.com")
    assert name("j.a.ne@example.com") != name("jane@example.com")
    assert name("+jane@example.com") != name("+joe@example.com")


def test_who_is_signed_in_is_counted_by_the_account_and_a_stranger_by_nothing() -> None:
    assert usage_key("cust_1", "jane@example.com") == "cust_1"
    assert usage_key("guest", None) is None
    assert "jane" not in str(usage_key("guest", "jane@example.com"))
