"""A product and its variants: the thing shown, and the things that can be put in a basket.

A product lives through four states::

    draft ⇄ in_review → published → draft, archived
      └──────────┴──────────────────────────↑  archived → draft

A new product is sold after somebody looked it over, by the table :data:`MAY_BECOME`; what a file
says is on sale was looked over by whoever sends it. Only a *published* product is shown or sold,
and of its variants only the *active* ones. A variant is never taken away: one that is no longer
made is *discontinued*, so its number is not given to another article and an old basket still means
what it meant.
"""

import re
from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shop.kernel.errors import Conflict, InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG

MAX_VARIANTS = 100
"""Variants of one product: as many as one read of the stock table answers for."""

MAX_VARIANTS_EVER = 1_000
"""And with those that were discontinued, which stay with the product."""
MAX_OPTIONS = 5
MAX_CATEGORIES = 20
MAX_TAGS = 50
MAX_MEDIA = 50
MAX_TITLE_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 20_000
"""Characters of a description; with everything else a product stays far below DynamoDB's 400 KB."""
MAX_NAME_LENGTH = 100
"""Characters of a category, tag, option name, option value, brand or SKU."""
MAX_PRICE = 10**12
"""Minor units beyond which a price is a slip of the keyboard."""
MAX_WEIGHT_G = 10_000_000
"""Grams beyond which a weight is one."""

MAX_SIDE_MM = 100_000
"""Millimetres beyond which a side of a parcel is one."""
TAX_CLASS = re.compile(r"[a-z][a-z0-9_]{0,31}")

MAX_PRICE_MARKS = 500
"""Prices of its past that a variant carries along; the law asks for those of some weeks."""

PRODUCT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""No dot: what follows the last dot of a variant's id is its number."""
SKU = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
"""Printable ASCII: a SKU goes through scanners, spreadsheets and URLs. No step of it, cut at its
slashes, is empty or dots alone: such steps are lost on the way through browsers and gateways."""
HANDLE = re.compile(r"[^\s/?#%<>\x00-\x1f\x7f-\x9f]{1,255}")
URL = re.compile(r"https?://[^\s/?#<>\"\x00-\x1f\x7f-\x9f]+[^\s<>\"\x00-\x1f\x7f-\x9f]*")


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
    """A place in a tree of goods, written ``"Footwear > Running"``; ``taxonomy`` says in whose."""

    value: str
    taxonomy: str = "merchant"

    @property
    def path(self) -> tuple[str, ...]:
        """Every level down to this one: ``("Footwear", "Footwear > Running")``."""
        steps = [step.strip() for step in self.value.split(">")]
        return tuple(" > ".join(steps[: n + 1]) for n in range(len(steps)))


def category_names(categories: Iterable[Category]) -> tuple[str, ...]:
    """What goods of these categories are called by: as written, and every level above."""
    return tuple(dict.fromkeys(name for c in categories for name in (*c.path, c.value)))


@frozen
class Media:
    """A picture (``image``), ``video`` or ``model_3d`` under an absolute http(s) URL."""

    url: str
    type: str = "image"
    alt: str | None = None


@frozen
class Option:
    """What a buyer chooses, and from what: Size of S, M, L."""

    name: str
    values: tuple[str, ...]


@frozen
class OptionChoice:
    """One value of one option: Size, M."""

    name: str
    value: str


@frozen
class PriceMark:
    """From ``since`` on a variant on sale was priced so; ``list_price`` is what stood beside it."""

    since: datetime
    price: Money
    list_price: Money | None = None


