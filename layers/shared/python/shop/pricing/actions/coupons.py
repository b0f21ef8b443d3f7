"""Use cases of coupons: create, issue codes, limit the guessing of codes.

Business rules: docs/rules/pricing.md §4.2 and §4.2a.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from shop.credits.ports import CodeAttemptLimiter
from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict, InvalidRequest, Problem
from shop.kernel.events import Event
from shop.kernel.ids import derived_id
from shop.pricing.model.coupons import CodeBatch, Coupon, generate_codes
from shop.pricing.model.effects import GroupPrice
from shop.pricing.model.engine.discount_codes import CODE_INVALID
from shop.pricing.model.promotions import PromotionStatus
from shop.pricing.model.quote import Quote
from shop.pricing.ports import CouponRepository, PromotionRepository

MAX_CODES_PER_CALL = 10_000
MAX_PREFIX_LENGTH = 20


def create_coupon(
    coupon: Coupon, *, coupons: CouponRepository, promotions: PromotionRepository, at: datetime
) -> Coupon:
    """Create a coupon for a promotion that requires a code.

    Raises :class:`InvalidRequest` with every problem: a limit below 1, an end before the start or
    in the past, a promotion without codes. Raises NotFound for an unknown promotion, and Conflict:
    ``code_taken``, or ``promotion_ended`` for codes that could never work.
    """
    problems = coupon.problems()
    if coupon.ends is not None and coupon.ends <= at:
        detail = "The end of a new coupon must be in the future."
        problems.append(Problem("time_past", detail, "$.ends"))
    promotion = promotions.get(coupon.promotion_id)
    if isinstance(promotion.effect, GroupPrice):
        detail = "Only group buys issue codes of this promotion. Choose another promotion."
        problems.append(Problem("promotion_for_groups", detail, "$.promotion_id"))
    if not promotion.code_required:
        detail = "The promotion must require a code. Set its code_required to true."
        problems.append(Problem("promotion_needs_no_code", detail, "$.promotion_id"))
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    if promotion.status(at) is PromotionStatus.ENDED:
        raise Conflict(
            "This promotion has ended. Choose another promotion.",
            code="promotion_ended",
            path="$.promotion_id",
        )
    event = Event(
        f"{coupon.id}:1", "CouponCreated", coupon.id, at, {"promotion": coupon.promotion_id}
    )
    return coupons.save(coupon, [event])


def create_codes(
    coupon_id: str,
    count: int,
    *,
    key: str,
    random_bytes: Callable[[int], bytes],
    coupons: CouponRepository,
    at: datetime,
    prefix: str = "",
) -> tuple[str, ...]:
    """Issue ``count`` new codes of a coupon. A repeated ``key`` returns the same codes.

    ``random_bytes(n)`` returns n random bytes (``secrets.token_bytes``). Raises
    :class:`InvalidRequest` for an invalid count or prefix, :class:`Conflict` (``not_a_batch``,
    ``batch_in_progress``, ``coupon_ended``), and IdempotencyKeyReused.
    """
    if not 1 <= count <= MAX_CODES_PER_CALL:
        raise InvalidRequest(
            f"Count must be from 1 to {MAX_CODES_PER_CALL}.",
            code="quantity_invalid",
            path="$.count",
        )
    if prefix and not (
        normalize_code(prefix).isalnum() and prefix.isascii() and len(prefix) <= MAX_PREFIX_LENGTH
    ):
        raise InvalidRequest(
            f"Prefix must be at most {MAX_PREFIX_LENGTH} letters and digits.",
            code="prefix_invalid",
            path="$.prefix",
        )
    coupon = coupons.get(coupon_id)
    requested = CodeBatch(derived_id("batch", coupon_id, key), count, prefix, random_bytes(32))
    _require_issuable(coupon, requested, coupons)
    # The stored batch may be older than this call: its seed, not the new one, generates the codes.
    batch = coupons.begin_batch(coupon, requested, at)
    batch_bytes = batch.random_source()
    issued: dict[str, str] = {}
    missing = count
    # Repeat for codes that exist in another batch: each is replaced by one more code.
    while missing:
        generated = {
            normalize_code(code): code for code in generate_codes(missing, batch_bytes, prefix)
        }
        codes = tuple(generated.values())
        rejected = set() if batch.done else set(coupons.write_codes(coupon, batch, codes))
        issued |= {form: code for form, code in generated.items() if form not in rejected}
        missing = count - len(issued)
    if not batch.done:
        coupons.complete_batch(coupon, batch)
    return tuple(issued.values())


def _require_issuable(coupon: Coupon, batch: CodeBatch, coupons: CouponRepository) -> None:
    """Raise Conflict for a coupon with a single code, and for new codes of an ended coupon."""
    if not coupon.has_batches:
        raise Conflict(
            "This coupon has a single code. Create a coupon without a code to issue batches.",
            code="not_a_batch",
        )
    # Codes that were issued before the end are returned again: their response may have been lost.
    if coupon.ended_at is not None and not coupons.has_batch(coupon, batch):
        raise Conflict("This coupon has ended for good. Create a new one.", code="coupon_ended")


@contextmanager
def track_code_attempts(
    codes: Sequence[str],
    known_codes: Sequence[str],
    rate_limit_subject: str,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> Iterator[Callable[[Quote], None]]:
    """Count attempts of codes around a quote, to prevent guessing.

    ``known_codes`` were in the basket before and do not count. The yielded function takes the quote
    and subtracts the attempts of codes that exist. Raises RateLimited.
    """
    known = {normalize_code(code) for code in known_codes}
    attempted = {form for code in codes if (form := normalize_code(code)) not in known}
    if attempted:
        # Recorded before the lookup, so that parallel requests share one limit.
        code_attempts.record_attempts(
            rate_limit_subject, len(attempted), at, path="$.discounts.codes"
        )

    def forgive_existing(quote: Quote) -> None:
        unknown = {normalize_code(o.code) for o in quote.codes if o.reason == CODE_INVALID}
        if existing := len(attempted - unknown):
            code_attempts.forgive(rate_limit_subject, existing, at)

    yield forgive_existing
