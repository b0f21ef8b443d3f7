"""PUT /staff/coupons/{id}: change the limits and the window of a coupon."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.coupon_changes import update_coupon
from shop.pricing.schemas.coupons import CouponChangeBody, CouponView
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()


@endpoint(CouponChangeBody)
def handler(request: Request[CouponChangeBody]) -> Response:
    after = update_coupon(
        request.path["id"],
        request.body.coupon(),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        coupons=coupons,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return Response(CouponView.of(after), headers={"ETag": f'"{after.version}"'})
