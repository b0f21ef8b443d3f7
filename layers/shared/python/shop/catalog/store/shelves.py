"""Products by id, their lists, and the changes to them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

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
from shop.catalog.store.changes import GRACE, Change, Kept, Refused
from shop.catalog.store.rows import REINDEX, CatalogRow, key_of, product_from
from shop.kernel.errors import Conflict, NotFound, Problem, Refusal, Stale
from shop.kernel.paging import Page
from shop.storage.ahead import Sought, many

AT_ONCE = 50
"""Products that a bulk change reads at a time."""
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
        found = (product_from(row) for row in many(CatalogRow, keys))
        return {product.id: product for product in found}

    def sought(self, variant_ids: Iterable[str]) -> Sought:
        """What :meth:`variants` will read."""
        products = dict.fromkeys(product_of(variant_id) for variant_id in variant_ids)
        return Sought(CatalogRow, tuple(key_of(product_id) for product_id in products))

    def variants(self, variant_ids: Iterable[str]) -> dict[str, tuple[Product, Variant]]:
        wanted = set(variant_ids)
        products = self.products({product_of(v) for v in wanted})
        return {
            variant.id: (product, variant)
            for product in products.values()
            for variant in product.on_sale
            if variant.id in wanted
        }

    def has_category(self, category: str) -> bool:
        return lists.has_category(category)

    def search(self, search: Search, *, limit: int, cursor: str | None = None) -> Page[Card]:
        return lists.search(search, limit=limit, cursor=cursor)

    def listed(
        self, *, status: Status | None = None, limit: int, cursor: str | None = None
    ) -> Page[Card]:
        return lists.listed(status, limit=limit, cursor=cursor)

    def save(self, product: Product, *, expected_version: int) -> Product:
        change = _change(product, changes.kept([product.id])[product.id])
        if change.before.version != expected_version:
            raise _refusal(product, expected_version)
        if refused := changes.write(change):
            raise _refusal(product, expected_version, refused)
        return change.product

    def seller(self, sku: str) -> str | None:
        claim = changes.sellers([sku]).get(sku)
        return str(claim.owner) if claim else None

    def save_many(self, products: Sequence[Product]) -> dict[str, Refusal]:
        refused: dict[str, Refusal] = {}
        for some in (products[n : n + AT_ONCE] for n in range(0, len(products), AT_ONCE)):
            before = changes.kept(p.id for p in some)
            begun: list[Change] = []
            for product in some:
                if before[product.id].version == product.version:
                    begun.append(_change(product, before[product.id]))
                else:
                    refused[product.id] = _refusal(product, product.version)
            for part in _sized(begun):
                for change, why in zip(part, changes.write_many(part), strict=True):
                    if why is not None:
                        version = change.before.version
                        refused[change.product.id] = _refusal(change.product, version, why)
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
    """Cut into parts that a transaction holds, and that touch no SKU twice."""
    part: list[Change] = []
    skus: set[str] = set()
    size = actions = 0
    for change in all_changes:
        its_skus = {*change.claimed, *change.given_up}
        too_much = size + change.size > BYTES_AT_ONCE or actions + change.actions > changes.ACTIONS
        if part and (too_much or its_skus & skus):
            yield part
            part, skus, size, actions = [], set(), 0, 0
        part.append(change)
        skus |= its_skus
        size += change.size
        actions += change.actions
    if part:
        yield part


def _refusal(product: Product, expected_version: int, why: Refused | None = None) -> Refusal:
    if why is not None and why.skus:
        places = {v.sku: n for n, v in enumerate(product.variants)}
        problems = [
            Problem(
                "sku_taken",
                f"SKU {sku} is sold by product {owner} already"
                if owner
                else f"SKU {sku} was another product's just now; try again",
                f"$.variants[{places[sku]}].sku",
            )
            for sku, owner in why.skus.items()
        ]
        detail = problems[0].detail
        return Conflict(detail, code="sku_taken", problems=problems[:50])
    if expected_version == 0:
        there = f"there is a product {product.id} already"
        return Conflict(there, code="id_taken", path="$.id")
    return Stale(f"product {product.id} is not at version {expected_version}; read it again")
