"""POST /catalog/search: search products, with current prices.

A request reads the index, the stock of the featured variants unless levels of the last two seconds
are cached, and the products of the page only if one of them is reduced.
"""

from typing import Any

from shop.catalog.schemas.storefront import SearchRequest
from shop.composition.catalog_pages import CatalogPages
from shop.entrypoints.http import Request, endpoint

pages = CatalogPages()


@endpoint(SearchRequest, capability="dev.ucp.shopping.catalog.search")
def handler(request: Request[SearchRequest]) -> dict[str, Any]:
    return pages.search(request.body, channel=request.channel, at=request.received_at)
