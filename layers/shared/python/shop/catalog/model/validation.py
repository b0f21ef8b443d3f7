"""Validation of a product before it is stored: every problem, each with its path."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from shop.catalog.model.product import (
    Media,
    OptionChoice,
    Product,
    Variant,
    VariantStatus,
    variant_id,
)
from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.text_folding import is_blank
from shop.kernel.text_validation import (
    CONTROL_CHARACTERS,
    LINE_MESSAGE,
    MARKUP_MESSAGE,
    TAG,
    has_line_break,
)

MAX_VARIANTS = 100
"""Active variants of a product: one BatchGetItem reads the stock of 100 SKUs."""
MAX_VARIANTS_EVER = 1_000
"""Variants of a product including discontinued ones, which stay with it."""
MAX_OPTIONS = 5
MAX_CATEGORIES = 20
MAX_TAGS = 50
MAX_MEDIA = 50
MAX_TITLE_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 20_000
"""Characters of a description. A whole product then stays far below DynamoDB's 400 KB."""
MAX_NAME_LENGTH = 100
"""Characters of a category, tag, option name, option value, brand or SKU."""
MAX_PRICE = 10**12
"""Minor units; a higher price is a typing error."""
MAX_WEIGHT_G = 10_000_000
"""Grams; a higher weight is a typing error."""
MAX_SIDE_MM = 100_000
"""Millimetres; a longer side of a parcel is a typing error."""
MAX_PROBLEMS = 50
"""Problems that one error lists."""
MAX_NAMED_VALUES = 20
"""Values of an option that the message of a problem lists."""

PRODUCT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
"""No dot: in a variant's id, the part after the last dot is its number."""
SKU = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?")
"""Printable ASCII: a SKU passes through scanners, spreadsheets and URLs.

No segment between slashes is empty, ``.`` or ``..``: browsers and gateways remove such segments.
"""
HANDLE = re.compile(r"[^\s/?#%<>\x00-\x1f\x7f-\x9f]{1,255}")
URL = re.compile(r"https?://[^\s/?#<>\"\x00-\x1f\x7f-\x9f]+[^\s<>\"\x00-\x1f\x7f-\x9f]*")
TAX_CLASS = re.compile(r"[a-z][a-z0-9_]{0,31}")


def validate_product(product: Product) -> Product:
    """Return a product that may be stored.

    Raises :class:`InvalidRequest` with up to :data:`MAX_PROBLEMS` problems, each with its path.
    """
    problems = list(_product_problems(product))
    if problems:
        first = problems[0]
        detail = first.detail if len(problems) == 1 else f"The product has {len(problems)} errors."
        raise InvalidRequest(detail, code=first.code, problems=problems[:MAX_PROBLEMS])
    return product


def _product_problems(product: Product) -> Iterable[Problem]:
    if not PRODUCT_ID.fullmatch(product.id):
        yield Problem("id_invalid", "Must be 1 to 100 letters, digits, '-' or '_'.", "$.id")
    if not HANDLE.fullmatch(product.handle):
        detail = "Must be 1 to 255 characters without spaces and without / ? # % < >."
        yield Problem("text_invalid", detail, "$.handle")
    yield from _text(product.title, "$.title", MAX_TITLE_LENGTH)
    yield from _text(product.description, "$.description", MAX_DESCRIPTION_LENGTH, is_long=True)
    yield from _text(
        product.html or "", "$.html", MAX_DESCRIPTION_LENGTH, is_long=True, markup=True
    )
    if product.brand is not None:
        yield from _text(product.brand, "$.brand", MAX_NAME_LENGTH)
    yield from _at_most(MAX_CATEGORIES, product.categories, "$.categories")
    for n, category in enumerate(product.categories):
        yield from _text(category.value, f"$.categories[{n}].value", 2 * MAX_NAME_LENGTH)
        yield from _text(category.taxonomy, f"$.categories[{n}].taxonomy", MAX_NAME_LENGTH)
        if any(map(is_blank, category.value.split(">"))):
            detail = "Must have a name between each two '>'."
            yield Problem("text_invalid", detail, f"$.categories[{n}].value")
    yield from _at_most(MAX_TAGS, product.tags, "$.tags")
    for n, tag in enumerate(product.tags):
        yield from _text(tag, f"$.tags[{n}]", MAX_NAME_LENGTH)
    yield from _at_most(MAX_MEDIA, product.media, "$.media")
    for n, medium in enumerate(product.media):
        yield from _media(medium, f"$.media[{n}]")
    yield from _options(product)
    yield from _variants(product)


