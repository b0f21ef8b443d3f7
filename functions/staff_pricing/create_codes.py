"""POST /staff/coupons/{id}/codes: issue a batch of unguessable codes."""

import secrets

from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.coupons import create_codes
from shop.pricing.schemas.coupons import CodeBatchBody, CodeBatchView, batch_view
from shop.pricing.store.coupons import DynamoCouponRepository

coupons = DynamoCouponRepository()


@endpoint(CodeBatchBody, status=201)
def handler(request: Request[CodeBatchBody]) -> CodeBatchView:
    body, coupon_id = request.body, request.path["id"]
    codes = create_codes(
        coupon_id,
        body.count,
        key=request.required_idempotency_key,
        random_bytes=secrets.token_bytes,
        coupons=coupons,
        at=request.received_at,
        prefix=body.prefix,
    )
    return batch_view(coupon_id, codes)