@frozen(kw_only=True)
class Variant:
    """What can be bought. ``sku`` is the key of its stock; ``price`` is for one.

    ``list_price`` is the higher price it is shown beside ("compare at"), ``weight_g`` its weight
    in grams with packing, ``None`` where nobody weighed it; its sizes, packed, are in millimetres.
    ``tax_class`` names the rate it is taxed at (docs/rules/pricing.md, 10). ``past`` are all the
    prices it was on sale at, oldest first: written with the change itself
    (:func:`with_prices_noted`), never by hand.
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

    def chosen(self, option: str) -> str | None:
        """The value this variant has for an option."""
        return next((c.value for c in self.choices if c.name == option), None)


@frozen(kw_only=True)
class Product:
    """Something the shop shows. ``version`` counts its changes; 0 is one never saved.

    ``description`` is plain text, ``html`` the same with markup where there is one. Times are UTC.
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
    """A digest of what a file said of it when it was last imported: once is enough."""

    @property
    def on_sale(self) -> tuple[Variant, ...]:
        """The variants a shopper may see and buy; none unless the product is published."""
        if self.status is not ProductStatus.PUBLISHED:
            return ()
        return tuple(v for v in self.variants if v.status is VariantStatus.ACTIVE)

    @property
    def claimed_skus(self) -> frozenset[str]:
        """The SKUs that are this product's alone, on sale or not yet, until it is archived."""
        if self.status is ProductStatus.ARCHIVED:
            return frozenset()
        return frozenset(v.sku for v in self.variants if v.status is VariantStatus.ACTIVE)

    @property
    def currency(self) -> str:
        return self.variants[0].price.currency

    def variant(self, variant_id: str) -> Variant | None:
        return next((v for v in self.variants if v.id == variant_id), None)

    def with_status(self, status: ProductStatus, *, at: datetime) -> "Product":
        """Move along the life cycle. Raises :class:`Conflict` where the table has no such step."""
        if status not in MAY_BECOME[self.status]:
            raise Conflict(
                f"a product that is {self.status} cannot become {status}",
                code="status_not_allowed",
                path="$.status",
            )
        if status is ProductStatus.PUBLISHED and not any(
            v.status is VariantStatus.ACTIVE for v in self.variants
        ):
            raise Conflict("without an active variant there is nothing to sell", code="no_variant")
        return replace(self, status=status, updated_at=at)

    def has_same_content(self, other: "Product") -> bool:
        """Whether both tell a shopper and a shopkeeper the same, whenever it was written."""
        same_life = {n: getattr(other, n) for n in ("version", "created_at", "updated_at")}
        return replace(self, **same_life) == other


def with_price_marks(after: Product, before: Product | None) -> Product:
    """A product about to be saved, with the price of each variant on sale noted if it is a new one.

    What was noted before stays as it is; a note is never earlier than the one before it.
    """
    known = {v.id: v.price_marks for v in before.variants} if before else {}
    on_sale = {v.id for v in after.on_sale}
    variants = []
    for variant in after.variants:
        past = known.get(variant.id, ())
        last = past[-1] if past else None
        now = (variant.price, variant.list_price)
        if variant.id in on_sale and (last is None or (last.price, last.list_price) != now):
            since = after.updated_at
            if last is not None and since <= last.since:
                since = last.since + timedelta(milliseconds=1)
            past = (*past, PriceMark(since, *now))[-MAX_PRICE_MARKS:]
        variants.append(
            variant if past == variant.price_marks else replace(variant, price_marks=past)
        )
    return replace(after, variants=tuple(variants))


def variant_id(product_id: str, number: int) -> str:
    """The id of a product's n-th variant, counted from 1."""
    return f"{product_id}.{number}"


def product_id_from(some_id: str) -> str:
    """The product that a product's or a variant's id belongs to: what is before the last dot."""
    head, dot, tail = some_id.rpartition(".")
    return head if dot and tail.isdigit() else some_id


def validate_product(product: Product) -> Product:
    """The product, if it may be kept. Raises :class:`Invalid` with everything that is wrong."""
    problems = list(_problems(product))
    if problems:
        first, many = problems[0], f"{len(problems)} things are not right"
        detail = first.detail if len(problems) == 1 else many
        raise InvalidRequest(detail, code=first.code, problems=problems[:50])
    return product


