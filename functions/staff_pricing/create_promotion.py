"""POST /staff/promotions: create a promotion as a draft."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.catalog_references import CatalogReferences
from shop.pricing.actions.promotions import create_promotion
from shop.pricing.schemas.promotions import PromotionBody, PromotionView
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.shipping.store import DynamoShippingTableRepository

promotions = DynamoPromotionRepository()
shipping = DynamoShippingTableRepository()
assortment = CatalogReferences(
    DynamoProductCatalog(),
    methods=lambda: {method.id for method in shipping.get_current().table.methods},
)


@endpoint(PromotionBody, status=201)
def handler(request: Request[PromotionBody]) -> PromotionView:
    draft = create_promotion(
        request.body.promotion(),
        promotions=promotions,
        assortment=assortment,
        at=request.received_at,
        actor=request.caller.owner,
    )
    return PromotionView.of(draft, request.received_at)
