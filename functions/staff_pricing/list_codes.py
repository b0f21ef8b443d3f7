"""GET /staff/coupons/{id}/codes: the issued codes, in pages."""

from shop.entrypoints.http import Request, endpoint
from shop.pricing.schemas.coupons import CodesView
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()


@endpoint()
def handler(request: Request[None]) -> CodesView:
    coupon = coupons.get(request.path["id"])
    if coupon.code is not None:
        return CodesView(codes=[coupon.code])
    page = coupons.list_codes(coupon.id, cursor=request.query.get("cursor"))
    return CodesView(codes=list(page.items), cursor=page.cursor)
