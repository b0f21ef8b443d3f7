"""POST /staff/promotions/{id}/end: end a promotion now, for good."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.promotions import end_promotion
from shop.pricing.schemas.base import VersionBody
from shop.pricing.schemas.promotions import PromotionView
from shop.pricing.store.promotions import DynamoPromotionRepository

promotions = DynamoPromotionRepository()


@endpoint(VersionBody, optional=True)
def handler(request: Request[VersionBody]) -> Response:
    after = end_promotion(
        request.path["id"],
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        promotions=promotions,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return Response(
        PromotionView.of(after, request.received_at), headers={"ETag": f'"{after.version}"'}
    )
