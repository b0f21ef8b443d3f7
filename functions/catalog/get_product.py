"""POST /catalog/product: one product in full, and what is left to choose. Two reads."""

from typing import Any

from shop.catalog.actions.shopping import show
from shop.catalog.model import offer_of
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.shopping import ProductRequest, offer_view
from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoStock

catalogue = DynamoCatalogue()
stock = DynamoStock()


@endpoint(ProductRequest, capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[ProductRequest]) -> dict[str, Any]:
    asked = request.body
    shown = show(asked.id, catalogue=catalogue, wanted=asked.wanted)
    levels = stock.levels(variant.sku for variant in shown.product.on_sale)
    in_stock = {sku: level.available > 0 for sku, level in levels.items()}
    offer = offer_of(
        shown.product,
        left=shown.left,
        in_stock=lambda variant: in_stock[variant.sku],
        variant=shown.variant,
        selected=asked.choices,
        preferences=asked.preferences or (),
    )
    return offer_view(offer, in_stock)
