"""Ports of the catalog: products, the search index, and the stock of an import.

:mod:`.import_jobs` is imported from its module: only imports of large files need it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shop.catalog.model import Product, ProductCard, ProductStatus, Search, Variant
from shop.kernel.errors import ShopError
from shop.kernel.pagination import Page


class ProductCatalog(Protocol):
    """Repository of products by id."""

    def get(self, product_id: str) -> Product:
        """Return one product of any status. Raises ``NotFound``."""

    def get_many(
        self, product_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, Product]:
        """Return those of the products that exist, of any status; one read per 100."""

    def get_variants(
        self, variant_ids: Iterable[str], *, consistent: bool = False
    ) -> dict[str, tuple[Product, Variant]]:
        """Return the variants that are *on sale*, with their products; one read per 100 products.

        ``consistent`` reads the products as last written; otherwise the state may lag.

        The result omits missing and discontinued variants, and those of unpublished products, so a
        cart cannot sell them by mistake.
        """

    def has_category(self, category: str) -> bool:
        """Return whether a product on sale is in or below the category, in this exact spelling."""

    def save(self, product: Product, *, expected_version: int) -> Product:
        """Store a product as version ``expected_version + 1`` and update its postings.

        ``expected_version`` is 0 for a new product. Raises:

        - ``VersionConflict`` if the stored version differs;
        - ``Conflict`` (``id_taken``) if the id of a new product exists;
        - ``Conflict`` (``sku_taken``) with each SKU that another product sells;
        - ``Contention`` if another product released a SKU during the call.
        """

    def product_id_for(self, sku: str) -> str | None:
        """Return the id of the product that claims the SKU, on sale or not, or ``None``."""

    def save_many(self, products: Sequence[Product]) -> dict[str, ShopError]:
        """Store many products, each expected at its own ``version``; return the errors by id.

        For imports: postings may lag behind the products while the call runs.
        """

    def list_by_status(
        self, *, status: ProductStatus | None = None, limit: int, cursor: str | None = None
    ) -> Page[ProductCard]:
        """Return a page of all products, unpublished ones too, by status and id, for staff."""


class SearchIndex(Protocol):
    """Search over published products.

    A search engine can implement it: it needs the product changes, and returns cards.
    """

    def search(self, search: Search, *, limit: int, cursor: str | None = None) -> Page[ProductCard]:
        """Return at most ``limit`` matching products, best first.

        A page with a cursor may hold fewer than ``limit``. Raises ``InvalidRequest``
        (``cursor_invalid``) for the cursor of another query.
        """


class OpeningStock(Protocol):
    """The first counts of imported products."""

    def create_levels(
        self,
        counts: Mapping[str, int],
        *,
        actor: str,
        reason: str,
        at: datetime,
        earlier: frozenset[datetime] = frozenset(),
    ) -> frozenset[str]:
        """Create the stock of the SKUs without any; return those of them that have it now.

        ``earlier`` are the instants of interrupted calls with the same counts: a SKU whose stock
        such a call created is returned, too.
        """