def _options(product: Product) -> Iterable[Problem]:
    yield from _at_most(MAX_OPTIONS, product.options, "$.options")
    if len({o.name for o in product.options}) < len(product.options):
        yield Problem("duplicate", "Must have different names: two options share one.", "$.options")
    for n, option in enumerate(product.options):
        path = f"$.options[{n}].values"
        yield from _text(option.name, f"$.options[{n}].name", MAX_NAME_LENGTH)
        yield from _at_most(MAX_VARIANTS, option.values, path)
        if not option.values:
            yield Problem("missing", "Must have at least one value.", path)
        if len(set(option.values)) < len(option.values):
            yield Problem("duplicate", "Must be different: a value is listed twice.", path)
        for m, value in enumerate(option.values):
            yield from _text(value, f"{path}[{m}]", MAX_NAME_LENGTH)


@dataclass
class _PreviousVariants:
    """SKUs and option combinations of the variants before the current one."""

    skus: set[str] = field(default_factory=set)
    combinations: set[tuple[OptionChoice, ...]] = field(default_factory=set)


def _variants(product: Product) -> Iterable[Problem]:
    if not product.variants:
        detail = "Must have at least one variant: only variants are sold."
        yield Problem("missing", detail, "$.variants")
        return
    active = tuple(v for v in product.variants if v.status is VariantStatus.ACTIVE)
    yield from _at_most(MAX_VARIANTS, active, "$.variants")
    yield from _at_most(MAX_VARIANTS_EVER, product.variants, "$.variants")
    currencies = {v.price.currency for v in product.variants} | {
        v.list_price.currency for v in product.variants if v.list_price
    }
    if len(currencies) > 1:
        names = ", ".join(sorted(currencies))
        detail = f"Must have prices in one currency, not in {names}."
        yield Problem("currency_mismatch", detail, "$.variants")
    option_values = {o.name: set(o.values) for o in product.options}
    previous = _PreviousVariants()
    for n, variant in enumerate(product.variants):
        path, id_ = f"$.variants[{n}]", variant_id(product.id, n + 1)
        if variant.id != id_:
            yield Problem("id_invalid", f"Must be {id_}.", f"{path}.id")
        yield from _sku(variant.sku, f"{path}.sku", previous.skus)
        yield from _text(variant.title, f"{path}.title", MAX_TITLE_LENGTH)
        yield from _price(variant, path)
        yield from _dimensions(variant, path)
        yield from _tax_class_and_barcode(variant, path)
        if variant.media is not None:
            yield from _media(variant.media, f"{path}.media")
        # A discontinued variant keeps the options of its last sale; the product's may differ now.
        if variant.status is VariantStatus.ACTIVE:
            yield from _choices(variant, option_values, f"{path}.options", previous.combinations)
        previous.skus.add(variant.sku)


def _sku(sku: str, path: str, previous: set[str]) -> Iterable[Problem]:
    if not SKU.fullmatch(sku):
        yield Problem("id_invalid", "Must be 1 to 100 printable ASCII characters.", path)
    elif {"", ".", ".."}.intersection(sku.split("/")):
        yield Problem(
            "id_invalid", "Must have a name other than '.' and '..' around each slash.", path
        )
    if sku in previous:
        yield Problem("duplicate", f"Must be unique: SKU {sku} is listed twice.", path)


