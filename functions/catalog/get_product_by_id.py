"""GET /catalog/products/{id}: one product in full, from the CDN where it is known there.

The response depends on the query and on the headers of ``Vary``, never on the caller: prices of
customer groups are shown by carts and checkouts only.
"""

from shop.catalog.schemas.storefront_query import context_from_query, product_request
from shop.composition.catalog_pages import CatalogPages
from shop.entrypoints.caching import cacheable
from shop.entrypoints.http import Request, Response, endpoint

pages = CatalogPages()


@endpoint(capability="dev.ucp.shopping.catalog.lookup")
def handler(request: Request[None]) -> Response:
    body = product_request(request.path["id"], context_from_query(request.query))
    page = pages.product(body, channel=request.channel, at=request.received_at)
    seconds = pages.cache_seconds(request.received_at)
    return cacheable(request, page, seconds=seconds, by_channel=True)
