"""The names of credit accounts, and the codes of gift cards."""

import hashlib
from collections.abc import Callable

from shop.kernel.codes import CODE_ALPHABET, normalize_code

GIFT_CARD_CODE_LENGTH = 16
"""80 random bits in Crockford's base 32, too many to guess a code."""
_POINTS = "points/"


def points_account(customer_id: str) -> str:
    """Return the account of a customer's points."""
    return f"{_POINTS}{customer_id}"


def is_points_account(account: str) -> bool:
    return account.startswith(_POINTS)


def store_credit_account(customer_id: str, currency: str) -> str:
    """Return the account of a customer's store credit in a currency."""
    return f"credit/{customer_id}/{currency}"


def gift_card_account(code: str, currency: str) -> str:
    """Return the account of a gift card. It holds a digest; the code itself is never stored."""
    digest = hashlib.sha256(f"gift card\x1f{normalize_code(code)}".encode()).hexdigest()
    return f"card/{currency}/{digest[:40]}"


def generate_gift_card_code(random_bytes: Callable[[int], bytes]) -> str:
    """Return an unguessable code in groups of four. ``random_bytes(n)`` returns n bytes."""
    bits = int.from_bytes(random_bytes(10), "big")
    characters = "".join(CODE_ALPHABET[bits >> (5 * n) & 31] for n in range(GIFT_CARD_CODE_LENGTH))
    return "-".join(characters[n : n + 4] for n in range(0, GIFT_CARD_CODE_LENGTH, 4))
