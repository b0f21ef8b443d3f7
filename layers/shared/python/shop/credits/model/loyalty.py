"""Whose credit is whose: accounts by name, gift card codes, what points are earned and worth."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta

from shop.credits.model.accounts import EarnRule
from shop.kernel.codes import CODE_ALPHABET, normalize_code
from shop.kernel.money import Money

PROGRAM = "dev.doorbuster.points"
"""The program's name, as UCP's loyalty extension knows it."""
EARN_RULES: Mapping[str, EarnRule] = {
    "USD": EarnRule(Money(100, "USD")),
    "EUR": EarnRule(Money(100, "EUR")),
    "GBP": EarnRule(Money(100, "GBP")),
    "CNY": EarnRule(Money(700, "CNY")),
    "JPY": EarnRule(Money(100, "JPY")),
}
"""A point for every full amount of goods."""
POINT_VALUE: Mapping[str, int] = {"USD": 1, "EUR": 1, "GBP": 1, "CNY": 7, "JPY": 1}
"""Minor units that a point pays."""
POINTS_VALIDITY = timedelta(days=365)
CARD_LETTERS = 16
"""80 random bits in Crockford's base 32: no gift card is found by guessing."""


def points_account(customer_id: str) -> str:
    """The account of a customer's points."""
    return f"points/{customer_id}"


def store_credit_account(customer_id: str, currency: str) -> str:
    """The account of a customer's store credit in a currency."""
    return f"credit/{customer_id}/{currency}"


def gift_card_account(code: str, currency: str) -> str:
    """The account of a gift card. The code itself is kept nowhere."""
    digest = hashlib.sha256(f"gift card\x1f{normalize_code(code)}".encode()).hexdigest()
    return f"card/{currency}/{digest[:40]}"


def generate_gift_card_code(draw: Callable[[int], bytes]) -> str:
    """An unguessable code in groups of four. ``draw(n)`` gives n random bytes."""
    bits = int.from_bytes(draw(10), "big")
    word = "".join(CODE_ALPHABET[bits >> (5 * n) & 31] for n in range(CARD_LETTERS))
    return "-".join(word[n : n + 4] for n in range(0, CARD_LETTERS, 4))


def earned_points(goods: int, currency: str) -> int:
    """The points for goods of that amount, in minor units; none in a currency without a rule."""
    rule = EARN_RULES.get(currency)
    return 0 if rule is None or goods <= 0 else rule.earned(Money(goods, currency))
