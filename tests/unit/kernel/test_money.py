"""Money is whole minor units; what is split adds up to what it was."""

from decimal import Decimal
from fractions import Fraction

import pytest

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import MAX_SAFE_INTEGER, Money, Rounding, apportion, parse_money, ratio


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("129.99", "USD", 12999),
        (" 5 ", "EUR", 500),
        (".5", "USD", 50),
        ("5.", "USD", 500),
        (129.99, "USD", 12999),
        ("1480", "JPY", 1480),
        ("1480.00", "JPY", 1480),
        ("1.234", "KWD", 1234),
        ("0", "USD", 0),
        ("90071992547409.91", "USD", MAX_SAFE_INTEGER),
    ],
)
def test_a_price_is_read_as_it_is_written(text: str | float, currency: str, minor: int) -> None:
    assert parse_money(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *((text, "USD") for text in ("", "-1", "+1", "free", "1,299", "1_299", "1e3", "NaN")),
        *((text, "USD") for text in ("Infinity", "１２", "٣", ".", "1.2.3", "0x10", "$5")),
        ("1.999", "USD"),
        ("10.5", "JPY"),
        ("1.2345", "KWD"),
        ("90071992547409.92", "USD"),
        ("9" * 40, "USD"),
    ],
)
def test_a_price_is_never_guessed_at_nor_rounded(text: str, currency: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_money(text, currency)
    assert refused.value.code == "price_invalid"


def test_two_currencies_do_not_mix() -> None:
    for mixed in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(ValueError, match="USD and EUR do not mix"):
            mixed(Money(1, "USD"), Money(1, "EUR"))
    assert Money(1, "USD") != Money(1, "EUR")


@pytest.mark.parametrize("minor", [1.5, True, "1", Decimal(1)])
def test_minor_units_are_whole(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [1.5, True, Decimal(2)])
def test_money_is_multiplied_by_whole_numbers_only(times: object) -> None:
    with pytest.raises(TypeError):
        Money(10, "USD") * times  # type: ignore[operator]


def test_it_is_shown_with_its_own_decimals() -> None:
    shown = [str(Money(1234, currency)) for currency in ("USD", "JPY", "KWD", "CLF")]
    assert shown == ["12.34 USD", "1234 JPY", "1.234 KWD", "0.1234 CLF"]


@pytest.mark.parametrize(
    ("numerator", "even", "up", "down"), [(1, 0, 1, 0), (3, 2, 2, 1), (5, 2, 3, 2), (7, 4, 4, 3)]
)
def test_a_half_is_decided_by_the_policy(numerator: int, even: int, up: int, down: int) -> None:
    policies = (Rounding.HALF_EVEN, Rounding.HALF_UP, Rounding.HALF_DOWN)
    assert tuple(ratio(numerator, 2, policy) for policy in policies) == (even, up, down)


def test_what_is_not_a_half_goes_to_the_nearer_whole_by_every_policy() -> None:
    for denominator in (3, 7, 10_000):
        for numerator in range(3 * denominator):
            exact = Fraction(numerator, denominator)
            if (2 * exact).denominator == 1 and exact.denominator == 2:
                continue
            for policy in Rounding:
                assert abs(ratio(numerator, denominator, policy) - exact) < Fraction(1, 2)


def test_parts_sum_to_the_whole_and_differ_by_less_than_one_from_their_share() -> None:
    for total in (0, 1, 2, 99, 100, 101, -7, 10**15 + 1):
        for weights in ([1, 1, 1], [1, 2, 4], [0, 5, 0], [0, 0], [999, 1, 1, 3], [10**12, 1]):
            parts = apportion(total, weights)
            assert sum(parts) == total
            even = weights if any(weights) else [1] * len(weights)
            for part, weight in zip(parts, even, strict=True):
                assert abs(part - Fraction(total * weight, sum(even))) < 1


def test_of_equal_remainders_the_earlier_part_gets_the_unit() -> None:
    assert apportion(100, [1, 1, 1]) == [34, 33, 33]
    assert apportion(-100, [1, 1, 1]) == [-34, -33, -33]


def test_nothing_is_split_over_nobody_and_something_is_refused() -> None:
    assert apportion(0, []) == []
    with pytest.raises(ValueError, match="nothing to split over"):
        apportion(1, [])
    with pytest.raises(ValueError, match="not negative"):
        apportion(1, [2, -1])
