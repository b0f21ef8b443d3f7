"""Repository of products and search index on DynamoDB."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shop.catalog.model import (
    Product,
    ProductCard,
    ProductStatus,
    Search,
    Variant,
    product_id_from,
    product_postings,
    with_price_marks,
)
from shop.catalog.store import product_writes
from shop.catalog.store import search as search_index
from shop.catalog.store.product_writes import (
    ABANDONED_AFTER,
    ProductWrite,
    StoredProduct,
    WriteConflict,
)
from shop.catalog.store.rows import (
    REINDEX,
    CatalogRow,
    load_rebuild,
    product_from_row,
    product_key,
    save_rebuild,
)
from shop.kernel.errors import (
    Conflict,
    Contention,
    NotFound,
    Problem,
    ShopError,
    VersionConflict,
)
from shop.kernel.pagination import Page
from shop.storage.prefetch import ReadSet, get_many

BULK_READ_SIZE = 50
"""Products that an import reads and writes at a time."""
MAX_TRANSACTION_BYTES = 3_000_000
"""Bytes of an import's transaction; DynamoDB accepts 4 MB."""
REBUILD_SECONDS = 30
"""Time that one run of :meth:`DynamoProductCatalog.rebuild_index` takes; its Lambda has 60."""


class DynamoProductCatalog:
    """The catalog and its search index in DynamoDB."""

    def get(self, product_id: str) -> Product:
        try:
            return product_from_row(CatalogRow.get(*product_key(product_id)))
        except CatalogRow.DoesNotExist:
            raise NotFound(f"Product {product_id} does not exist. Check the id.") from None

    def get_many(
        self, product_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, Product]:
        keys = {product_key(product_id) for product_id in product_ids}
        rows = get_many(CatalogRow, keys, consistent=consistent)
        return {product.id: product for product in map(product_from_row, rows)}

    def read_set(self, variant_ids: Iterable[str]) -> ReadSet:
        """Return the keys that :meth:`get_variants` reads, for prefetching."""
        products = dict.fromkeys(product_id_from(variant_id) for variant_id in variant_ids)
        return ReadSet(CatalogRow, tuple(product_key(product_id) for product_id in products))

    def get_variants(
        self, variant_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, tuple[Product, Variant]]:
        ids = set(variant_ids)
        products = self.get_many({product_id_from(v) for v in ids}, consistent=consistent)
        return {
            variant.id: (product, variant)
            for product in products.values()
            for variant in product.on_sale
            if variant.id in ids
        }

    def has_category(self, category: str) -> bool:
        return search_index.has_category(category)

    def search(self, search: Search, *, limit: int, cursor: str | None = None) -> Page[ProductCard]:
        return search_index.search_postings(search, limit=limit, cursor=cursor)

    def list_by_status(
        self, *, status: ProductStatus | None = None, limit: int, cursor: str | None = None
    ) -> Page[ProductCard]:
        return search_index.list_cards(status, limit=limit, cursor=cursor)

    def save(self, product: Product, *, expected_version: int) -> Product:
        change = _change(product, product_writes.load_products([product.id])[product.id])
        if change.stored.version != expected_version:
            raise _write_error(product, expected_version)
        if conflict := product_writes.write_product(change):
            raise _write_error(product, expected_version, conflict)
        return change.product

    def product_id_for(self, sku: str) -> str | None:
        claim = product_writes.load_sku_claims([sku]).get(sku)
        return str(claim.owner) if claim else None

    def save_many(self, products: Sequence[Product]) -> dict[str, ShopError]:
        errors: dict[str, ShopError] = {}
        for chunk in (
            products[n : n + BULK_READ_SIZE] for n in range(0, len(products), BULK_READ_SIZE)
        ):
            before = product_writes.load_products(p.id for p in chunk)
            writes: list[ProductWrite] = []
            for product in chunk:
                if before[product.id].version == product.version:
                    writes.append(_change(product, before[product.id]))
                else:
                    errors[product.id] = _write_error(product, product.version)
            for batch in _batches(writes):
                for change, conflict in zip(
                    batch, product_writes.write_products(batch), strict=True
                ):
                    if conflict is not None:
                        version = change.stored.version
                        errors[change.product.id] = _write_error(change.product, version, conflict)
        return errors

    def rebuild_index(self, *, seconds: float = REBUILD_SECONDS) -> int:
        """Rewrite postings of an older ``INDEX_VERSION``; return the number of products.

        A run ends after about ``seconds`` and the next one continues. Each product is written as a
        new version: another writer of the product then fails instead of leaving old postings.
        """
        position = load_rebuild()
        started = time.monotonic()
        written = 0
        while position is not None and time.monotonic() - started < seconds:
            ids, following = search_index.list_product_ids(position, limit=BULK_READ_SIZE)
            stored = product_writes.load_products(ids)
            old = [product for each in stored.values() if (product := _outdated(each)) is not None]
            errors = self.save_many(old)
            written += len(old) - len(errors)
            save_rebuild(following)
            position = following
        return written

    def finish_reindexing(self, *, at: datetime, limit: int = 100) -> int:
        """Finish the unfinished changes of crashed writers and return their number.

        Concurrent runs are safe: every write is conditional on the product's version. Changes
        younger than :data:`ABANDONED_AFTER` are left to their writer, which may still be running.
        """
        oldest = int((at - ABANDONED_AFTER).timestamp())
        rows = CatalogRow.query(
            REINDEX,
            filter_condition=CatalogRow.since <= oldest,
            consistent_read=True,
            limit=limit,
            page_size=limit,
        )
        finished = 0
        for before in product_writes.load_products(row.SK for row in rows).values():
            if before.row and before.reindex and before.reindex.since <= oldest:
                product_writes.finish_reindex(before, product_from_row(before.row))
                finished += 1
        return finished


