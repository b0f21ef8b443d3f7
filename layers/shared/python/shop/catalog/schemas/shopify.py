"""Parser of Shopify's product CSV, with the column names of old and new exports.

Each row is a variant or a further image. The rows of one handle are one product; the first of them
has the fields of the product.

Source: help.shopify.com, "Using CSV files to import and export products".
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import Category, Media, Option, OptionChoice, ProductStatus, fold
from shop.catalog.model.validation import MAX_OPTIONS, PRODUCT_ID, SKU
from shop.catalog.schemas.file_parsing import (
    FileParseResult,
    ImportOptions,
    ParseError,
    build_import_entry,
    parse_stock_count,
    product_image,
)
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text, plain_text
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.ids import derived_id
from shop.kernel.money import Money, parse_money

_COLUMNS: dict[str, tuple[str, ...]] = {
    # Field of this module: Shopify's column names, old and new, in lower case.
    "handle": ("handle", "url handle"),
    "title": ("title",),
    "html": ("body (html)", "body html", "body", "description"),
    "brand": ("vendor",),
    "category": ("product category",),
    "type": ("type", "product type"),
    "tags": ("tags",),
    "published": ("published", "published on online store"),
    "status": ("status",),
    "sku": ("variant sku", "sku"),
    "barcode": ("variant barcode", "barcode"),
    "grams": ("variant grams", "weight value (grams)"),
    "units": ("variant inventory qty", "inventory quantity"),
    "price": ("variant price", "price"),
    "list_price": ("variant compare at price", "compare-at price", "compare at price"),
    "gift_card": ("gift card",),
    "oversell": ("variant inventory policy", "continue selling when out of stock"),
    "image": ("image src", "product image url"),
    "image_alt": ("image alt text",),
    "variant_image": ("variant image", "variant image url"),
    **{f"option{n}_name": (f"option{n} name",) for n in (1, 2, 3)},
    **{f"option{n}_value": (f"option{n} value",) for n in (1, 2, 3)},
}
_FIELD_BY_COLUMN = {column: field for field, columns in _COLUMNS.items() for column in columns}
_UNUSED = frozenset(
    {
        *("variant inventory tracker", "inventory tracker", "variant fulfillment service"),
        *("fulfillment service", "variant requires shipping", "requires shipping"),
        *("variant taxable", "charge tax", "image position", "variant weight unit"),
        *("weight unit for display", "cost per item", "seo title", "seo description"),
        *("variant tax code", "tax code"),
    }
)
"""Columns of every export that the shop does not use; the parser ignores them without a notice."""
_MARKET = re.compile(r"(price|compare[ -]at price|included) / .+|included / .+")
_STATUS = {
    "active": ProductStatus.PUBLISHED,
    "draft": ProductStatus.DRAFT,
    "unlisted": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
}
_YES = frozenset({"true", "yes", "1"})


@dataclass
class _Group:
    """The rows of one handle with their lines."""

    handle: str
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def read_csv(text: str, options: ImportOptions) -> FileParseResult:
    """Parse a file; the rows of a handle are one product, imported as a whole or rejected.

    Raises :class:`Unprocessable` if the first line is not that of a Shopify product file.
    """
    result = FileParseResult()
    groups: dict[str, _Group] = {}
    for line, row in _rows(text, options, result):
        handle = row.get("handle") or _slug(row.get("title", ""))
        if handle:
            groups.setdefault(handle, _Group(handle)).rows.append((line, row))
        else:
            result.reject(line, "Must have a handle or a title.")
    for group in groups.values():
        try:
            result.entries.append(_entry(group, options, result))
        except ParseError as error:
            result.reject(error.line, error.reason, group.handle)
    return result


def _rows(
    text: str, options: ImportOptions, result: FileParseResult
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows by field name, each with its first line."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1_000_000)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    raw = text.splitlines(keepends=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
    except csv.Error as error:
        raise Unprocessable(
            f"The file is not valid CSV: {error}.", code="csv_malformed", path="$"
        ) from None
    columns = _columns(header, result)
    shift = options.first_line - 1
    while True:
        line = lines.line_num + 1 + shift
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            result.reject(line, f"Must be valid CSV: {error}.")
            return
        if lines.line_num >= len(raw):
            offset = _unclosed_quote_line("".join(raw[line - 1 - shift :]), delimiter)
            if offset is not None:
                message = f"The quote opened on line {line + offset} is never closed."
                result.reject(line + offset, f"{message} Nothing was read from line {line} on.")
                return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            result.reject(line, f"Must have {len(header)} cells, as the header, not {len(cells)}.")
            continue
        yield line, {name: cells[n].strip() for n, name in columns.items() if n < len(cells)}


def _unclosed_quote_line(row: str, delimiter: str) -> int | None:
    """Return the line within a row, from 0, that opens an unclosed quote; ``None`` if none does.

    Python's csv module reads the rest of the file into a cell whose quote is never closed. The
    rules are those of csv: a quote at the start of a cell opens it, and a doubled quote is text.
    """
    opened: int | None = None
    line, is_cell_start, at = 0, True, 0
    while at < len(row):
        char = row[at]
        if opened is not None:
            if char == '"' and row[at + 1 : at + 2] == '"':
                at += 1
            elif char == '"':
                opened = None
            is_cell_start = False
        elif char == '"' and is_cell_start:
            opened = line
        else:
            is_cell_start = char in (delimiter, "\n", "\r")
        line += char == "\n"
        at += 1
    return opened


def _columns(header: list[str], result: FileParseResult) -> dict[int, str]:
    columns: dict[int, str] = {}
    for n, name in enumerate(header):
        field_name = _FIELD_BY_COLUMN.get(name)
        if field_name is not None and field_name not in columns.values():
            columns[n] = field_name
        elif field_name is not None:
            result.notice(f"The column {name} appears twice: the first one is used.")
        elif _MARKET.fullmatch(name):
            result.notice("Prices per market are ignored: create price lists instead.")
        elif name and name not in _UNUSED:
            result.notice(f"The column {name} is ignored: the shop has no such field.")
    if "title" not in columns.values():
        raise Unprocessable(
            "The first line has no column 'Title'. Send Shopify's product CSV.",
            code="columns_missing",
            path="$",
        )
    if "price" not in columns.values():
        raise Unprocessable(
            "The first line has no column 'Price' or 'Variant Price'. Add one.",
            code="columns_missing",
            path="$",
        )
    return columns


def _entry(group: _Group, options: ImportOptions, result: FileParseResult) -> ImportEntry:
    line, head = group.rows[0]
    if not head.get("title"):
        raise ParseError(line, "title: Must not be empty in the first row of a handle.")
    if head.get("gift_card", "").lower() in _YES:
        raise ParseError(line, "gift card: A gift card has no stock. Remove the product.")
    handle = group.handle
    product_id = handle if PRODUCT_ID.fullmatch(handle) else derived_id("prod", handle)
    names = [head[f"option{n}_name"] for n in (1, 2, 3) if head.get(f"option{n}_name")]
    rows = [(at, row) for at, row in group.rows if _is_variant(row)]
    if [n.lower() for n in names] == ["title"] and len(rows) == 1:
        names = []  # Shopify gives a product without options the single option "Title".
    if len(names) > MAX_OPTIONS or len(set(names)) < len(names):
        raise ParseError(line, "options: Must have different names.")
    if not rows:
        raise ParseError(line, "price: Must not be empty.")
    variants = [_variant(at, row, names, product_id, options) for at, row in rows]
    counts: dict[str, int] = {}
    for (at, row), variant in zip(rows, variants, strict=True):
        if row.get("oversell", "").lower() in ("continue", *_YES):
            result.notice("Overselling is ignored: sales stop at zero stock.")
        if row.get("units"):
            counts[variant.sku or product_id] = parse_stock_count(row["units"], at, result)
    html = head.get("html", "")
    draft = Draft(
        title=head["title"],
        handle=handle,
        description=clean_text(plain_text(html)),
        html=clean_html(html),
        brand=head.get("brand") or None,
        categories=_categories(head),
        tags=tuple(t.strip() for t in head.get("tags", "").split(",") if t.strip()),
        media=_media(group, options, result),
        options=_options(names, variants),
        variants=tuple(variants),
    )
    return build_import_entry(
        product_id,
        draft,
        line=line,
        variant_lines=tuple(at for at, _ in rows),
        status=_status(head, line),
        counts=counts,
    )


def _is_variant(row: dict[str, str]) -> bool:
    """Return whether a row is a variant; otherwise it is a further image."""
    return any(row.get(name) for name in ("price", "sku", "option1_value"))


def _variant(
    line: int, row: dict[str, str], names: list[str], product_id: str, options: ImportOptions
) -> DraftVariant:
    if not row.get("price"):
        raise ParseError(line, "price: Must not be empty.")
    choices = tuple(
        OptionChoice(name, row.get(f"option{n}_value", "")) for n, name in enumerate(names, 1)
    )
    missing = next((c.name for c in choices if not c.value), None)
    if missing is not None:
        raise ParseError(line, f"option {missing}: Must have a value for this variant.")
    image = row.get("variant_image", "")
    list_price = _price(row.get("list_price", ""), "compare-at price", line, options)
    price = _price(row["price"], "price", line, options)
    return DraftVariant(
        price=price or Money(0, options.currency),
        list_price=list_price or None,
        sku=row.get("sku", "").lstrip("'") or _derive_sku(product_id, choices),
        choices=choices,
        weight_g=_grams(row.get("grams", ""), line),
        barcode=row.get("barcode", "").lstrip("'") or None,
        media=Media(image) if image.startswith(("http://", "https://")) else None,
    )


def _price(text: str, name: str, line: int, options: ImportOptions) -> Money | None:
    if not text:
        return None
    try:
        return parse_money(text, options.currency)
    except InvalidRequest as error:
        raise ParseError(line, f"{name}: {error.detail}") from None


def _grams(text: str, line: int) -> int | None:
    """Parse and round grams: exports convert pounds to values such as 226.796185."""
    if not text:
        return None
    try:
        grams = Decimal(text)
    except InvalidOperation:
        grams = Decimal("NaN")
    if not grams.is_finite() or not 0 <= grams <= 10**9:
        detail = f"weight: Must be a number of grams from 0 to 1000000000, not {text!r}."
        raise ParseError(line, detail)
    return round(grams)


def _derive_sku(product_id: str, choices: tuple[OptionChoice, ...]) -> str:
    """Derive a SKU for a variant without one; the same file always gets the same SKU."""
    if not choices:
        return product_id
    sku = "-".join([product_id, *(_slug(c.value) for c in choices)])
    return sku if SKU.fullmatch(sku) else derived_id("sku", product_id, *(c.value for c in choices))


def _options(names: list[str], variants: list[DraftVariant]) -> tuple[Option, ...]:
    return tuple(
        Option(name, tuple(dict.fromkeys(v.choices[n].value for v in variants)))
        for n, name in enumerate(names)
    )


def _categories(head: dict[str, str]) -> tuple[Category, ...]:
    merchant = [Category(head["type"])] if head.get("type") else []
    shopify = [Category(head["category"], "shopify")] if head.get("category") else []
    return (*merchant, *shopify)


def _media(group: _Group, options: ImportOptions, result: FileParseResult) -> tuple[Media, ...]:
    by_url: dict[str, Media] = {}
    for _, row in group.rows:
        for medium in product_image(row["image"], "", options, result) if row.get("image") else ():
            by_url.setdefault(medium.url, Media(medium.url, alt=row.get("image_alt") or None))
    return tuple(by_url.values())


def _status(head: dict[str, str], line: int) -> ProductStatus | None:
    status, published = head.get("status", "").lower(), head.get("published", "").lower()
    if status and status not in _STATUS:
        raise ParseError(line, f"status: Must be one of {', '.join(_STATUS)}, not {status!r}.")
    if (
        published
        and published not in _YES
        and _STATUS.get(status) in (None, ProductStatus.PUBLISHED)
    ):
        return ProductStatus.DRAFT
    if not status:
        return ProductStatus.PUBLISHED if published else None
    return _STATUS[status]


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", fold(text)).strip("-")[:100]
