"""Parser of the product files of the AWS retail demo store: a YAML list, one variant each.

Source: github.com/aws-samples/retail-demo-store, ``products.yaml`` (MIT-0).
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import Category
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.row_places import too_many_products
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
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.text_files import LINE_END, count_line_ends

_START = re.compile(r"(?:(?<=[\r\n])|\A)- ")
_KNOWN_FIELDS = frozenset(
    {
        *("id", "name", "description", "price", "category", "style", "current_stock", "image"),
        *("gender_affinity", "aliases", "promoted", "featured", "brand", "sku"),
    }
)
_AUDIENCE_TAGS = {"F": "for women", "M": "for men"}


def read_retail_demo_yaml(
    text: str, options: ImportOptions, *, max_products: int
) -> FileParseResult:
    """Parse the list item by item, so that an invalid item does not affect the others.

    ``CSafeLoader`` of libyaml builds plain values only. PyYAML's own loader takes 30 times as long.
    Raises :class:`Unprocessable` for another YAML file, or more items than ``max_products``.
    """
    result = FileParseResult()
    for line, item in _items(text, options.first_line, max_products):
        try:
            loaded, written = _load(item, line)
            result.entries.append(_entry(loaded, written, line, options, result))
        except yaml.MarkedYAMLError as error:
            # libyaml reports an unclosed quote one line after the end of the item.
            at = min(_line_of(error.problem_mark, item), max(count_line_ends(item) - 1, 0))
            result.reject(line + at, _yaml_error_message(error, item, line))
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            result.reject(line, f"Must be valid YAML: {str(error).splitlines()[0]}.")
        except ParseError as error:
            result.reject(error.line, error.reason)
    if unknown := list(result.unknown_fields):
        result.notice(f"Fields ignored, because the shop has no such field: {listed(unknown)}.")
    return result


def _load(item: str, line: int) -> tuple[Any, dict[str, str]]:
    """Return an item, and its scalars as they are written: YAML reads 010 as 8, and 1:30 as 90.

    Raises :class:`ParseError` for a field that appears twice: YAML would keep the last one.
    """
    loader = yaml.CSafeLoader(item)
    try:
        document = loader.get_single_node()
        loaded = loader.construct_document(document)
    finally:
        loader.dispose()
    product = document.value[0] if document else None
    written: dict[str, str] = {}
    seen: set[str] = set()
    for key, value in product.value if isinstance(product, yaml.MappingNode) else ():
        name = str(key.value)
        if name in seen:
            at = line + count_line_ends(item, 0, key.start_mark.index)
            raise ParseError(at, f"{name}: Must appear once.")
        seen.add(name)
        if isinstance(value, yaml.ScalarNode):
            written[name] = value.value
    return loaded[0], written


def _line_of(mark: yaml.Mark | None, item: str) -> int:
    """Return the line of a mark, from 0; libyaml also ends lines at U+0085 and U+2028."""
    return count_line_ends(item, 0, mark.index) if mark else 0


def _yaml_error_message(error: yaml.MarkedYAMLError, item: str, line: int) -> str:
    if error.context == "while scanning a quoted scalar" and error.context_mark:
        opened = line + _line_of(error.context_mark, item)
        return f"The quote opened on line {opened} is never closed."
    return f"Must be valid YAML: {error.problem or error.context}."


def _items(text: str, first_line: int, max_products: int) -> Iterator[tuple[int, str]]:
    """Yield the items of the list with their first lines."""
    starts = [match.start() for match in _START.finditer(text)]
    if len(starts) > max_products:
        raise too_many_products(max_products)
    before = text[: starts[0]] if starts else text
    if any(not re.match(r"\s*(---\s*)?(#.*)?$", line) for line in LINE_END.split(before)):
        raise Unprocessable(
            "A YAML file must be a list of products, each starting with '- id: …'.",
            code="not_a_list",
            path="$",
        )
    line = first_line + count_line_ends(before)
    for start, end in zip(starts, [*starts[1:], len(text)], strict=False):
        yield line, text[start:end]
        line += count_line_ends(text, start, end)


def _entry(
    item: Any,
    written: dict[str, str],
    line: int,
    options: ImportOptions,
    result: FileParseResult,
) -> ImportEntry:
    if not isinstance(item, dict):
        raise ParseError(line, "Must be a product with fields, not a bare value.")
    unknown = sorted(str(name) for name in item.keys() - _KNOWN_FIELDS)
    result.unknown_fields.update(dict.fromkeys(unknown))
    item = {
        name: written.get(name, str(value)) if _is_number(value) else value
        for name, value in item.items()
    }
    notices = EntryNotices()
    product_id, title = _text(item, "id", line), _text(item, "name", line)
    if not product_id or not title:
        raise ParseError(line, f"{'name' if product_id else 'id'}: Must not be empty.")
    if item.get("price") is None:
        raise ParseError(line, "price: Must not be empty.")
    try:
        price = parse_price(str(item["price"]), options.currency, options.decimal)
    except InvalidRequest as error:
        raise ParseError(line, f"price: {error.detail}") from None
    category, style = _text(item, "category", line), _text(item, "style", line)
    paths = [category, f"{category} > {style}" if category and style else ""]
    tags = [_AUDIENCE_TAGS.get(_text(item, "gender_affinity", line), "")]
    tags += [flag for flag in ("promoted", "featured") if item.get(flag) is True]
    tags += _texts(item, "aliases", line)
    stated_sku = _text(item, "sku", line)
    sku = stated_sku or product_id
    image = _text(item, "image", line)
    draft = Draft(
        title=title,
        description=clean_text(_text(item, "description", line)),
        html=clean_html(_text(item, "description", line)),
        brand=_text(item, "brand", line) or None,
        categories=tuple(Category(path) for path in paths if path),
        tags=tuple(tag for tag in tags if tag),
        media=product_image(image, title, options, result) if image else (),
        variants=(DraftVariant(price=price, sku=sku, is_sku_derived=not stated_sku),),
    )
    counts: dict[str, int] = {}
    if item.get("current_stock") is not None:
        counts[sku] = parse_stock_count(item["current_stock"], line, notices)
    return build_import_entry(
        product_id, draft, line=line, variant_lines=(line,), counts=counts, notices=notices
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(item: dict[Any, Any], name: str, line: int) -> str:
    """Return a field as text, empty if absent."""
    value = item.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ParseError(line, f"{name}: Must be text.")
    return value.strip()


def _texts(item: dict[Any, Any], name: str, line: int) -> list[str]:
    values = item.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ParseError(line, f"{name}: Must be a list of texts.")
    return [v.strip() for v in values]
