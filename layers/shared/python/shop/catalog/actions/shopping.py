"""Finding, looking up and choosing: what shoppers and their agents do."""

from collections.abc import Sequence

from shop.catalog.model import (
    Card,
    Filter,
    PriceBand,
    Product,
    Resolved,
    Variant,
    product_of,
    resolve,
    search_for,
)
from shop.catalog.ports import Catalogue, SearchIndex
from shop.kernel.errors import NotFound
from shop.kernel.frozen import frozen
from shop.kernel.paging import Page


@frozen(slots=False)
class Found:
    """A page of cards; ``unfiltered``: some could not be compared with the price asked for."""

    page: Page[Card]
    unfiltered: bool = False


def find_products(
    text: str | None,
    *,
    index: SearchIndex,
    categories: Sequence[str] = (),
    price: PriceBand | None = None,
    limit: int,
    cursor: str | None = None,
) -> Found:
    """Find published products by words, categories and price.

    Text without a word that counts ("the !") finds nothing, instead of everything.
    """
    search = search_for(text, categories=categories, price=price)
    if text is not None and not search.words:
        return Found(Page(()))
    page = index.search(search, limit=limit, cursor=cursor)
    return Found(page, price is not None and not all(price.speaks_of(c) for c in page.items))


def look_up(
    ids: Sequence[str], *, catalogue: Catalogue, wanted: Filter
) -> tuple[tuple[Resolved, ...], tuple[str, ...]]:
    """Resolve ids of products and variants, in one read; with those that nothing on sale has."""
    products = catalogue.products({product_of(i) for i in ids})
    return resolve(ids, products, wanted)


@frozen(slots=False)
class Shown:
    """A product on sale, the variant asked for, if one was, and those that a filter leaves."""

    product: Product
    variant: Variant | None
    left: tuple[Variant, ...]


def show(some_id: str, *, catalogue: Catalogue, wanted: Filter) -> Shown:
    """One product on sale by its own or a variant's id. Raises :class:`NotFound`."""
    product = catalogue.products([product_of(some_id)]).get(product_of(some_id))
    variant = product.variant(some_id) if product else None
    if product is None or not product.on_sale or (some_id != product.id and variant is None):
        raise NotFound(f"nothing on sale has the id {some_id}", path="$.id")
    if variant is not None and variant not in product.on_sale:
        raise NotFound(f"variant {some_id} is no longer sold", path="$.id")
    left = wanted.left_of(product)
    if not left or (variant is not None and variant not in left):
        raise NotFound(
            f"{some_id} is sold, but not within these filters",
            code="filtered_out",
            path="$.filters",
        )
    return Shown(product, variant, left)
