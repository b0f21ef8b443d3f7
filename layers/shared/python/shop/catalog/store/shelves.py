"""Products by id, and the changes to them."""

import random
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import batched

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from shop.catalog.model import (
    ALL_SHARDS,
    Card,
    Posting,
    Product,
    Search,
    Status,
    Variant,
    postings_of,
    product_of,
)
from shop.catalog.store import lists
from shop.catalog.store.rows import (
    REINDEX,
    CatalogRow,
    key_of,
    pack_postings,
    posting_rows,
    product_from,
    product_row,
    unpack_postings,
)
from shop.kernel.errors import Conflict, NotFound, Refusal, Stale, Unavailable
from shop.kernel.paging import Page

ACTIONS = 100
"""Actions that one DynamoDB transaction holds."""
TRIES = 4
"""How often a write is tried that met another one at the same instant."""
