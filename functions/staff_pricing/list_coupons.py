"""GET /staff/coupons: all coupons, in pages."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.pricing.schemas.coupons import CouponListView
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()


@endpoint()
def handler(request: Request[None]) -> CouponListView:
    limit = parse_limit(request.query.get("limit"))
    return CouponListView.of(coupons.list_all(cursor=request.query.get("cursor"), limit=limit))
