"""The index of SKUs with back-order terms: one row each, beside the terms themselves."""

import os
from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from shop.inventory.model import StockKey
from shop.kernel.unit_of_work import WriteOperation
from shop.storage.connection import Row

TERMS_PARTITION = "TERMS"


class TermsRow(Row):
    """``TERMS``/``<location>#<sku>``: the level had back-order terms at least once."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


def index_terms_op(sku: str, location: str) -> WriteOperation:
    """Return the write that adds a level to :func:`list_with_terms`; it may be repeated."""

    def add(transaction: Any) -> None:
        transaction.save(TermsRow(TERMS_PARTITION, f"{location}#{sku}"))

    return add


def list_with_terms() -> Sequence[StockKey]:
    """Return every SKU and location that ever had terms."""
    keys = []
    for row in TermsRow.query(TERMS_PARTITION, consistent_read=True):
        location, _, sku = row.sk.partition("#")
        keys.append((sku, location))
    return keys
