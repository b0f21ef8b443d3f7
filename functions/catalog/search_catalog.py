"""POST /catalog/search: find products. One read; what is in stock is told by lookup and detail."""

from typing import Any

from shop.catalog.actions.shopping import find_products
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.shopping import SearchRequest, search_view
from shop.edge.http import Request, endpoint

index = DynamoCatalogue()


@endpoint(SearchRequest, capability="dev.ucp.shopping.catalog.search")
def handler(request: Request[SearchRequest]) -> dict[str, Any]:
    asked = request.body
    return search_view(
        find_products(
            asked.text,
            index=index,
            categories=asked.categories,
            price=asked.band,
            limit=asked.limit,
            cursor=asked.cursor,
        )
    )
