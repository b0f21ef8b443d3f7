"""Parser of the product files of the AWS retail demo store: a YAML list, one variant each.

Source: github.com/aws-samples/retail-demo-store, ``products.yaml`` (MIT-0).
"""

import io

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import Category
from shop.catalog.model.import_content import STANDARD_CLASS
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.row_places import too_many_products
from shop.catalog.model.yaml_list import item_texts
from shop.catalog.schemas.file_numbers import parse_price
from shop.catalog.schemas.file_parsing import (
    EntryNotices,
    FileParseResult,
    ParseError,
    build_import_entry,
    listed,
    parse_stock_count,
    product_image,
)
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text
from shop.catalog.schemas.yaml_items import YamlField, YamlItem, read_item
from shop.kernel.errors import InvalidRequest

_KNOWN_FIELDS = frozenset(
    {
        *("id", "name", "description", "price", "category", "style", "current_stock", "image"),
        *("gender_affinity", "aliases", "promoted", "featured", "brand", "sku", "tax_class"),
    }
)
_AUDIENCE_TAGS = {"F": "for women", "M": "for men"}
_YES = frozenset({"true", "yes", "on", "y", "1"})
_NO = frozenset({"false", "no", "off", "n", "0", ""})


def read_retail_demo_yaml(
    text: str, options: ImportOptions, *, max_products: int
) -> FileParseResult:
    """Parse the list item by item, so that an invalid item does not affect the others.

    Raises :class:`Unprocessable` for another YAML file, or at the first item above
    ``max_products``.
    """
    result = FileParseResult()
    items = item_texts(io.StringIO(text, newline=""), options.first_line)
    for number, (line, item) in enumerate(items, 1):
        if number > max_products:
            raise too_many_products(max_products)
        read_product_item(item, line, options, result)
    note_unknown_fields(result)
    return result


def read_product_item(
    text: str, line: int, options: ImportOptions, result: FileParseResult
) -> ImportEntry | None:
    """Add the entry of an item to the result, or the reason why it cannot be imported."""
    product_id = None
    try:
        item = read_item(text, line)
        id_ = item.fields.get("id")
        product_id = id_.value if id_ and isinstance(id_.value, str) else None
        entry = _entry(item, options, result)
    except ParseError as error:
        result.reject(error.line, error.reason, product_id)
        return None
    result.entries.append(entry)
    return entry


def note_unknown_fields(result: FileParseResult) -> None:
    if unknown := list(result.unknown_fields):
        result.notice(f"Fields ignored, because the shop has no such field: {listed(unknown)}.")


def _entry(item: YamlItem, options: ImportOptions, result: FileParseResult) -> ImportEntry:
    line = item.line
    unknown = sorted(name for name in item.fields.keys() - _KNOWN_FIELDS)
    result.unknown_fields.update(dict.fromkeys(unknown))
    notices = EntryNotices()
    product_id, title = _text(item, "id"), _text(item, "name")
    if not product_id or not title:
        raise ParseError(line, f"{'name' if product_id else 'id'}: Must not be empty.")
    price_text = _text(item, "price")
    if not price_text:
        raise ParseError(line, "price: Must not be empty.")
    try:
        price = parse_price(price_text, options.currency, options.decimal)
    except InvalidRequest as error:
        raise ParseError(line, f"price: {error.detail}") from None
    category, style = _text(item, "category"), _text(item, "style")
    paths = [category, f"{category} > {style}" if category and style else ""]
    tax_class = _text(item, "tax_class").lower()
    stated_sku = _text(item, "sku")
    sku = stated_sku or product_id
    image, description = _text(item, "image"), _text(item, "description")
    draft = Draft(
        title=title,
        description=clean_text(description),
        html=clean_html(description),
        brand=_text(item, "brand") or None,
        categories=tuple(Category(path) for path in paths if path),
        tags=_tags(item),
        media=product_image(image, title, options, result) if image else (),
        variants=(
            DraftVariant(
                price=price,
                sku=sku,
                is_sku_derived=not stated_sku,
                tax_class=tax_class or STANDARD_CLASS,
            ),
        ),
    )
    counts: dict[str, int] = {}
    if count := _text(item, "current_stock"):
        counts[sku] = parse_stock_count(count, line, notices)
    return build_import_entry(
        product_id,
        draft,
        line=line,
        variant_lines=(line,),
        counts=counts,
        classed=(0,) if tax_class else (),
        notices=notices,
    )


def _tags(item: YamlItem) -> tuple[str, ...]:
    tags = [_AUDIENCE_TAGS.get(_text(item, "gender_affinity"), "")]
    tags += [flag for flag in ("promoted", "featured") if _flag(item, flag)]
    tags += _texts(item, "aliases")
    return tuple(filter(None, tags))


def _text(item: YamlItem, name: str) -> str:
    """Return a field as text, empty if absent."""
    found = item.fields.get(name)
    if found is None:
        return ""
    if found.problem is not None or isinstance(found.value, tuple):
        raise ParseError(item.line, f"{name}: Must be text{found.problem or '.'}")
    return found.value or ""


def _texts(item: YamlItem, name: str) -> list[str]:
    found = item.fields.get(name)
    if found is None or found == YamlField():
        return []
    if found.problem is not None or not isinstance(found.value, tuple):
        raise ParseError(item.line, f"{name}: Must be a list of texts{found.problem or '.'}")
    return list(found.value)


def _flag(item: YamlItem, name: str) -> bool:
    text = _text(item, name)
    if text.lower() not in _YES | _NO:
        raise ParseError(item.line, f"{name}: Must be true or false, not {text!r}.")
    return text.lower() in _YES
