"""Parser of Shopify's product CSV, with the column names of old and new exports.

Each row is a variant or a further image. The rows of one handle are one product; the first of them
has the fields of the product.

Source: help.shopify.com, "Using CSV files to import and export products".
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import Category, Media, Option, OptionChoice, ProductStatus, fold
from shop.catalog.model.csv_rows import CsvTable, PlacedRow, place_rows, slug
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


def read_csv(text: str, options: ImportOptions, *, max_products: int) -> FileParseResult:
    """Parse a file; the rows of a handle are one product, imported as a whole or rejected.

    Raises :class:`Unprocessable` if the first line is not that of a Shopify product file, or if the
    file has more than ``max_products``.
    """
    result = FileParseResult()
    table = CsvTable(text)
    columns = _columns(table.header, result)
    groups: dict[str, _Group] = {}
    broken: dict[str, int | None] = {}
    for placed in place_rows(table, first_line=options.first_line, max_products=max_products):
        if placed.problem is not None:
            _reject_row(placed, broken, result)
        elif placed.product is not None:
            cells = placed.row.cells
            fields = {name: cells[n] for n, name in columns.items() if n < len(cells)}
            group = groups.setdefault(placed.product, _Group(placed.product))
            group.rows.append((placed.row.line, fields))
    for group in groups.values():
        if group.handle in broken:
            # Without one of its rows, the product would lose the variant of that row.
            if (line := broken[group.handle]) is not None:
                reason = f"Line {line} may belong to this product. Correct that line."
                result.reject(group.rows[0][0], reason, group.handle)
            continue
        try:
            result.entries.append(_entry(group, options, result))
        except ParseError as error:
            result.reject(error.line, error.reason, group.handle)
    return result


def _reject_row(placed: PlacedRow, broken: dict[str, int | None], result: FileParseResult) -> None:
    """Report a row that cannot be placed, and note the products that may lack it.

    The report names one product; the line of each other one (``broken``) is reported with it.
    """
    line = placed.row.problem_line or placed.row.line
    named = placed.product or (placed.suspects[0] if len(placed.suspects) == 1 else None)
    result.reject(line, placed.problem or "", named)
    for key in placed.suspects:
        broken.setdefault(key, line)
    if named is not None:
        broken[named] = None


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
    rows = [(at, row) for at, row in group.rows if _is_variant(row)]
    _check_rows(group)
    names = {n: head[f"option{n}_name"] for n in (1, 2, 3) if head.get(f"option{n}_name")}
    if [n.lower() for n in names.values()] == ["title"] and len(rows) == 1:
        names = {}  # Shopify gives a product without options the single option "Title".
    if len(names) > MAX_OPTIONS or len(set(names.values())) < len(names):
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
        options=_options(list(names.values()), variants),
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


def _check_rows(group: _Group) -> None:
    """Raise :class:`ParseError` for a row that contradicts the first row, or is cut off."""
    _, head = group.rows[0]
    for line, row in group.rows[1:]:
        for name in ("title", *(f"option{n}_name" for n in (1, 2, 3))):
            label, first = _label(name), head.get(name, "")
            if row.get(name) and fold(row[name]) != fold(first):
                expected = f"empty or {first!r}" if first else "empty"
                detail = f"{label}: Must be {expected}, as in the first row of the handle."
                raise ParseError(line, f"{detail} Give another product its own handle.")
        if not _is_variant(row) and not row.get("image") and "price" not in row:
            raise ParseError(line, "The row ends early: Must have a price or an image.")
    for line, row in group.rows:
        for n in (1, 2, 3):
            if row.get(f"option{n}_value") and not head.get(f"option{n}_name"):
                name = f"Option{n} name"
                raise ParseError(line, f"{name}: Must not be empty: this row has a value for it.")


def _label(name: str) -> str:
    return name.capitalize().replace("_", " ") if name.startswith("option") else name


_VARIANT_FIELDS = (
    *("price", "sku", "barcode", "units", "list_price"),
    *(f"option{n}_value" for n in (1, 2, 3)),
)


def _is_variant(row: dict[str, str]) -> bool:
    """Return whether a row is a variant; otherwise it is a further image."""
    return any(row.get(name) for name in _VARIANT_FIELDS)


def _variant(
    line: int, row: dict[str, str], names: dict[int, str], product_id: str, options: ImportOptions
) -> DraftVariant:
    if not row.get("price"):
        raise ParseError(line, "price: Must not be empty.")
    choices = tuple(
        OptionChoice(name, row.get(f"option{n}_value", "")) for n, name in names.items()
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
    sku = "-".join([product_id, *(slug(c.value) for c in choices)])
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
