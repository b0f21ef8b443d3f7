"""The catalog in memory. It behaves like the catalog table and passes the port tests."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shop.catalog.model import (
    Product,
    ProductCard,
    ProductStatus,
    Search,
    Variant,
    product_card,
    product_id_from,
    product_postings,
    with_price_marks,
)
from shop.catalog.model.product import category_names
from shop.catalog.model.search_index import categories_of, ranked_words
from shop.kernel.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    Problem,
    ShopError,
    VersionConflict,
)
from shop.kernel.pagination import Page, from_cursor, to_cursor


class MemoryProductCatalog:
    """Implements both catalog ports over a dictionary.

    The search compares every product. Its order is that of the search index.
    """

    def __init__(self, *products: Product) -> None:
        self._products = {p.id: replace(p, version=p.version or 1) for p in products}

    def get(self, product_id: str) -> Product:
        if product_id not in self._products:
            raise NotFound(f"Product {product_id} does not exist.")
        return self._products[product_id]

    def get_many(
        self, product_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, Product]:
        return {i: self._products[i] for i in set(product_ids) if i in self._products}

    def get_variants(
        self, variant_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, tuple[Product, Variant]]:
        found: dict[str, tuple[Product, Variant]] = {}
        for variant_id in set(variant_ids):
            product = self._products.get(product_id_from(variant_id))
            variant = product.variant(variant_id) if product else None
            if product and variant and variant in product.on_sale:
                found[variant_id] = product, variant
        return found

    def has_category(self, category: str) -> bool:
        on_sale = [p for p in self._products.values() if p.on_sale]
        return any(category in category_names(p.categories) for p in on_sale)

    def save(self, product: Product, *, expected_version: int) -> Product:
        before = self._products.get(product.id)
        if (before.version if before else 0) != expected_version:
            if expected_version == 0:
                raise Conflict(
                    f"Product {product.id} already exists. Choose another id.", code="id_taken"
                )
            raise VersionConflict(f"Product {product.id} is not at version {expected_version}.")
        problems = [
            Problem(
                "sku_taken",
                f"Product {self.product_id_for(v.sku)} already sells SKU {v.sku}."
                " Choose another SKU.",
                f"$.variants[{n}].sku",
            )
            for n, v in enumerate(product.variants)
            if v.sku in product.claimed_skus
            and self.product_id_for(v.sku) not in (None, product.id)
        ]
        if problems:
            raise Conflict(problems[0].detail, code="sku_taken", problems=problems)
        saved = with_price_marks(replace(product, version=expected_version + 1), before)
        self._products[product.id] = saved
        return self._products[product.id]

    def product_id_for(self, sku: str) -> str | None:
        return next((p.id for p in self._products.values() if sku in p.claimed_skus), None)

    def save_many(self, products: Sequence[Product]) -> dict[str, ShopError]:
        errors: dict[str, ShopError] = {}
        for product in products:
            try:
                self.save(product, expected_version=product.version)
            except Conflict as error:
                errors[product.id] = error
        return errors

    def list_by_status(
        self, *, status: ProductStatus | None = None, limit: int, cursor: str | None = None
    ) -> Page[ProductCard]:
        listed = (p for p in self._products.values() if status in (None, p.status))
        postings = {
            p.id: min(x for x in product_postings(p) if x.heading.startswith("ALL#"))
            for p in listed
        }
        ordered = sorted(postings, key=lambda i: (postings[i].heading, postings[i].sort_key))
        return self._page(ordered, limit, cursor, f"listed {status}")

    def search(self, search: Search, *, limit: int, cursor: str | None = None) -> Page[ProductCard]:
        ordered: list[str] = []
        for n, heading in enumerate(search.headings):
            keys_and_ids = sorted(
                (posting.sort_key, p.id)
                for p in self._products.values()
                if p.on_sale
                for posting in product_postings(p)
                if posting.heading == heading
            )
            words = search.readings[n] if search.readings else ()
            ordered += [
                i
                for _, i in keys_and_ids
                if i not in ordered and _matches(self._products[i], words, search)
            ]
        return self._page(ordered, limit, cursor, search.fingerprint)

    def _page(
        self, ids: list[str], limit: int, cursor: str | None, query: str
    ) -> Page[ProductCard]:
        key = from_cursor(cursor, path="$.pagination.cursor")
        if key is None:
            key = {"q": query, "n": 0}
        if key.get("q") != query or not isinstance(key.get("n"), int):
            raise InvalidRequest(
                "The cursor is invalid. Use the cursor of the previous page unchanged.",
                code="cursor_invalid",
            )
        start: int = key["n"]
        end = start + limit
        cards = tuple(product_card(self._products[i]) for i in ids[start:end])
        return Page(cards, to_cursor({"q": query, "n": end}) if end < len(ids) else None)


def _matches(product: Product, words: Sequence[str], search: Search) -> bool:
    card, indexed, categories = product_card(product), ranked_words(product), categories_of(product)
    return (
        all(word in indexed for word in words)
        and (not search.categories or any(c in categories for c in search.categories))
        and (search.price is None or not search.price.overlaps(card) or search.price.contains(card))
    )
