"""POST /staff/coupons/{id}/end: end a coupon now, for good."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.coupon_changes import end_coupon
from shop.pricing.schemas.base import VersionBody
from shop.pricing.schemas.coupons import CouponView
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()


@endpoint(VersionBody, optional=True)
def handler(request: Request[VersionBody]) -> Response:
    after = end_coupon(
        request.path["id"],
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        coupons=coupons,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return Response(CouponView.of(after), headers={"ETag": f'"{after.version}"'})