def _price(variant: Variant, path: str) -> Iterable[Problem]:
    if not 0 <= variant.price.minor <= MAX_PRICE:
        detail = f"Must be 0 to {MAX_PRICE} minor units."
        yield Problem("price_invalid", detail, f"{path}.price")
    if variant.list_price is not None and not 0 < variant.list_price.minor <= MAX_PRICE:
        detail = f"Must be 1 to {MAX_PRICE} minor units."
        yield Problem("price_invalid", detail, f"{path}.list_price")


def _dimensions(variant: Variant, path: str) -> Iterable[Problem]:
    if variant.weight_g is not None and not 0 <= variant.weight_g <= MAX_WEIGHT_G:
        detail = f"Must be 0 to {MAX_WEIGHT_G} grams."
        yield Problem("measure_invalid", detail, f"{path}.weight_g")
    for side in ("length_mm", "width_mm", "height_mm"):
        size = getattr(variant, side)
        if size is not None and not 1 <= size <= MAX_SIDE_MM:
            detail = f"Must be 1 to {MAX_SIDE_MM} millimetres."
            yield Problem("measure_invalid", detail, f"{path}.{side}")


def _tax_class_and_barcode(variant: Variant, path: str) -> Iterable[Problem]:
    if not TAX_CLASS.fullmatch(variant.tax_class):
        detail = "Must be 1 to 32 lower-case letters, digits or '_', such as standard or reduced."
        yield Problem("tax_class_invalid", detail, f"{path}.tax_class")
    if variant.barcode is not None and not SKU.fullmatch(variant.barcode):
        detail = "Must be 1 to 100 printable ASCII characters."
        yield Problem("id_invalid", detail, f"{path}.barcode")


def _choices(
    variant: Variant,
    option_values: dict[str, set[str]],
    path: str,
    previous: set[tuple[OptionChoice, ...]],
) -> Iterable[Problem]:
    if [c.name for c in variant.choices] != list(option_values):
        names = ", ".join(option_values)
        detail = f"Must have one value for each option, in this order: {names}."
        yield Problem("options_mismatch", detail, path)
    else:
        for choice in variant.choices:
            if choice.value not in option_values[choice.name]:
                values = sorted(option_values[choice.name])
                names = ", ".join(values[:MAX_NAMED_VALUES])
                more = ", …" if len(values) > MAX_NAMED_VALUES else ""
                detail = f"Option {choice.name} must be one of: {names}{more}."
                yield Problem("value_unknown", detail, path)
    if variant.choices in previous:
        yield Problem("duplicate", "Must be unique: another variant has the same values.", path)
    previous.add(variant.choices)


def _media(medium: Media, path: str) -> Iterable[Problem]:
    if medium.type not in ("image", "video", "model_3d"):
        yield Problem("value_unknown", "Must be image, video or model_3d.", f"{path}.type")
    if len(medium.url) > 2048 or not URL.fullmatch(medium.url):
        detail = "Must be an absolute http or https URL of at most 2048 characters."
        yield Problem("url_invalid", detail, f"{path}.url")
    if medium.alt is not None:
        yield from _text(medium.alt, f"{path}.alt", 1000, is_long=True)


def _at_most(limit: int, items: tuple[object, ...], path: str) -> Iterable[Problem]:
    if len(items) > limit:
        detail = f"Must have at most {limit} entries, not {len(items)}."
        yield Problem("too_many", detail, path)


def _text(
    text: str, path: str, max_length: int, *, is_long: bool = False, markup: bool = False
) -> Iterable[Problem]:
    """Yield the problems of a text; a long one may be empty and have several lines."""
    if not is_long and is_blank(text):
        yield Problem("text_invalid", "Must not be empty.", path)
    if len(text) > max_length:
        detail = f"Must have at most {max_length} characters, not {len(text)}."
        yield Problem("text_invalid", detail, path)
    if CONTROL_CHARACTERS.search(text):
        yield Problem("text_invalid", "Must not contain control characters.", path)
    elif not is_long and has_line_break(text):
        yield Problem("text_invalid", LINE_MESSAGE, path)
    if not markup and TAG.search(text):
        yield Problem("markup_not_allowed", MARKUP_MESSAGE, path)
