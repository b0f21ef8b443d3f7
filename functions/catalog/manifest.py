"""Endpoints of the catalog for shoppers and their agents."""

from functions.manifest import Access, Endpoint, Feature, Peak, Switch, Table

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
            access=Access.PUBLIC,
            summary="Get a product in full, with the availability of each option value",
            capability=_LOOKUP,
            request="shop.catalog.schemas.storefront:ProductRequest",
            response="ucp:shopping/catalog_lookup.json#/$defs/get_product_response",
            reads=(Table.CATALOG, Table.INVENTORY, Table.PRICING, Table.TAX),
        ),
    ),
)
