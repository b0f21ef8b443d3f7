"""What staff do with coupons: make one, and issue codes."""

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
from shop.pricing.model.quote import Quote
from shop.pricing.ports import CouponRepository, PromotionRepository

MAX_CODES_PER_CALL = 10_000
"""The most codes of one call."""


def create_coupon(
    coupon: Coupon, *, coupons: CouponRepository, promotions: PromotionRepository, at: datetime
) -> Coupon:
    """Make codes possible for a promotion that asks for one.

    Raises :class:`Invalid` with every problem: a limit below 1, an end before the start, a
    promotion that asks for no code; NotFound for an unknown promotion; Conflict for a code that is
    taken.
    """
    problems = coupon.problems()
    promotion = promotions.get(coupon.promotion_id)
    if isinstance(promotion.effect, GroupPrice):
        problems.append(
            Problem(
                "promotion_for_groups",
                "the codes of this promotion are those of its groups",
                "$.promotion_id",
            )
        )
    if not promotion.code_required:
        problems.append(
            Problem("promotion_needs_no_code", "this promotion asks for no code", "$.promotion_id")
        )
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    event = Event(
        f"{coupon.id}:1", "CouponCreated", coupon.id, at, {"promotion": coupon.promotion_id}
    )
    return coupons.save(coupon, [event])


def create_codes(
    coupon_id: str,
    count: int,
    *,
    key: str,
    draw: Callable[[int], bytes],
    coupons: CouponRepository,
    at: datetime,
    prefix: str = "",
) -> tuple[str, ...]:
    """So many new unguessable codes of a batch. ``draw(n)`` gives n random bytes
    (``secrets.token_bytes``). Asked for again under the same ``key``, the same codes.

    Raises :class:`Invalid` for a count below 1 or above 10,000, or a prefix that is no word,
    :class:`Conflict` for a coupon with one code of its own and while the same is being issued, and
    KeyReused.
    """
    if not 1 <= count <= MAX_CODES_PER_CALL:
        raise InvalidRequest(
            f"from 1 to {MAX_CODES_PER_CALL} codes at once", code="quantity_invalid", path="$.count"
        )
    if prefix and not (normalize_code(prefix).isalnum() and prefix.isascii() and len(prefix) <= 20):
        raise InvalidRequest(
            "a prefix has up to 20 letters and digits", code="code_invalid", path="$.prefix"
        )
    coupon = coupons.get(coupon_id)
    if not coupon.in_batches:
        raise Conflict("this coupon has one code of its own", code="not_a_batch")
    wanted = CodeBatch(derived_id("batch", coupon_id, key), count, prefix, draw(32))
    stored = coupons.begin_batch(coupon, wanted, at)
    more = stored.draw()
    issued: dict[str, str] = {}
    missing = count
    while missing:
        fresh = {normalize_code(code): code for code in generate_codes(missing, more, prefix)}
        codes = tuple(fresh.values())
        taken = set(coupons.write_codes(coupon, stored, codes)) if not stored.done else set()
        issued |= {form: code for form, code in fresh.items() if form not in taken}
        missing = count - len(issued)
    if not stored.done:
        coupons.complete_batch(coupon, stored)
    return tuple(issued.values())


@contextmanager
def track_code_attempts(
    codes: Sequence[str],
    before: Sequence[str],
    rate_limit_subject: str,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> Iterator[Callable[[Quote], None]]:
    """Let somebody try codes, as often as is no guessing.

    Codes that stood there ``before`` are not tried again. The others are counted before they are
    looked up, so that many requests at once try no more than one after another; those that turn
    out to exist, in the quote that is handed in, are counted back. Raises TooMany.
    """
    known = {normalize_code(code) for code in before}
    fresh = {form for code in codes if (form := normalize_code(code)) not in known}
    if fresh:
        code_attempts.record_attempts(rate_limit_subject, len(fresh), at, path="$.discounts.codes")

    def judged(quote: Quote) -> None:
        unknown = {normalize_code(o.code) for o in quote.codes if o.reason == CODE_INVALID}
        if found := len(fresh - unknown):
            code_attempts.forgive(rate_limit_subject, found, at)

    yield judged
