"""GET /catalog/products: list or search products, from the CDN where the page is known there.

The response depends on the query and on the headers of ``Vary``, never on the caller.
"""

from shop.catalog.schemas.storefront_query import context_from_query, search_from_query
from shop.composition.catalog_pages import CatalogPages
from shop.entrypoints.caching import cacheable
from shop.entrypoints.http import Request, Response, endpoint

pages = CatalogPages()


@endpoint(capability="dev.ucp.shopping.catalog.search")
def handler(request: Request[None]) -> Response:
    body = search_from_query(request.query)
    body.context = context_from_query(request.query)
    page = pages.search(body, channel=request.channel, at=request.received_at)
    seconds = pages.cache_seconds(request.received_at)
    return cacheable(request, page, seconds=seconds, by_channel=True)
