"""The catalogue in DynamoDB: one item per product, and its card under every heading.

Kept in one table (``TABLE_CATALOG``)::

    PK                        SK                      holds
    PRODUCT#<id>              PRODUCT                 status, version, doc, the postings in force
    WORD#<word>               <rank>#<id>             the card; what filters look at
    CATEGORY#<path>           1#<id>                  the same
    ALL#<shard>               <status>#<id>           the same; unpublished products too
    SKU#<sku>                 SKU                     the one product that sells it
    REINDEX                   <id>                    postings of a product that may be out of step

How card and product stay in step, whatever crashes when: docs/adr/search-in-the-table.md.
"""

from shop.catalog.store.repository import DynamoProductCatalog

__all__ = ["DynamoProductCatalog"]
