"""Changes of coupons by staff; apart, because carts load the module that creates them (§4.2b)."""

from datetime import datetime

from shop.kernel.errors import InvalidRequest
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.coupons import Coupon
from shop.pricing.ports import CouponRepository


def update_coupon(
    coupon_id: str,
    to: Coupon,
    *,
    expected_version: int,
    coupons: CouponRepository,
    at: datetime,
    actor: str,
) -> Coupon:
    """Change the limits and the window of a coupon (§4.2b).

    Raises :class:`InvalidRequest` with every problem, :class:`Conflict` for a field that may not
    change, an ended coupon or a quantity below the uses, and VersionConflict.
    """
    before = coupons.get(coupon_id)
    check_version(f"coupon {coupon_id}", before.version, expected_version)
    after = before.update(to)
    problems = after.problems()
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    return coupons.update(before, after, [_event("CouponChanged", after, at, actor)])


def end_coupon(
    coupon_id: str, *, expected_version: int, coupons: CouponRepository, at: datetime, actor: str
) -> Coupon:
    """End a coupon now, for good: no code of it is accepted any more.

    Raises Conflict (``coupon_ended``) and VersionConflict.
    """
    before = coupons.get(coupon_id)
    check_version(f"coupon {coupon_id}", before.version, expected_version)
    after = before.end(at)
    return coupons.update(before, after, [_event("CouponEnded", after, at, actor)])


def _event(type: str, coupon: Coupon, at: datetime, actor: str) -> Event:
    data = {"promotion": coupon.promotion_id, "version": coupon.version, "actor": actor}
    return Event(f"{coupon.id}:{coupon.version}", type, coupon.id, at, data)
