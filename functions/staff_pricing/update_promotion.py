"""PUT /staff/promotions/{id}: change a promotion, within the limits of its status."""

from shop.composition.references import catalog_references
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.promotions import update_promotion
from shop.pricing.schemas.promotions import PromotionChangeBody, PromotionView
from shop.pricing.store.promotions import DynamoPromotionRepository

promotions = DynamoPromotionRepository()
assortment = catalog_references()


@endpoint(PromotionChangeBody)
def handler(request: Request[PromotionChangeBody]) -> Response:
    id_ = request.path["id"]
    changed = update_promotion(
        id_,
        request.body.promotion(id_),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        promotions=promotions,
        assortment=assortment,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return Response(
        PromotionView.of(changed, request.received_at), headers={"ETag": f'"{changed.version}"'}
    )
