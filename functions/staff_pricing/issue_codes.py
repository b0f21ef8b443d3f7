"""POST /staff/coupons/{id}/codes: a batch of unguessable codes."""

import secrets

from shop.edge.http import Request, endpoint
from shop.pricing.actions.coupons import issue_codes
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.wire.coupons import BatchBody, BatchView, batch_view

coupons = DynamoCoupons()


@endpoint(BatchBody, status=201)
def handler(request: Request[BatchBody]) -> BatchView:
    wish, coupon_id = request.body, request.path["id"]
    codes = issue_codes(
        coupon_id,
        wish.count,
        key=request.key,
        draw=secrets.token_bytes,
        coupons=coupons,
        at=request.at,
        prefix=wish.prefix,
    )
    return batch_view(coupon_id, codes)
