"""Endpoints of the catalog for shoppers and their agents."""

from functions.manifest import Access, Endpoint, Feature, Peak, Switch, Table
from functions.query_parameters import CATALOG_FILTERS, COUNTRY, CURRENCY, CURSOR, limit

_SEARCH = "dev.ucp.shopping.catalog.search"
_LOOKUP = "dev.ucp.shopping.catalog.lookup"

FEATURE = Feature(
    "catalog",
    (
        Endpoint(
            route="POST /catalog/search",
            switch=Switch.CATALOG,
            peak=Peak(requests=2, seconds=0.05),
            module="catalog.search_catalog",
            headers=("Shop-Channel",),
            access=Access.PUBLIC,
            summary="Search products by words, categories and price",
            capability=_SEARCH,
            request="shop.catalog.schemas.storefront:SearchRequest",
            response="ucp:shopping/catalog_search.json#/$defs/search_response",
            reads=(Table.CATALOG, Table.INVENTORY, Table.PRICING, Table.TAX),
        ),
        Endpoint(
            route="POST /catalog/lookup",
            switch=Switch.CATALOG,
            peak=Peak(requests=1, seconds=0.03),
            module="catalog.lookup_catalog",
            headers=("Shop-Channel",),
            access=Access.PUBLIC,
            summary="Look up to 100 products and variants by id",
            capability=_LOOKUP,
            request="shop.catalog.schemas.storefront:LookupRequest",
            response="ucp:shopping/catalog_lookup.json#/$defs/lookup_response",
            reads=(Table.CATALOG, Table.INVENTORY, Table.PRICING, Table.TAX),
        ),
        Endpoint(
            route="POST /catalog/product",
            switch=Switch.CATALOG,
            peak=Peak(requests=4, seconds=0.03),
            module="catalog.get_product",
            headers=("Shop-Channel",),
            access=Access.PUBLIC,
            summary="Get a product in full, with the availability of each option value",
            capability=_LOOKUP,
            request="shop.catalog.schemas.storefront:ProductRequest",
            response="ucp:shopping/catalog_lookup.json#/$defs/get_product_response",
            reads=(Table.CATALOG, Table.INVENTORY, Table.PRICING, Table.TAX),
        ),
        Endpoint(
            route="GET /catalog/products",
            query=(
                *CATALOG_FILTERS,
                COUNTRY,
                CURRENCY,
                limit(10, 50),
                CURSOR,
            ),
            switch=Switch.CATALOG,
            module="catalog.list_products",
            headers=("Shop-Channel",),
            access=Access.PUBLIC,
            summary="List or search products, with a response that a CDN keeps",
            capability=_SEARCH,
            response="ucp:shopping/catalog_search.json#/$defs/search_response",
            cached=True,
            reads=(Table.CATALOG, Table.INVENTORY, Table.PRICING, Table.TAX),
        ),
        Endpoint(
            route="GET /catalog/products/{id}",
            query=(COUNTRY, CURRENCY),
            switch=Switch.CATALOG,
            module="catalog.get_product_by_id",
            headers=("Shop-Channel",),
            access=Access.PUBLIC,
            summary="Get a product in full, with a response that a CDN keeps",
            capability=_LOOKUP,
            response="ucp:shopping/catalog_lookup.json#/$defs/get_product_response",
            cached=True,
            reads=(Table.CATALOG, Table.INVENTORY, Table.PRICING, Table.TAX),
        ),
    ),
)
