"""Storefront use cases: search, lookup and product detail."""

from collections.abc import Sequence

from shop.catalog.model import (
    PriceBand,
    Product,
    ProductCard,
    ResolvedProduct,
    Variant,
    VariantFilter,
    build_search,
    product_id_from,
    resolve_ids,
)
from shop.catalog.ports import ProductCatalog, SearchIndex
from shop.kernel.errors import NotFound
from shop.kernel.frozen import frozen
from shop.kernel.pagination import Page


@frozen(slots=False)
class SearchPage:
    """A page of cards.

    ``unfiltered`` states that some products are priced in another currency than the filter.
    """

    page: Page[ProductCard]
    unfiltered: bool = False


def search_products(
    text: str | None,
    *,
    index: SearchIndex,
    categories: Sequence[str] = (),
    price: PriceBand | None = None,
    limit: int,
    cursor: str | None = None,
) -> SearchPage:
    """Search published products by words, categories and price.

    Text that consists of stop words and punctuation ("the !") has no result.
    """
    search = build_search(text, categories=categories, price=price)
    if text is not None and not search.words:
        return SearchPage(Page(()))
    page = index.search(search, limit=limit, cursor=cursor)
    return SearchPage(page, price is not None and not all(price.overlaps(c) for c in page.items))


def lookup_products(
    ids: Sequence[str], *, catalog: ProductCatalog, variant_filter: VariantFilter
) -> tuple[tuple[ResolvedProduct, ...], tuple[str, ...]]:
    """Resolve ids of products and variants in one read; the second result has the unknown ids."""
    products = catalog.get_many({product_id_from(i) for i in ids})
    return resolve_ids(ids, products, variant_filter)


@frozen(slots=False)
class ProductResult:
    """A product on sale, the variant that was requested by id, and the variants that match."""

    product: Product
    variant: Variant | None
    variants: tuple[Variant, ...]


def get_product(
    some_id: str, *, catalog: ProductCatalog, variant_filter: VariantFilter
) -> ProductResult:
    """Return a product on sale by its own or a variant's id.

    Raises :class:`NotFound`; its code is ``filtered_out`` if only the filter excludes the product.
    """
    product = catalog.get_many([product_id_from(some_id)]).get(product_id_from(some_id))
    variant = product.variant(some_id) if product else None
    if product is None or not product.on_sale or (some_id != product.id and variant is None):
        raise NotFound(
            f"No product or variant on sale has the id {some_id}. Check the id.", path="$.id"
        )
    if variant is not None and variant not in product.on_sale:
        raise NotFound(f"Variant {some_id} is discontinued. Choose another variant.", path="$.id")
    variants = variant_filter.matching_variants(product)
    if not variants or (variant is not None and variant not in variants):
        raise NotFound(
            f"{some_id} is on sale but does not match the filters. Change the filters.",
            code="filtered_out",
            path="$.filters",
        )
    return ProductResult(product, variant, variants)
