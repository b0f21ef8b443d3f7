"""Products as AWS's retail demo store keeps them: a YAML list, one variant each.

Source: github.com/aws-samples/retail-demo-store, ``products.yaml`` (MIT-0).
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import Category
from shop.catalog.schemas.file_parsing import (
    FileParseResult,
    ImportOptions,
    ParseError,
    build_import_entry,
    count_of,
    picture,
)
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.money import parse_money

_START = re.compile(r"^- ", re.MULTILINE)
_USED = frozenset(
    {
        *("id", "name", "description", "price", "category", "style", "current_stock", "image"),
        *("gender_affinity", "aliases", "promoted", "featured", "brand", "sku"),
    }
)
_FOR = {"F": "for women", "M": "for men"}


def read_retail_demo_yaml(text: str, terms: ImportOptions) -> FileParseResult:
    """Read the list item by item, so that one with a slip does not spoil the others.

    The loader is libyaml's, which makes nothing but plain values (PyYAML's own takes 30 times as
    long).
    """
    reading = FileParseResult()
    for line, item in _items(text, terms.first_line):
        try:
            loaded = yaml.load(item, Loader=yaml.CSafeLoader)
            reading.entries.append(_entry(loaded[0], line, terms, reading))
        except yaml.MarkedYAMLError as error:
            # An open quote is missed at the end only, which is where the next item begins.
            at = min(error.problem_mark.line if error.problem_mark else 0, item.count("\n") - 1)
            reading.reject(line + at, _yaml_problem(error, line))
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            reading.reject(line, f"this is not YAML: {str(error).splitlines()[0]}")
        except ParseError as error:
            reading.reject(error.line, error.reason)
    return reading


def _yaml_problem(error: yaml.MarkedYAMLError, line: int) -> str:
    if error.context == "while scanning a quoted scalar" and error.context_mark:
        return f"the quote that begins on line {line + error.context_mark.line} is never closed"
    return f"this is not YAML: {error.problem or error.context}"


def _items(text: str, first_line: int) -> Iterator[tuple[int, str]]:
    """The items of the list and the lines they begin on."""
    starts = [match.start() for match in _START.finditer(text)]
    before = text[: starts[0]] if starts else text
    if any(not re.match(r"\s*(---\s*)?(#.*)?$", line) for line in before.splitlines()):
        raise Unprocessable(
            "a YAML file is a list of products, each beginning '- id: …'",
            code="not_a_list",
            path="$",
        )
    line = first_line + before.count("\n")
    for start, end in zip(starts, [*starts[1:], len(text)], strict=False):
        yield line, text[start:end]
        line += text.count("\n", start, end)


def _entry(item: Any, line: int, terms: ImportOptions, reading: FileParseResult) -> ImportEntry:
    if not isinstance(item, dict):
        raise ParseError(line, "this is not a product but a bare value")
    for name in sorted(str(name) for name in item.keys() - _USED):
        reading.notice(f"the field {name} has no place in this shop")
    product_id, title = _text(item, "id", line), _text(item, "name", line)
    if not product_id or not title:
        raise ParseError(line, f"{'name' if product_id else 'id'}: this is needed")
    if item.get("price") is None:
        raise ParseError(line, "price: this is needed")
    try:
        price = parse_money(str(item["price"]), terms.currency)
    except InvalidRequest as error:
        raise ParseError(line, f"price: {error.detail}") from None
    category, style = _text(item, "category", line), _text(item, "style", line)
    paths = [category, f"{category} > {style}" if category and style else ""]
    tags = [_FOR.get(_text(item, "gender_affinity", line), "")]
    tags += [flag for flag in ("promoted", "featured") if item.get(flag) is True]
    tags += _texts(item, "aliases", line)
    sku = _text(item, "sku", line) or product_id
    image = _text(item, "image", line)
    draft = Draft(
        title=title,
        description=clean_text(_text(item, "description", line)),
        html=clean_html(_text(item, "description", line)),
        brand=_text(item, "brand", line) or None,
        categories=tuple(Category(path) for path in paths if path),
        tags=tuple(tag for tag in tags if tag),
        media=picture(image, title, terms, reading) if image else (),
        variants=(DraftVariant(price=price, sku=sku),),
    )
    counts: dict[str, int] = {}
    if item.get("current_stock") is not None:
        counts[sku] = count_of(item["current_stock"], line, reading)
    return build_import_entry(product_id, draft, line=line, variant_lines=(line,), counts=counts)


def _text(item: dict[Any, Any], name: str, line: int) -> str:
    """A field as text; YAML takes an unquoted 501 for a number. Empty where it is absent."""
    value = item.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ParseError(line, f"{name}: this is not text")
    return str(value).strip()


def _texts(item: dict[Any, Any], name: str, line: int) -> list[str]:
    values = item.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ParseError(line, f"{name}: this is not a list of text")
    return [v.strip() for v in values]