def _problems(product: Product) -> Iterable[Problem]:
    if not PRODUCT_ID.fullmatch(product.id):
        yield _bad("$.id", "an id has 1 to 100 letters, digits, '-' or '_'")
    if not HANDLE.fullmatch(product.handle):
        yield _bad("$.handle", "a handle is 1 to 255 characters that may stand in a URL's path")
    yield from _text(product.title, "$.title", MAX_TITLE_LENGTH)
    yield from _text(product.description, "$.description", MAX_DESCRIPTION_LENGTH, empty=True)
    yield from _text(product.html or "", "$.html", MAX_DESCRIPTION_LENGTH, empty=True, markup=True)
    if product.brand is not None:
        yield from _text(product.brand, "$.brand", MAX_NAME_LENGTH)
    yield from _few(product.categories, "$.categories", MAX_CATEGORIES)
    for n, category in enumerate(product.categories):
        yield from _text(category.value, f"$.categories[{n}].value", 2 * MAX_NAME_LENGTH)
        yield from _text(category.taxonomy, f"$.categories[{n}].taxonomy", MAX_NAME_LENGTH)
        if not all(step.strip() for step in category.value.split(">")):
            yield _bad(f"$.categories[{n}].value", "a step of the path is empty")
    yield from _few(product.tags, "$.tags", MAX_TAGS)
    for n, tag in enumerate(product.tags):
        yield from _text(tag, f"$.tags[{n}]", MAX_NAME_LENGTH)
    yield from _few(product.media, "$.media", MAX_MEDIA)
    for n, medium in enumerate(product.media):
        yield from _medium(medium, f"$.media[{n}]")
    yield from _options(product)
    yield from _variants(product)


def _options(product: Product) -> Iterable[Problem]:
    yield from _few(product.options, "$.options", MAX_OPTIONS)
    if len({o.name for o in product.options}) < len(product.options):
        yield _bad("$.options", "two options have one name")
    for n, option in enumerate(product.options):
        yield from _text(option.name, f"$.options[{n}].name", MAX_NAME_LENGTH)
        yield from _few(option.values, f"$.options[{n}].values", MAX_VARIANTS)
        if not option.values:
            yield _bad(f"$.options[{n}].values", "an option needs values to choose from")
        if len(set(option.values)) < len(option.values):
            yield _bad(f"$.options[{n}].values", "a value stands there twice")
        for m, value in enumerate(option.values):
            yield from _text(value, f"$.options[{n}].values[{m}]", MAX_NAME_LENGTH)