def _outdated(stored: StoredProduct) -> Product | None:
    """Return a product whose postings differ from those that it would get today."""
    if stored.row is None:
        return None
    product = product_from_row(stored.row)
    return None if stored.postings == set(product_postings(product)) else product


def _change(product: Product, before: StoredProduct) -> ProductWrite:
    old_product = product_from_row(before.row) if before.row else None
    saved = with_price_marks(replace(product, version=before.version + 1), old_product)
    return ProductWrite(saved, product_postings(saved), before)


def _batches(all_changes: Sequence[ProductWrite]) -> Iterable[list[ProductWrite]]:
    """Split into batches that fit a transaction and touch no SKU twice.

    DynamoDB rejects a transaction with two actions on one item, and a SKU may move from one
    product to another within a file.
    """
    batch: list[ProductWrite] = []
    skus: set[str] = set()
    size = actions = 0
    for change in all_changes:
        touched_skus = {*change.claimed_skus, *change.released_skus}
        is_full = (
            size + change.size > MAX_TRANSACTION_BYTES
            or actions + change.actions > product_writes.MAX_ACTIONS_PER_TRANSACTION
        )
        if batch and (is_full or touched_skus & skus):
            yield batch
            batch, skus, size, actions = [], set(), 0, 0
        batch.append(change)
        skus |= touched_skus
        size += change.size
        actions += change.actions
    if batch:
        yield batch


def _write_error(
    product: Product, expected_version: int, conflict: WriteConflict | None = None
) -> ShopError:
    if conflict is not None and conflict.skus:
        positions = {v.sku: n for n, v in enumerate(product.variants)}
        problems = [
            Problem(
                "sku_taken",
                f"Product {owner} already sells SKU {sku}. Choose another SKU.",
                f"$.variants[{positions[sku]}].sku",
            )
            for sku, owner in conflict.skus.items()
            if owner
        ]
        if not problems:
            released = ", ".join(conflict.skus)
            return Contention(f"Another product has just released the SKU {released}. Try again.")
        return Conflict(problems[0].detail, code="sku_taken", problems=problems[:50])
    if expected_version == 0:
        detail = f"Product {product.id} already exists. Choose another id."
        return Conflict(detail, code="id_taken", path="$.id")
    return VersionConflict(
        f"Product {product.id} is not at version {expected_version}."
        " Read it again and repeat the change."
    )
