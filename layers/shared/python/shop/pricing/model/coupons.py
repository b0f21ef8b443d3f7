"""Coupons: discount codes that open a promotion.

Business rules: docs/rules/pricing.md §4.2 and §4.2a.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shop.kernel.codes import CODE_ALPHABET, normalize_code
from shop.kernel.errors import Conflict, Problem
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


class CouponStatus(StrEnum):
    """The status of a coupon, computed from its window and the clock; never stored."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    ENDED = "ended"


FIXED_FIELDS = ("promotion_id", "code", "per_code")
"""Fields that no change may have: codes are known to customers, and each has its remaining uses."""


@frozen
class CouponUses:
    """Orders that used the codes of a coupon, without cancelled ones.

    ``is_complete`` is False if only the codes issued first are counted: a lower bound.
    """

    count: int
    is_complete: bool = True


def _ended() -> Conflict:
    return Conflict("This coupon has ended for good. Create a new one.", code="coupon_ended")


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
    ended_at: datetime | None = None
    """Instant at which staff ended the coupon for good; absent otherwise."""
    version: int = 1
    """Version of the coupon; each change increases it by 1."""

    @property
    def has_batches(self) -> bool:
        return self.code is None

    @property
    def is_limited(self) -> bool:
        """Whether many customers share a single code with a limit, which has not ended."""
        return self.code is not None and self.quantity is not None and self.ended_at is None

    @property
    def last_instant(self) -> datetime | None:
        """The instant from which no code is accepted, by its window or because staff ended it."""
        return self.ends if self.ended_at is None else self.ended_at

    def status(self, at: datetime) -> CouponStatus:
        """Return the status at an instant."""
        if self.last_instant is not None and at >= self.last_instant:
            return CouponStatus.ENDED
        if self.starts is not None and at < self.starts:
            return CouponStatus.SCHEDULED
        return CouponStatus.RUNNING

    def update(self, to: "Coupon") -> "Coupon":
        """Change the limits and the window (§4.2b).

        Raises :class:`Conflict`: ``coupon_ended``, and ``coupon_field_fixed`` with one problem for
        each field that no change may have.
        """
        if self.ended_at is not None:
            raise _ended()
        if to.code is not None and self.code is not None:
            # Two spellings of a code are one code.
            is_same = normalize_code(to.code) == normalize_code(self.code)
            to = replace(to, code=self.code if is_same else to.code)
        fixed = [name for name in FIXED_FIELDS if getattr(to, name) != getattr(self, name)]
        if fixed:
            detail = "Limits per customer and in total, start and end may change. Create a coupon."
            problems = [Problem("coupon_field_fixed", detail, f"$.{name}") for name in fixed]
            raise Conflict(detail, code="coupon_field_fixed", problems=problems)
        return replace(to, id=self.id, ended_at=None, version=self.version + 1)

    def end(self, at: datetime) -> "Coupon":
        """End the coupon now, for good. Raises :class:`Conflict` (``coupon_ended``)."""
        if self.ended_at is not None:
            raise _ended()
        last = at if self.ends is None else min(self.ends, at)
        return replace(self, ended_at=last, version=self.version + 1)

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
