"""Coupons: discount codes that open a promotion.

Business rules: docs/rules/pricing.md §4.2 and §4.2a.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

from shop.kernel.codes import CODE_ALPHABET, normalize_code
from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen

RANDOM_CHARACTERS = 12
"""60 random bits. With 10,000 issued codes, a guess is right with a probability of 2 ** -46."""


def random_code(random_bytes: bytes, prefix: str = "") -> str:
    """Return a code of 12 characters in groups of four, from at least 8 random bytes."""
    bits = int.from_bytes(random_bytes, "big")
    characters = []
    for _ in range(RANDOM_CHARACTERS):
        characters.append(CODE_ALPHABET[bits & 31])
        bits >>= 5
    word = "".join(characters)
    grouped = "-".join(word[i : i + 4] for i in range(0, RANDOM_CHARACTERS, 4))
    return f"{prefix}-{grouped}" if prefix else grouped


def generate_codes(
    count: int, random_bytes: Callable[[int], bytes], prefix: str = ""
) -> tuple[str, ...]:
    """Return ``count`` different codes. ``random_bytes(n)`` returns n bytes."""
    codes: dict[str, str] = {}
    while len(codes) < count:
        code = random_code(random_bytes(8), prefix)
        codes.setdefault(normalize_code(code), code)
    return tuple(codes.values())


@frozen
class CodeBatch:
    """Codes that one request issues. ``done`` is set once all of them are stored.

    All codes derive from ``seed``, 32 random bytes that are stored with the batch. A repeated
    request therefore generates the same codes, and completes a batch that was interrupted.
    """

    id: str
    count: int
    prefix: str
    seed: bytes
    done: bool = False

    def random_source(self) -> Callable[[int], bytes]:
        """Return a source of bytes for :func:`generate_codes`, the same on every call."""
        counter = 0

        def random_bytes(size: int) -> bytes:
            nonlocal counter
            counter += 1
            return hashlib.sha256(self.seed + counter.to_bytes(8, "big")).digest()[:size]

        return random_bytes


@frozen
class Coupon:
    """Codes that open one promotion: a single ``code``, or batches of codes.

    ``quantity`` limits all uses of a single code, and ``per_code`` those of each code of a batch.
    ``per_customer`` limits the uses by one customer. ``None`` is no limit.
    """

    id: str
    """Id of the coupon."""
    promotion_id: str
    """Id of the promotion that the coupon enables."""
    code: str | None = None
    """The one code of the coupon; absent for batches."""
    quantity: int | None = None
    """Total number of uses; absent for no limit."""
    per_code: int = 1
    """Uses of each code of a batch."""
    per_customer: int | None = None
    """Uses per customer; absent for no limit."""
    starts: datetime | None = None
    """First instant at which codes are accepted; absent for no start."""
    ends: datetime | None = None
    """Instant from which codes are no longer accepted; absent for no end."""

    @property
    def has_batches(self) -> bool:
        return self.code is None

    def problems(self) -> list[Problem]:
        """Return the problem of every invalid field."""
        problems = []
        normalized = None if self.code is None else normalize_code(self.code)
        if normalized is not None and not (3 <= len(normalized) <= 40 and normalized.isalnum()):
            problems.append(
                Problem("code_invalid", "Code must be 3 to 40 letters and digits.", "$.code")
            )
        for name in ("quantity", "per_code", "per_customer"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                problems.append(
                    Problem("quantity_invalid", "Limit must be 1 or more.", f"$.{name}")
                )
        if (
            self.quantity is not None
            and self.per_customer is not None
            and self.per_customer > self.quantity
        ):
            problems.append(
                Problem(
                    "value_contradiction",
                    "The limit per customer must be at most the quantity.",
                    "$.per_customer",
                )
            )
        if self.starts is not None and self.ends is not None and self.ends <= self.starts:
            problems.append(
                Problem("ends_before_start", "The end must be after the start.", "$.ends")
            )
        return problems
