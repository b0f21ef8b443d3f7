"""The catalog in DynamoDB: one item per product, and its card under every heading.

All these items are in one table (``TABLE_CATALOG``)::

    PK                        SK                      content
    PRODUCT#<id>              PRODUCT                 status, version, doc, current postings
    WORD#<word>               <rank>#<id>             the card; attributes for filters
    CATEGORY#<path>           1#<id>                  the same
    ALL#<shard>               <status>#<id>           the same; unpublished products too
    SKU#<sku>                 SKU                     the product that claims the SKU
    REINDEX                   <id>                    postings of a product that may be stale

Consistency of cards and products across crashes: docs/adr/search-in-the-table.md.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shop.catalog.store.repository import DynamoProductCatalog

__all__ = ["DynamoProductCatalog"]


def __getattr__(name: str) -> Any:
    if name == "DynamoProductCatalog":
        from shop.catalog.store import repository  # lazy: Lambdas of jobs have no catalog table

        return repository.DynamoProductCatalog
    raise AttributeError(name)
