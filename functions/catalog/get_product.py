"""POST /catalog/product: one product in full, with the availability of each option value.

A request reads the product, and its stock unless a level of the last two seconds is cached. Rules,
tax rates and usage limits come from caches of a few seconds.
"""

from typing import Any

from shop.catalog.schemas.storefront import ProductRequest
from shop.composition.catalog_pages import CatalogPages
from shop.entrypoints.http import Request, endpoint

pages = CatalogPages()


@endpoint(ProductRequest, capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[ProductRequest]) -> dict[str, Any]:
    return pages.product(request.body, channel=request.channel, at=request.received_at)
