"""Money: parsing, arithmetic, rounding, and splits that sum to their total."""

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
def test_parse_money_reads_plain_decimals(text: str | float, currency: str, minor: int) -> None:
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
def test_parse_money_rejects_ambiguous_or_inexact_prices(text: str, currency: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_money(text, currency)
    assert error.value.code == "price_invalid"


def test_operations_on_two_currencies_raise_value_error() -> None:
    for operation in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(ValueError, match="Cannot combine USD and EUR"):
            operation(Money(1, "USD"), Money(1, "EUR"))
    assert Money(1, "USD") != Money(1, "EUR")


@pytest.mark.parametrize("minor", [1.5, True, "1", Decimal(1)])
def test_minor_units_must_be_an_integer(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1.5, True, Decimal(2)])
def test_multiplication_requires_an_integer_factor(factor: object) -> None:
    with pytest.raises(TypeError):
        Money(10, "USD") * factor  # type: ignore[operator]


def test_text_form_has_the_decimals_of_the_currency() -> None:
    texts = [str(Money(1234, currency)) for currency in ("USD", "JPY", "KWD", "CLF")]
    assert texts == ["12.34 USD", "1234 JPY", "1.234 KWD", "0.1234 CLF"]


@pytest.mark.parametrize(
    ("numerator", "even", "up", "down"), [(1, 0, 1, 0), (3, 2, 2, 1), (5, 2, 3, 2), (7, 4, 4, 3)]
)
def test_ratio_rounds_half_by_policy(numerator: int, even: int, up: int, down: int) -> None:
    policies = (Rounding.HALF_EVEN, Rounding.HALF_UP, Rounding.HALF_DOWN)
    assert tuple(ratio(numerator, 2, policy) for policy in policies) == (even, up, down)


def test_ratio_rounds_other_fractions_to_the_nearest_integer() -> None:
    for denominator in (3, 7, 10_000):
        for numerator in range(3 * denominator):
            is_half = 2 * (numerator % denominator) == denominator
            if is_half:
                continue
            for policy in Rounding:
                distance = abs(ratio(numerator, denominator, policy) * denominator - numerator)
                assert 2 * distance < denominator


def test_apportioned_parts_sum_to_total_and_differ_from_share_by_less_than_one() -> None:
    for total in (0, 1, 2, 99, 100, 101, -7, 10**15 + 1):
        for weights in ([1, 1, 1], [1, 2, 4], [0, 5, 0], [0, 0], [999, 1, 1, 3], [10**12, 1]):
            parts = apportion(total, weights)
            assert sum(parts) == total
            shares = weights if any(weights) else [1] * len(weights)
            for part, share in zip(parts, shares, strict=True):
                assert abs(part - Fraction(total * share, sum(shares))) < 1


def test_equal_remainders_favour_the_earlier_part() -> None:
    assert apportion(100, [1, 1, 1]) == [34, 33, 33]
    assert apportion(-100, [1, 1, 1]) == [-34, -33, -33]


def test_apportion_requires_weights_unless_the_total_is_zero() -> None:
    assert apportion(0, []) == []
    with pytest.raises(ValueError, match="At least one weight"):
        apportion(1, [])
    with pytest.raises(ValueError, match="Weights must be 0 or more"):
        apportion(1, [2, -1])
