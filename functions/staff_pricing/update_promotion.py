"""PUT /staff/promotions/{id}: change a promotion, within the limits of its status."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.catalog_references import CatalogReferences
from shop.pricing.actions.promotions import update_promotion
from shop.pricing.schemas.promotions import PromotionChangeBody, PromotionView
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.shipping.store import DynamoShippingTableRepository

promotions = DynamoPromotionRepository()
shipping = DynamoShippingTableRepository()
assortment = CatalogReferences(
    DynamoProductCatalog(),
    methods=lambda: {method.id for method in shipping.get_current().table.methods},
)


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
