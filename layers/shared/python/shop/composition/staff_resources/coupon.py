"""The limits and the window of a coupon."""

from typing import Any

from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.coupon_changes import update_coupon
from shop.pricing.model.coupons import Coupon
from shop.pricing.schemas.coupons import CouponChangeBody, CouponView
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()


def read(request: Request[Any]) -> Response:
    return _response(coupons.get(request.path["id"]))


def replace(request: Request[CouponChangeBody]) -> Response:
    after = update_coupon(
        request.path["id"],
        request.body.coupon(),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        coupons=coupons,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return _response(after)


def _response(coupon: Coupon) -> Response:
    return Response(CouponView.of(coupon), headers={"ETag": f'"{coupon.version}"'})


COUPON = EditableResource(
    schema=CouponChangeBody,
    read=read,
    replace=replace,
    read_only=("id", "status", "ended_at", "uses", "uses_complete"),
)
