"""Shopify's product CSV, with the column names of old exports and of new ones.

A file has one row per variant or further image, grouped by handle. The first row of a handle
describes the product. Source: help.shopify.com, "Using CSV files to import and export products".
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
from shop.catalog.model.product import MAX_OPTIONS, PRODUCT_ID, SKU
from shop.catalog.schemas.file_parsing import (
    FileParseResult,
    ImportOptions,
    ParseError,
    build_import_entry,
    count_of,
    picture,
)
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text, plain_text
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.ids import derived_id
from shop.kernel.money import Money, parse_money

_COLUMNS: dict[str, tuple[str, ...]] = {
    # ours: theirs, old and new, in lower case
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
_OURS = {theirs: ours for ours, names in _COLUMNS.items() for theirs in names}
_UNUSED = frozenset(
    {
        *("variant inventory tracker", "inventory tracker", "variant fulfillment service"),
        *("fulfillment service", "variant requires shipping", "requires shipping"),
        *("variant taxable", "charge tax", "image position", "variant weight unit"),
        *("weight unit for display", "cost per item", "seo title", "seo description"),
        *("variant tax code", "tax code"),
    }
)
"""Columns that every export has and this shop has no place for; passed over without a word."""
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
    """The rows of one handle, each with its line."""

    handle: str
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def read_csv(text: str, terms: ImportOptions) -> FileParseResult:
    """Read a file; the rows of a handle make a product, together or not at all.

    Raises :class:`Unprocessable` where the first line is not that of a Shopify product file.
    """
    reading = FileParseResult()
    groups: dict[str, _Group] = {}
    for line, row in _rows(text, terms, reading):
        handle = row.get("handle") or _slug(row.get("title", ""))
        if handle:
            groups.setdefault(handle, _Group(handle)).rows.append((line, row))
        else:
            reading.reject(line, "this row has neither a handle nor a title")
    for group in groups.values():
        try:
            reading.entries.append(_entry(group, terms, reading))
        except ParseError as error:
            reading.reject(error.line, error.reason, group.handle)
    return reading


def _rows(
    text: str, terms: ImportOptions, reading: FileParseResult
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows by our column names, each with the line on which it begins."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1_000_000)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    raw = text.splitlines(keepends=True)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
    except csv.Error as error:
        raise Unprocessable(f"this is not CSV: {error}", code="csv_malformed", path="$") from None
    columns = _columns(header, reading)
    shift = terms.first_line - 1
    while True:
        line = lines.line_num + 1 + shift
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            reading.reject(line, f"this is not CSV: {error}")
            return
        if lines.line_num >= len(raw):
            opened = _never_closed("".join(raw[line - 1 - shift :]), delimiter)
            if opened is not None:
                problem = f"the quote that begins on line {line + opened} is never closed"
                reading.reject(line + opened, f"{problem}; from line {line} on nothing was read")
                return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            reading.reject(line, f"{len(cells)} cells in a table of {len(header)} columns")
            continue
        yield line, {ours: cells[n].strip() for n, ours in columns.items() if n < len(cells)}


def _never_closed(row: str, delimiter: str) -> int | None:
    """How many lines into a row the quote begins that goes on to the end of the file, if one does.

    Quotes count as csv reads them: at the beginning of a cell they open it, doubled they are text.
    """
    opened: int | None = None
    line, fresh, at = 0, True, 0
    while at < len(row):
        char = row[at]
        if opened is not None:
            if char == '"' and row[at + 1 : at + 2] == '"':
                at += 1
            elif char == '"':
                opened = None
            fresh = False
        elif char == '"' and fresh:
            opened = line
        else:
            fresh = char in (delimiter, "\n", "\r")
        line += char == "\n"
        at += 1
    return opened


def _columns(header: list[str], reading: FileParseResult) -> dict[int, str]:
    columns: dict[int, str] = {}
    for n, name in enumerate(header):
        ours = _OURS.get(name)
        if ours is not None and ours not in columns.values():
            columns[n] = ours
        elif ours is not None:
            reading.notice(f"the column {name} stands there twice; the first one counts")
        elif _MARKET.fullmatch(name):
            reading.notice("prices per market are not read; price lists are kept by staff")
        elif name and name not in _UNUSED:
            reading.notice(f"the column {name} has no place in this shop")
    if "title" not in columns.values():
        raise Unprocessable(
            "this is not Shopify's product file: its first line names no column 'Title'",
            code="columns_missing",
            path="$",
        )
    if "price" not in columns.values():
        raise Unprocessable(
            "this file has no prices: no column 'Price' or 'Variant Price'",
            code="columns_missing",
            path="$",
        )
    return columns


def _entry(group: _Group, terms: ImportOptions, reading: FileParseResult) -> ImportEntry:
    line, head = group.rows[0]
    if not head.get("title"):
        raise ParseError(line, "title: the first row of a handle needs one")
    if head.get("gift_card", "").lower() in _YES:
        raise ParseError(line, "gift card: gift cards are not goods with stock")
    handle = group.handle
    product_id = handle if PRODUCT_ID.fullmatch(handle) else derived_id("prod", handle)
    names = [head[f"option{n}_name"] for n in (1, 2, 3) if head.get(f"option{n}_name")]
    rows = [(at, row) for at, row in group.rows if _is_variant(row)]
    if [n.lower() for n in names] == ["title"] and len(rows) == 1:
        names = []  # Shopify's way to say that there is nothing to choose
    if len(names) > MAX_OPTIONS or len(set(names)) < len(names):
        raise ParseError(line, "options: two have one name")
    if not rows:
        raise ParseError(line, "price: this is needed")
    variants = [_variant(at, row, names, product_id, terms) for at, row in rows]
    counts: dict[str, int] = {}
    for (at, row), variant in zip(rows, variants, strict=True):
        if row.get("oversell", "").lower() in ("continue", *_YES):
            reading.notice("selling what is out of stock is not kept; sales stop at zero")
        if row.get("units"):
            counts[variant.sku or product_id] = count_of(row["units"], at, reading)
    html = head.get("html", "")
    draft = Draft(
        title=head["title"],
        handle=handle,
        description=clean_text(plain_text(html)),
        html=clean_html(html),
        brand=head.get("brand") or None,
        categories=_categories(head),
        tags=tuple(t.strip() for t in head.get("tags", "").split(",") if t.strip()),
        media=_media(group, terms, reading),
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
    """Whether a row tells of a variant; else it brings one more picture."""
    return any(row.get(name) for name in ("price", "sku", "option1_value"))


def _variant(
    line: int, row: dict[str, str], names: list[str], product_id: str, terms: ImportOptions
) -> DraftVariant:
    if not row.get("price"):
        raise ParseError(line, "price: this is needed")
    choices = tuple(
        OptionChoice(name, row.get(f"option{n}_value", "")) for n, name in enumerate(names, 1)
    )
    missing = next((c.name for c in choices if not c.value), None)
    if missing is not None:
        raise ParseError(line, f"option {missing}: this variant has no value for it")
    image = row.get("variant_image", "")
    list_price = _price(row.get("list_price", ""), "compare-at price", line, terms)
    price = _price(row["price"], "price", line, terms)
    return DraftVariant(
        price=price or Money(0, terms.currency),
        list_price=list_price or None,
        sku=row.get("sku", "").lstrip("'") or _own_sku(product_id, choices),
        choices=choices,
        weight_g=_grams(row.get("grams", ""), line),
        barcode=row.get("barcode", "").lstrip("'") or None,
        media=Media(image) if image.startswith(("http://", "https://")) else None,
    )


def _price(text: str, name: str, line: int, terms: ImportOptions) -> Money | None:
    if not text:
        return None
    try:
        return parse_money(text, terms.currency)
    except InvalidRequest as error:
        raise ParseError(line, f"{name}: {error.detail}") from None


def _grams(text: str, line: int) -> int | None:
    """Grams, rounded: exports have what was once pounds as 226.796185."""
    if not text:
        return None
    try:
        grams = Decimal(text)
    except InvalidOperation:
        grams = Decimal("NaN")
    if not grams.is_finite() or not 0 <= grams <= 10**9:
        raise ParseError(line, f"weight: {text!r} is not a number of grams")
    return round(grams)


def _own_sku(product_id: str, choices: tuple[OptionChoice, ...]) -> str:
    """A SKU for a variant that has none in the file: the same one each time it is read."""
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
    own = [Category(head["type"])] if head.get("type") else []
    theirs = [Category(head["category"], "shopify")] if head.get("category") else []
    return (*own, *theirs)


def _media(group: _Group, terms: ImportOptions, reading: FileParseResult) -> tuple[Media, ...]:
    found: dict[str, Media] = {}
    for _, row in group.rows:
        for medium in picture(row["image"], "", terms, reading) if row.get("image") else ():
            found.setdefault(medium.url, Media(medium.url, alt=row.get("image_alt") or None))
    return tuple(found.values())


def _status(head: dict[str, str], line: int) -> ProductStatus | None:
    status, published = head.get("status", "").lower(), head.get("published", "").lower()
    if status and status not in _STATUS:
        raise ParseError(line, f"status: {status!r} is none of {', '.join(_STATUS)}")
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
