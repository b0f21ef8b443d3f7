"""POST /staff/coupons: create a coupon with one code, or for batches of codes."""

from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.schemas.coupons import CouponBody, CouponView
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository

coupons = DynamoCouponRepository()
promotions = DynamoPromotionRepository()


@endpoint(CouponBody, status=201)
def handler(request: Request[CouponBody]) -> CouponView:
    coupon = create_coupon(
        request.body.coupon(), coupons=coupons, promotions=promotions, at=request.received_at
    )
    return CouponView.of(coupon)
