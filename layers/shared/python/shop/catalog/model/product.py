"""A product and its variants: the product is displayed, its variants are sold.

A product has one of four statuses; :data:`MAY_BECOME` lists the allowed transitions::

    draft ⇄ in_review → published → draft, archived
      └──────────┴──────────────────────────↑  archived → draft

Staff publish a new product after a review. An import may publish directly, because its sender has
reviewed the file. Only the *active* variants of a *published* product are displayed and sold.

Variants are never deleted. A variant that is no longer made is *discontinued*. Its id is never
reused, so a variant id in an old cart keeps its meaning.
"""

from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen
from shop.kernel.money import Money

MAX_PRICE_MARKS = 500
"""Price marks stored with a variant. Directive 98/6/EC, Art. 6a, asks for 30 days of prices."""


class ProductStatus(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    ARCHIVED = "archived"


MAY_BECOME: dict[ProductStatus, frozenset[ProductStatus]] = {
    ProductStatus.DRAFT: frozenset({ProductStatus.IN_REVIEW, ProductStatus.ARCHIVED}),
    ProductStatus.IN_REVIEW: frozenset(
        {ProductStatus.DRAFT, ProductStatus.PUBLISHED, ProductStatus.ARCHIVED}
    ),
    ProductStatus.PUBLISHED: frozenset({ProductStatus.DRAFT, ProductStatus.ARCHIVED}),
    ProductStatus.ARCHIVED: frozenset({ProductStatus.DRAFT}),
}


class VariantStatus(StrEnum):
    ACTIVE = "active"
    DISCONTINUED = "discontinued"


@frozen
class Category:
    """A path in a tree of categories, such as ``"Footwear > Running"``.

    ``taxonomy`` names the tree: the merchant's own or a public one.
    """

    value: str
    taxonomy: str = "merchant"

    @property
    def path(self) -> tuple[str, ...]:
        """Every level down to this one: ``("Footwear", "Footwear > Running")``."""
        steps = [step.strip() for step in self.value.split(">")]
        return tuple(" > ".join(steps[: n + 1]) for n in range(len(steps)))


def category_names(categories: Iterable[Category]) -> tuple[str, ...]:
    """Return the names that match these categories: each as written, and every level above it."""
    return tuple(dict.fromkeys(name for c in categories for name in (*c.path, c.value)))


@frozen
class Media:
    """An ``image``, ``video`` or ``model_3d`` under an absolute http(s) URL."""

    url: str
    type: str = "image"
    alt: str | None = None


@frozen
class Option:
    """A property that a buyer chooses, with its values: Size with S, M, L."""

    name: str
    values: tuple[str, ...]


@frozen
class OptionChoice:
    """One value of one option: Size, M."""

    name: str
    value: str


@frozen
class PriceMark:
    """The price of a variant on sale from ``since`` on, and the list price displayed with it."""

    since: datetime
    price: Money
    list_price: Money | None = None


@frozen(kw_only=True)
class Variant:
    """An article that can be bought. ``sku`` is the key of its stock; ``price`` is for one unit.

    - ``list_price``: the higher price displayed beside ``price`` ("compare at")
    - ``weight_g``: the weight with packaging in grams; ``None`` if unknown
    - ``length_mm``, ``width_mm``, ``height_mm``: the packed size in millimetres
    - ``tax_class``: selects the tax rate (docs/rules/pricing.md, 10)
    - ``price_marks``: all prices at which it was on sale, oldest first. Only
      :func:`with_price_marks` adds to them.
    """

    id: str
    sku: str
    title: str
    price: Money
    list_price: Money | None = None
    choices: tuple[OptionChoice, ...] = ()
    weight_g: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    tax_class: str = "standard"
    barcode: str | None = None
    media: Media | None = None
    status: VariantStatus = VariantStatus.ACTIVE
    price_marks: tuple[PriceMark, ...] = field(default=(), compare=False)


@frozen(kw_only=True)
class Product:
    """A product of the catalog. ``version`` counts its changes and is 0 before the first save.

    ``description`` is plain text; ``html`` is the same text with markup, if it has any. Times are
    UTC. ``source`` is a digest of the product's data in its file: an import skips an equal one.
    """

    id: str
    title: str
    handle: str
    variants: tuple[Variant, ...]
    created_at: datetime
    updated_at: datetime
    description: str = ""
    html: str | None = None
    brand: str | None = None
    categories: tuple[Category, ...] = ()
    tags: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
    options: tuple[Option, ...] = ()
    status: ProductStatus = ProductStatus.DRAFT
    version: int = 0
    source: str | None = None

    @property
    def on_sale(self) -> tuple[Variant, ...]:
        """The variants that a shopper can see and buy; an unpublished product has none."""
        if self.status is not ProductStatus.PUBLISHED:
            return ()
        return tuple(v for v in self.variants if v.status is VariantStatus.ACTIVE)

    @property
    def claimed_skus(self) -> frozenset[str]:
        """The SKUs that belong to this product alone, from its first draft until it is archived."""
        if self.status is ProductStatus.ARCHIVED:
            return frozenset()
        return frozenset(v.sku for v in self.variants if v.status is VariantStatus.ACTIVE)

    @property
    def currency(self) -> str:
        return self.variants[0].price.currency

    def variant(self, variant_id: str) -> Variant | None:
        return next((v for v in self.variants if v.id == variant_id), None)

    def with_status(self, status: ProductStatus, *, at: datetime) -> "Product":
        """Return the product with a new status.

        Raises :class:`Conflict`: ``status_not_allowed`` for a transition outside
        :data:`MAY_BECOME`, ``no_variant`` for publishing without an active variant.
        """
        if status not in MAY_BECOME[self.status]:
            allowed = ", ".join(sorted(MAY_BECOME[self.status]))
            raise Conflict(
                f"The product is {self.status} and cannot become {status}. Choose {allowed}.",
                code="status_not_allowed",
                path="$.status",
            )
        if status is ProductStatus.PUBLISHED and not any(
            v.status is VariantStatus.ACTIVE for v in self.variants
        ):
            raise Conflict(
                "The product has no active variant to sell. Activate one before publishing.",
                code="no_variant",
            )
        return replace(self, status=status, updated_at=at)


def with_price_marks(after: Product, before: Product | None) -> Product:
    """Return the product ``after`` with a mark for each new price of a variant on sale.

    Earlier marks come from ``before``, never from ``after``. So a caller cannot rewrite the price
    history, from which the "lowest price of 30 days" is calculated.
    """
    known = {v.id: v.price_marks for v in before.variants} if before else {}
    on_sale = {v.id for v in after.on_sale}
    variants = []
    for variant in after.variants:
        marks = known.get(variant.id, ())
        last = marks[-1] if marks else None
        current = (variant.price, variant.list_price)
        if variant.id in on_sale and (last is None or (last.price, last.list_price) != current):
            since = after.updated_at
            # Clocks of two Lambdas differ; marks stay in the order in which they were written.
            if last is not None and since <= last.since:
                since = last.since + timedelta(milliseconds=1)
            marks = (*marks, PriceMark(since, *current))[-MAX_PRICE_MARKS:]
        variants.append(
            variant if marks == variant.price_marks else replace(variant, price_marks=marks)
        )
    return replace(after, variants=tuple(variants))


def variant_id(product_id: str, number: int) -> str:
    """Return the id of a product's n-th variant, counted from 1."""
    return f"{product_id}.{number}"


def product_id_from(some_id: str) -> str:
    """Return the product id in a product's or a variant's id: the part before the last dot."""
    head, dot, tail = some_id.rpartition(".")
    return head if dot and tail.isdigit() else some_id
