"""Set the tax class of many products: by ids, category or tag."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from datetime import datetime

from shop.catalog.actions.product_admin import list_products
from shop.catalog.model import Product, VariantStatus
from shop.catalog.model.search_index import categories_of, folded_category
from shop.catalog.ports import ProductCatalog
from shop.kernel.errors import Contention, InvalidRequest, NotFound, ShopError, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import fold

MAX_PRODUCTS_READ = 200
"""Products that one call reads in a selection by category or tag; a cursor continues it."""
_PRODUCTS_PER_READ = 50
_ATTEMPTS = 3
"""Writes of a product that another staff user changes at the same moment."""


@frozen(slots=False, kw_only=True)
class SelectedProducts:
    """Products by id with the version that was read, if any; or all of a category or tag."""

    versions: tuple[tuple[str, int | None], ...] = ()
    category: str | None = None
    tag: str | None = None

    def contains(self, product: Product) -> bool:
        if self.category is not None:
            return folded_category(self.category) in categories_of(product)
        return self.tag is not None and fold(self.tag) in map(fold, product.tags)


@frozen(slots=False)
class TaxClassChange:
    """The products that a call changed, the number of those that had the class, and what follows.

    ``cursor`` continues a selection of which the call has not read all products.
    """

    changed: tuple[str, ...]
    unchanged: int
    cursor: str | None = None


def set_tax_class(
    selection: SelectedProducts,
    tax_class: str,
    *,
    from_class: str | None,
    tax_classes: Set[str],
    catalog: ProductCatalog,
    at: datetime,
    cursor: str | None = None,
) -> TaxClassChange:
    """Set the class of all active variants of the selected products, or of those of one class.

    A repeated call changes nothing. Each product is written at the version that was read, so no
    other change is lost. Raises :class:`InvalidRequest` (``tax_class_unknown``),
    :class:`NotFound`, :class:`VersionConflict`, all before the first write; and
    :class:`Contention`, after which the call can be repeated.
    """
    if tax_class not in tax_classes:
        raise InvalidRequest(
            f"Must be one of {', '.join(sorted(tax_classes))}, not {tax_class!r}. Choose one, or"
            " add rates of this class.",
            code="tax_class_unknown",
            path="$.tax_class",
        )

    def with_class(product: Product) -> Product:
        return _with_class(product, tax_class, from_class, at)

    if selection.versions:
        return _change(_named(selection.versions, catalog), with_class, catalog)
    found, following = _selected(selection, catalog, cursor)
    return replace(_change(found, with_class, catalog), cursor=following)


def _named(versions: Sequence[tuple[str, int | None]], catalog: ProductCatalog) -> list[Product]:
    stored = catalog.get_many((id_ for id_, _ in versions), consistent=True)
    for id_, version in versions:
        if id_ not in stored:
            raise NotFound(f"Product {id_} does not exist. Nothing was changed. Check the id.")
        if version is not None and stored[id_].version != version:
            raise VersionConflict(
                f"Product {id_} is not at version {version}. Nothing was changed. Read it again and"
                " repeat the change."
            )
    return list(stored.values())


def _selected(
    selection: SelectedProducts, catalog: ProductCatalog, cursor: str | None
) -> tuple[list[Product], str | None]:
    """Return the selected ones of the next products, and the cursor of the others."""
    found: list[Product] = []
    for _ in range(MAX_PRODUCTS_READ // _PRODUCTS_PER_READ):
        page = list_products(catalog=catalog, status=None, limit=_PRODUCTS_PER_READ, cursor=cursor)
        stored = catalog.get_many((card.product_id for card in page.items), consistent=True)
        found += filter(selection.contains, stored.values())
        cursor = page.cursor
        if cursor is None:
            break
    return found, cursor


def _change(
    products: Iterable[Product], with_class: Callable[[Product], Product], catalog: ProductCatalog
) -> TaxClassChange:
    found = list(products)
    pending = [new for old in found if (new := with_class(old)) is not old]
    changed: list[str] = []
    errors: dict[str, ShopError] = {}
    for _ in range(_ATTEMPTS):
        errors = catalog.save_many(pending)
        changed += [product.id for product in pending if product.id not in errors]
        if not errors:
            break
        again = catalog.get_many(errors, consistent=True).values()
        pending = [new for old in again if (new := with_class(old)) is not old]
    if errors:
        ids = ", ".join(sorted(errors))
        raise Contention(f"Products change at this moment: {ids}. Repeat the request.")
    return TaxClassChange(tuple(sorted(changed)), len(found) - len(changed))


def _with_class(product: Product, tax_class: str, from_class: str | None, at: datetime) -> Product:
    """Return the product with the class, the same object if it changes nothing."""
    variants = tuple(
        replace(variant, tax_class=tax_class)
        if variant.status is VariantStatus.ACTIVE
        and variant.tax_class != tax_class
        and from_class in (None, variant.tax_class)
        else variant
        for variant in product.variants
    )
    if variants == product.variants:
        return product
    return replace(product, variants=variants, updated_at=at)
