"""Coupons: codes that open a promotion, single or in batches, counted when the order is placed."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from shop.kernel.codes import CODE_ALPHABET, normalize_code
from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.pricing.model.usage_limits import CodeStatus

RANDOM_LETTERS = 12
"""60 random bits: with 10,000 codes out, a guess hits with probability 2 to the power of -46."""


def random_code(random_bytes: bytes, prefix: str = "") -> str:
    """A code of 12 letters in groups of four, from at least 8 random bytes, behind an optional
    prefix.
    """
    bits = int.from_bytes(random_bytes, "big")
    letters = []
    for _ in range(RANDOM_LETTERS):
        letters.append(CODE_ALPHABET[bits & 31])
        bits >>= 5
    word = "".join(letters)
    grouped = "-".join(word[i : i + 4] for i in range(0, RANDOM_LETTERS, 4))
    return f"{prefix}-{grouped}" if prefix else grouped


def generate_codes(count: int, draw: Callable[[int], bytes], prefix: str = "") -> tuple[str, ...]:
    """``count`` different unguessable codes. ``draw(n)`` gives n random bytes
    (``secrets.token_bytes``).
    """
    codes: dict[str, str] = {}
    while len(codes) < count:
        code = random_code(draw(8), prefix)
        codes.setdefault(normalize_code(code), code)
    return tuple(codes.values())


@frozen
class CodeBatch:
    """Codes issued together: asked for again under the same key, they are the same codes.

    They follow from ``seed``, 32 random bytes drawn once; so a call that was cut off halfway is
    finished by the next one. ``done`` once all of them are kept.
    """

    id: str
    count: int
    prefix: str
    seed: bytes
    done: bool = False

    def draw(self) -> Callable[[int], bytes]:
        """Random bytes as :func:`batch` wants them, the same in every run."""
        drawn = 0

        def more(size: int) -> bytes:
            nonlocal drawn
            drawn += 1
            return hashlib.sha256(self.seed + drawn.to_bytes(8, "big")).digest()[:size]

        return more


@frozen
class Coupon:
    """Codes that open one promotion: one code used by many (``code``), or a batch of codes used
    ``each``.

    ``quantity`` is how many uses there are in all (``None``: no limit; for a batch each code has
    ``per_code``); ``per_customer`` how often one customer may use any of it.
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
    def in_batches(self) -> bool:
        return self.code is None

    def problems(self) -> list[Problem]:
        """What is wrong with this coupon, every field of it."""
        problems = []
        if self.code is not None and not 3 <= len(normalize_code(self.code)) <= 40:
            problems.append(Problem("code_invalid", "a code has 3 to 40 letters", "$.code"))
        if self.code is not None and not normalize_code(self.code).isalnum():
            problems.append(Problem("code_invalid", "a code has letters and digits only", "$.code"))
        for name in ("quantity", "per_code", "per_customer"):
            value = getattr(self, name)
            if value is not None and value < 1:
                problems.append(Problem("quantity_invalid", "a limit is at least 1", f"$.{name}"))
        if (
            self.quantity is not None
            and self.per_customer is not None
            and self.per_customer > self.quantity
        ):
            problems.append(
                Problem(
                    "limit_contradiction",
                    "one customer cannot use more than there is",
                    "$.per_customer",
                )
            )
        if self.starts is not None and self.ends is not None and self.ends <= self.starts:
            problems.append(Problem("ends_before_start", "the end is after the start", "$.ends"))
        return problems

    def code_facts(self, *, used: int, used_by_customer: int) -> CodeStatus:
        """What a quote may know of a code of this coupon that was used so often.

        ``used`` counts the code's own uses for a batch, the coupon's for a single code.
        """
        limit = self.per_code if self.in_batches else self.quantity
        return CodeStatus(
            promotion_id=self.promotion_id,
            starts=self.starts,
            ends=self.ends,
            uses_remaining=None if limit is None else max(0, limit - used),
            customer_uses_remaining=None
            if self.per_customer is None
            else max(0, self.per_customer - used_by_customer),
            coupon_id=self.id,
            per_customer=self.per_customer,
        )
