"""The references that promotions and price lists are checked against."""

from shop.catalog.ports import ProductCatalog
from shop.catalog.store import DynamoProductCatalog
from shop.pricing.actions.catalog_references import CatalogReferences
from shop.pricing.store.markets import DynamoMarketRepository
from shop.shipping.store import DynamoShippingTableRepository


def catalog_references(catalog: ProductCatalog | None = None) -> CatalogReferences:
    """Build the checker; it reads shipping methods and markets only if a rule names one."""
    shipping, markets = DynamoShippingTableRepository(), DynamoMarketRepository()
    return CatalogReferences(
        catalog or DynamoProductCatalog(),
        markets=lambda: {market.id for market in markets.get().markets},
        methods=lambda: {method.id for method in shipping.get_current().table.methods},
    )
