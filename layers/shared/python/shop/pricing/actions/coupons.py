"""What staff do with coupons: make one, and issue codes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from shop.kernel.errors import Conflict, Invalid, Problem
from shop.kernel.events import Event
from shop.kernel.ids import derived_id
from shop.pricing.model.coupons import Batch, Coupon, batch, normal
from shop.pricing.model.effects import GroupPrice
from shop.pricing.model.engine.codes import UNKNOWN
from shop.pricing.model.quote import Quote
from shop.pricing.ports import Coupons, Guesses, Promotions

MOST_CODES = 10_000
"""The most codes of one call."""


def make_coupon(
    coupon: Coupon, *, coupons: Coupons, promotions: Promotions, at: datetime
) -> Coupon:
    """Make codes possible for a promotion that asks for one.

    Raises :class:`Invalid` with every problem: a limit below 1, an end before the start, a
    promotion that asks for no code; NotFound for an unknown promotion; Conflict for a code that is
    taken.
    """
    problems = coupon.problems()
    promotion = promotions.of(coupon.promotion_id)
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
        raise Invalid(problems[0].detail, code=problems[0].code, problems=problems)
    event = Event(f"{coupon.id}:1", "CouponMade", coupon.id, at, {"promotion": coupon.promotion_id})
    return coupons.save(coupon, [event])


def issue_codes(
    coupon_id: str,
    count: int,
    *,
    key: str,
    draw: Callable[[int], bytes],
    coupons: Coupons,
    at: datetime,
    prefix: str = "",
) -> tuple[str, ...]:
    """So many new unguessable codes of a batch. ``draw(n)`` gives n random bytes
    (``secrets.token_bytes``). Asked for again under the same ``key``, the same codes.

    Raises :class:`Invalid` for a count below 1 or above 10,000, or a prefix that is no word,
    :class:`Conflict` for a coupon with one code of its own and while the same is being issued, and
    KeyReused.
    """
    if not 1 <= count <= MOST_CODES:
        raise Invalid(
            f"from 1 to {MOST_CODES} codes at once", code="quantity_invalid", path="$.count"
        )
    if prefix and not (normal(prefix).isalnum() and prefix.isascii() and len(prefix) <= 20):
        raise Invalid(
            "a prefix has up to 20 letters and digits", code="code_invalid", path="$.prefix"
        )
    coupon = coupons.of(coupon_id)
    if not coupon.in_batches:
        raise Conflict("this coupon has one code of its own", code="not_a_batch")
    wanted = Batch(derived_id("batch", coupon_id, key), count, prefix, draw(32))
    kept = coupons.begin(coupon, wanted, at)
    more = kept.draw()
    issued: dict[str, str] = {}
    missing = count
    while missing:
        fresh = {normal(code): code for code in batch(missing, more, prefix)}
        codes = tuple(fresh.values())
        taken = set(coupons.issue(coupon, kept, codes)) if not kept.done else set()
        issued |= {form: code for form, code in fresh.items() if form not in taken}
        missing = count - len(issued)
    if not kept.done:
        coupons.finish(coupon, kept)
    return tuple(issued.values())


@contextmanager
def tried(
    codes: Sequence[str], before: Sequence[str], asker: str, guesses: Guesses, at: datetime
) -> Iterator[Callable[[Quote], None]]:
    """Let somebody try codes, as often as is no guessing.

    Codes that stood there ``before`` are not tried again. The others are counted before they are
    looked up, so that many requests at once try no more than one after another; those that turn
    out to exist, in the quote that is handed in, are counted back. Raises TooMany.
    """
    known = {normal(code) for code in before}
    fresh = {form for code in codes if (form := normal(code)) not in known}
    if fresh:
        guesses.trying(asker, len(fresh), at, path="$.discounts.codes")

    def judged(quote: Quote) -> None:
        unknown = {normal(o.code) for o in quote.codes if o.reason == UNKNOWN}
        if found := len(fresh - unknown):
            guesses.known(asker, found, at)

    yield judged
