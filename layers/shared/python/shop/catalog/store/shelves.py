"""Products by id, their lists, and the changes to them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shop.catalog.model import (
    Card,
    Product,
    Search,
    Status,
    Variant,
    postings_of,
    product_of,
    with_prices_noted,
)
from shop.catalog.store import changes, lists
from shop.catalog.store.changes import Change, Kept
from shop.catalog.store.rows import REINDEX, CatalogRow, key_of, product_from
from shop.kernel.errors import Conflict, NotFound, Refusal, Stale
from shop.kernel.paging import Page

GRACE = timedelta(minutes=15)
"""How old an unfinished change is before it counts as abandoned; a Lambda lives no longer."""
AT_ONCE = 50
"""Products that a bulk change begins in one transaction."""
BYTES_AT_ONCE = 3_000_000
"""And bytes, of the 4 MB that a transaction holds."""


class DynamoCatalogue:
    """The catalogue and its search index in DynamoDB."""

    def product(self, product_id: str) -> Product:
        try:
            return product_from(CatalogRow.get(*key_of(product_id)))
        except CatalogRow.DoesNotExist:
            raise NotFound(f"there is no product {product_id}") from None

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        keys = {key_of(product_id) for product_id in product_ids}
        found = (product_from(row) for row in CatalogRow.batch_get(keys))
        return {product.id: product for product in found}

    def variants(self, variant_ids: Iterable[str]) -> dict[str, tuple[Product, Variant]]:
        wanted = set(variant_ids)
        products = self.products({product_of(v) for v in wanted})
        return {
            variant.id: (product, variant)
            for product in products.values()
            for variant in product.on_sale
            if variant.id in wanted
        }

    def search(self, search: Search, *, limit: int, cursor: str | None = None) -> Page[Card]:
        return lists.search(search, limit=limit, cursor=cursor)

    def listed(
        self, *, status: Status | None = None, limit: int, cursor: str | None = None
    ) -> Page[Card]:
        return lists.listed(status, limit=limit, cursor=cursor)

    def save(self, product: Product, *, expected_version: int) -> Product:
        change = _change(product, changes.kept([product.id])[product.id])
        if change.before.version != expected_version or not changes.write(change):
            raise _refusal(product.id, expected_version)
        return change.product

    def save_many(self, products: Sequence[Product]) -> dict[str, Refusal]:
        refused: dict[str, Refusal] = {}
        for some in (products[n : n + AT_ONCE] for n in range(0, len(products), AT_ONCE)):
            before = changes.kept(p.id for p in some)
            begun: list[Change] = []
            for product in some:
                if before[product.id].version == product.version:
                    begun.append(_change(product, before[product.id]))
                else:
                    refused[product.id] = _refusal(product.id, product.version)
            for part in _sized(begun):
                for change, done in zip(part, changes.write_many(part), strict=True):
                    if not done:
                        product_id = change.product.id
                        refused[product_id] = _refusal(product_id, change.before.version)
        return refused

    def mend(self, *, at: datetime, limit: int = 100) -> int:
        """Finish changes that a crash left unfinished; how many. May run twice at once."""
        oldest = int((at - GRACE).timestamp())
        rows = CatalogRow.query(
            REINDEX,
            filter_condition=CatalogRow.since <= oldest,
            consistent_read=True,
            limit=limit,
            page_size=limit,
        )
        mended = 0
        for before in changes.kept(row.SK for row in rows).values():
            if before.row and before.reindex and before.reindex.since <= oldest:
                changes.mend(before, product_from(before.row))
                mended += 1
        return mended


def _change(product: Product, before: Kept) -> Change:
    was = product_from(before.row) if before.row else None
    saved = with_prices_noted(replace(product, version=before.version + 1), was)
    return Change(saved, postings_of(saved), before)


def _sized(all_changes: Sequence[Change]) -> Iterable[list[Change]]:
    part: list[Change] = []
    size = 0
    for change in all_changes:
        if part and size + change.size > BYTES_AT_ONCE:
            yield part
            part, size = [], 0
        part.append(change)
        size += change.size
    if part:
        yield part


def _refusal(product_id: str, expected_version: int) -> Refusal:
    if expected_version == 0:
        return Conflict(f"there is a product {product_id} already", code="id_taken", path="$.id")
    return Stale(f"product {product_id} is not at version {expected_version}; read it again")