def _variants(product: Product) -> Iterable[Problem]:
    if not product.variants:
        yield _bad("$.variants", "a product needs at least one variant: that is what is bought")
        return
    active = tuple(v for v in product.variants if v.status is VariantStatus.ACTIVE)
    yield from _few(active, "$.variants", MAX_VARIANTS)
    yield from _few(product.variants, "$.variants", MAX_VARIANTS_EVER)
    currencies = {v.price.currency for v in product.variants} | {
        v.list_price.currency for v in product.variants if v.list_price
    }
    if len(currencies) > 1:
        yield _bad("$.variants", f"one product, one currency; not {', '.join(sorted(currencies))}")
    values = {o.name: set(o.values) for o in product.options}
    skus: set[str] = set()
    combinations: set[tuple[OptionChoice, ...]] = set()
    for n, variant in enumerate(product.variants):
        path = f"$.variants[{n}]"
        if variant.id != variant_id(product.id, n + 1):
            yield _bad(f"{path}.id", f"the id of this variant is {variant_id(product.id, n + 1)}")
        if not SKU.fullmatch(variant.sku):
            yield _bad(f"{path}.sku", "a SKU is 1 to 100 printable ASCII characters")
        elif {"", ".", ".."}.intersection(variant.sku.split("/")):
            yield _bad(f"{path}.sku", "between the slashes of a SKU stands more than dots")
        if variant.sku in skus:
            yield _bad(f"{path}.sku", f"SKU {variant.sku} stands there twice", code="sku_taken")
        skus.add(variant.sku)
        yield from _text(variant.title, f"{path}.title", MAX_TITLE_LENGTH)
        yield from _price(variant, path)
        if variant.weight_g is not None and not 0 <= variant.weight_g <= MAX_WEIGHT_G:
            yield _bad(f"{path}.weight_g", f"a weight is 0 to {MAX_WEIGHT_G} grams")
        for side in ("length_mm", "width_mm", "height_mm"):
            size = getattr(variant, side)
            if size is not None and not 1 <= size <= MAX_SIDE_MM:
                yield _bad(f"{path}.{side}", f"a side is 1 to {MAX_SIDE_MM} millimetres")
        if not TAX_CLASS.fullmatch(variant.tax_class):
            yield _bad(f"{path}.tax_class", "a tax class is a name such as standard or reduced")
        if variant.barcode is not None and not SKU.fullmatch(variant.barcode):
            yield _bad(f"{path}.barcode", "a barcode has 1 to 100 printable ASCII characters")
        if variant.media is not None:
            yield from _medium(variant.media, f"{path}.media")
        yield from _choices(variant, values, path)
        if variant.status is VariantStatus.ACTIVE:
            if variant.choices in combinations:
                yield _bad(f"{path}.options", "another variant has these", code="options_taken")
            combinations.add(variant.choices)


def _choices(variant: Variant, values: dict[str, set[str]], path: str) -> Iterable[Problem]:
    if variant.status is VariantStatus.DISCONTINUED:
        return  # it keeps the options it was sold with, whatever the product offers by now
    if [c.name for c in variant.choices] != list(values):
        yield _bad(f"{path}.options", f"give one value each, in this order: {', '.join(values)}")
        return
    for choice in variant.choices:
        if choice.value not in values[choice.name]:
            yield _bad(f"{path}.options", f"{choice.value} is no value of {choice.name}")


def _price(variant: Variant, path: str) -> Iterable[Problem]:
    if not 0 <= variant.price.minor <= MAX_PRICE:
        yield _bad(f"{path}.price", "a price is not below zero, nor beyond reason")
    if variant.list_price is not None and not 0 < variant.list_price.minor <= MAX_PRICE:
        yield _bad(f"{path}.list_price", "a list price is above zero, nor beyond reason")


def _medium(medium: Media, path: str) -> Iterable[Problem]:
    if medium.type not in ("image", "video", "model_3d"):
        yield _bad(f"{path}.type", "media are image, video or model_3d")
    if len(medium.url) > 2048 or not URL.fullmatch(medium.url):
        yield _bad(f"{path}.url", "media are named by an absolute http or https URL")
    if medium.alt is not None:
        yield from _text(medium.alt, f"{path}.alt", 1000, empty=True)


def _few(things: tuple[object, ...], path: str, max_results: int) -> Iterable[Problem]:
    if len(things) > max_results:
        yield _bad(path, f"{len(things)} are too many; {max_results} at most", code="too_many")


def _text(
    text: str, path: str, longest: int, *, empty: bool = False, markup: bool = False
) -> Iterable[Problem]:
    if not text.strip() and not empty:
        yield _bad(path, "this must not be empty", code="missing")
    if len(text) > longest:
        yield _bad(path, f"{len(text)} characters are too many; {longest} at most", code="too_long")
    if CONTROL_CHARACTERS.search(text):
        yield _bad(path, "control characters are not text")
    if not markup and TAG.search(text):
        yield _bad(path, MARKUP_MESSAGE, code="markup_not_allowed")


def _bad(path: str, detail: str, *, code: str = "invalid") -> Problem:
    return Problem(code, detail, path)
