"""GET /staff/coupons/{id}: a coupon with its status and its uses."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.model import USAGE_LOCATION
from shop.inventory.store import counter_shards
from shop.pricing.schemas.coupons import CouponUsesView
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()
shards = counter_shards()


@endpoint()
def handler(request: Request[None]) -> Response:
    coupon = coupons.get(request.path["id"])
    uses = coupons.count_uses(
        coupon, lambda article: shards.level(article, USAGE_LOCATION).available
    )
    view = CouponUsesView.with_uses(coupon, uses, request.received_at)
    return Response(view, headers={"ETag": f'"{coupon.version}"'})
