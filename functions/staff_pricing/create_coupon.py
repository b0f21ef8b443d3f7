"""POST /staff/coupons: a coupon, with one code or to issue batches of."""

from shop.edge.http import Request, endpoint
from shop.pricing.actions.coupons import make_coupon
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.wire.coupons import CouponBody, CouponView

coupons = DynamoCoupons()
promotions = DynamoPromotions()


@endpoint(CouponBody, status=201)
def handler(request: Request[CouponBody]) -> CouponView:
    coupon = make_coupon(
        request.body.coupon(), coupons=coupons, promotions=promotions, at=request.at
    )
    return CouponView.of(coupon)
