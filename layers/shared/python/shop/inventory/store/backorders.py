"""Which SKUs are sold beyond what is here: a row for each, beside its terms, to find them by."""

import os
from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from shop.kernel.unit_of_work import WriteOperation
from shop.storage.connection import Row

TERMS_PARTITION = "TERMS"


class TermsRow(Row):
    """``TERMS``/``<location>#<sku>``: staff set terms for this SKU at this location once."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


def index_terms_op(sku: str, location: str) -> WriteOperation:
    """A part that makes the SKU one of :func:`with_terms`. Twice is once."""

    def add(writes: Any) -> None:
        writes.save(TermsRow(TERMS_PARTITION, f"{location}#{sku}"))

    return add


def list_with_terms() -> Sequence[tuple[str, str]]:
    """Every SKU and location that ever had terms."""
    found = []
    for row in TermsRow.query(TERMS_PARTITION, consistent_read=True):
        location, _, sku = row.sk.partition("#")
        found.append((sku, location))
    return found
