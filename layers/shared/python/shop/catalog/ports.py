"""What the catalogue needs from the world: shelves to keep products on, an index to find them."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from shop.catalog.model import Product, ProductCard, ProductStatus, Search, Variant
from shop.kernel.errors import ShopError
from shop.kernel.pagination import Page


class ProductCatalog(Protocol):
    """The shop's products, by id."""

    def get(self, product_id: str) -> Product:
        """One product, whatever its status. Raises ``NotFound``."""

    def get_many(self, product_ids: Iterable[str]) -> dict[str, Product]:
        """Those of the products that exist, whatever their status, in one read per 100."""

    def get_variants(self, variant_ids: Iterable[str]) -> dict[str, tuple[Product, Variant]]:
        """Those of the variants that are *on sale*, and their products; one read per 100 products.

        A variant that does not exist, is discontinued, or whose product is not published is not
        in the answer: a basket cannot sell it even by mistake.
        """

    def has_category(self, category: str) -> bool:
        """Whether something on sale is in that category, or in one below it, spelled just so."""

    def save(self, product: Product, *, expected_version: int) -> Product:
        """Keep a product as version ``expected_version + 1`` and list it under its words.

        ``expected_version`` is 0 for one that must not exist yet. Raises ``Stale`` where somebody
        else changed it meanwhile, ``Conflict`` (``id_taken``) where a new one's id is in use, and
        ``Conflict`` (``sku_taken``) naming each of its SKUs that another product sells.
        """

    def product_id_for(self, sku: str) -> str | None:
        """The id of the product whose SKU it is, on sale or not yet; ``None`` for nobody's."""

    def save_many(self, products: Sequence[Product]) -> dict[str, ShopError]:
        """Keep many products, each expected at its own ``version``; those refused, and why.

        For imports: the lists may lag behind the products for the moments that it takes.
        """

    def list_by_status(
        self, *, status: ProductStatus | None = None, limit: int, cursor: str | None = None
    ) -> Page[ProductCard]:
        """All products, also unpublished ones, by status and id: the shopkeeper's list."""


class SearchIndex(Protocol):
    """Finds published products. A search engine can take this over: it is told of every change by
    whoever fills it, and answers with cards."""

    def search(self, search: Search, *, limit: int, cursor: str | None = None) -> Page[ProductCard]:
        """Products that match, best first, at most ``limit``.

        A page may hold fewer than ``limit`` although more follow: then it has a cursor. Raises
        ``Invalid`` (``cursor_invalid``) for the cursor of another question.
        """
