"""GET /staff/coupons/{id}/codes: the codes that were issued, page by page."""

from shop.edge.http import Request, endpoint
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.wire.coupons import CodesView

coupons = DynamoCoupons()


@endpoint()
def handler(request: Request[None]) -> CodesView:
    coupon = coupons.of(request.path["id"])
    if coupon.code is not None:
        return CodesView(codes=[coupon.code])
    page = coupons.codes(coupon.id, cursor=request.query.get("cursor"))
    return CodesView(codes=list(page.items), cursor=page.cursor)
