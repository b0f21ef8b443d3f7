"""Phone numbers by which staff find orders, in every spelling that people use."""

import pytest

from shop.kernel.contacts import Buyer
from shop.orders.model.finding import phone_digits, search_terms
from shop.orders.schemas.customer_list import search_from_text
from tests.kit.orders import make_order

BERLIN = (
    "+49 30 1234567",
    "+49 (0)30 1234567",
    "+49 (0) 30 / 123 45 67",
    "+49 030 1234567",
    "+490301234567",
    "0049 030 1234567",
    "0049 (0)30-1234567",
    "(+49) 30 1234567",
    "49 (0)30 1234567",
    "030 1234567",
    "(030) 1234567",
    "30 1234567",
)
ROME = ("+39 06 1234567", "+39061234567", "0039 06 1234567", "06 1234567", "+39 6 1234567")
LONDON = ("+44 20 7946 0123", "+44 (0)20 7946 0123", "+44 020 7946 0123", "020 7946 0123")
LISBON = ("+351 21 123 4567", "+351 021 1234567", "00351 (0)21 1234567")
NEW_YORK = ("+1 212 555 0100", "1-212-555-0100", "(212) 555-0100", "001 212 555 0100")
NUMBERS = (BERLIN, ROME, LONDON, LISBON, NEW_YORK)


def is_found(stored: str, typed: str) -> bool:
    order = make_order(buyer=Buyer("jane@example.com", phone_number=stored))
    search = search_from_text(typed)
    assert search.phone, typed
    return search.term in search_terms(order) and search.matches(order)


@pytest.mark.parametrize("spellings", NUMBERS, ids=lambda each: each[0])
def test_every_spelling_of_a_number_finds_every_other(spellings: tuple[str, ...]) -> None:
    missed = [(s, t) for s in spellings for t in spellings if not is_found(s, t)]
    assert missed == []


@pytest.mark.parametrize(
    "typed",
    [
        "tel:+49301234567",
        "TEL:+49-30-1234567",
        "tel: 030 1234567",
        "+49 30 1234567 x5",
        "+49 30 1234567 ext. 12",
        "tel:+49301234567;ext=5",
        "\u202a+49 30 1234567\u202c",
    ],
)
def test_number_of_a_link_or_with_an_extension_is_found(typed: str) -> None:
    assert is_found("+49 30 1234567", typed)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("+49 30 1234567", "+43 30 1234567"),
        ("+49 30 1234567", "+49 31 1234567"),
        ("+49 30 1234567", "+4 930 1234568"),
        ("+1 212 555 0100", "+1 202 555 0100"),
        ("+39 06 1234567", "+39 16 1234567"),
    ],
)
def test_another_number_is_not_found(stored: str, typed: str) -> None:
    assert not is_found(stored, typed)


@pytest.mark.parametrize("typed", ["", "+49", "(0)", "123456", "0000000", "x5", "+"])
def test_too_few_digits_are_no_number(typed: str) -> None:
    assert phone_digits(typed) == ""


@pytest.mark.parametrize("typed", ["Tel Aviv", "telma", "ext 5", "max"])
def test_names_are_no_numbers(typed: str) -> None:
    assert search_from_text(typed).words
