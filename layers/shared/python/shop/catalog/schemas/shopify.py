"""Parser of Shopify's product CSV, with the column names of old and new exports.

Each row is a variant or a further image. The rows of one handle are one product; the first of them
has the fields of the product.

Source: help.shopify.com, "Using CSV files to import and export products".
"""

import re
from dataclasses import dataclass, field, replace

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft, DraftVariant
from shop.catalog.model import Category, Media, Option, ProductStatus
from shop.catalog.model.csv_rows import CsvTable
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.row_places import PlacedRow, handle_key, place_rows
from shop.catalog.model.validation import MAX_OPTIONS, MAX_VARIANTS, PRODUCT_ID
from shop.catalog.schemas.barcodes import BarcodeUses
from shop.catalog.schemas.file_parsing import (
    EntryNotices,
    FileParseResult,
    ParseError,
    build_import_entry,
    product_image,
)
from shop.catalog.schemas.html_sanitizer import clean_html, clean_text, plain_text
from shop.catalog.schemas.shopify_columns import Columns, Fields, parse_flag
from shop.catalog.schemas.shopify_variants import (
    check_combinations,
    is_variant,
    note_similar_values,
    parse_opening_stock,
    parse_variant,
    states_class,
    states_tax,
    with_derived_skus,
)
from shop.kernel.errors import Unprocessable
from shop.kernel.ids import derived_id
from shop.kernel.text_folding import fold
from shop.kernel.text_validation import LINE_MESSAGE, absent_if_blank, has_line_break

_STATUS = {
    "active": ProductStatus.PUBLISHED,
    "draft": ProductStatus.DRAFT,
    "unlisted": ProductStatus.DRAFT,
    "archived": ProductStatus.ARCHIVED,
}
_UNPLACED_IMAGE = 10**9
"""Position of an image without one: after all that have one."""


@dataclass
class ProductRows:
    """The rows of one handle with their lines."""

    handle: str
    rows: list[tuple[int, Fields]] = field(default_factory=list)


def read_csv(text: str, options: ImportOptions, *, max_products: int) -> FileParseResult:
    """Parse a file; the rows of a handle are one product, imported as a whole or rejected.

    Raises :class:`Unprocessable` if the first line is not that of a Shopify product file, or if the
    file has more than ``max_products``, or more rows than that which cannot be placed.
    """
    result = FileParseResult()
    table = CsvTable(text)
    columns = Columns.of(table.header, result)
    groups: dict[str, ProductRows] = {}
    broken: dict[str, int | None] = {}
    barcodes = BarcodeUses()
    for placed in place_rows(table, first_line=options.first_line, max_products=max_products):
        if options.first_line == 1:  # a part of a file does not know its rows
            result.row_numbers[placed.row.line] = placed.row.number
        if placed.problem is not None:
            reject_row(placed, broken, result)
            if len(result.rejected) > max_products:
                raise Unprocessable(
                    f"More than {max_products} rows cannot be placed, the first on line"
                    f" {result.rejected[0].line}: {result.rejected[0].reason}",
                    code="too_many",
                    path="$",
                )
        elif placed.product is not None:
            group = groups.setdefault(placed.product, ProductRows(placed.product))
            fields = columns.read(placed.row.cells)
            group.rows.append((placed.row.line, fields))
            barcodes.add(placed.row.line, fields.get("barcode", ""))
    barcodes.note_shared(result)
    for group in groups.values():
        if group.handle in broken:
            reject_incomplete(group.handle, group.rows[0][0], broken, result)
        else:
            read_product(group, options, result)
    return result


def read_product(group: ProductRows, options: ImportOptions, result: FileParseResult) -> None:
    """Add the entry of a product to the result, or the reason why it cannot be imported."""
    try:
        result.entries.append(_entry(group, options, result))
    except ParseError as error:
        result.reject(error.line, error.reason, group.handle)


def reject_incomplete(
    handle: str, line: int, broken: dict[str, int | None], result: FileParseResult
) -> None:
    """Reject a product that would lose the variant of a row that cannot be placed."""
    if (row_line := broken[handle]) is not None:
        reason = f"Line {row_line} may belong to this product. Correct that line."
        result.reject(line, reason, handle)


def reject_row(placed: PlacedRow, broken: dict[str, int | None], result: FileParseResult) -> None:
    """Report a row that cannot be placed, and note the products that may lack it.

    The report names one product; the line of each other one (``broken``) is reported with it.
    """
    line = placed.row.problem_line or placed.row.line
    if placed.row.line in result.row_numbers:
        result.row_numbers[line] = placed.row.number
    named = placed.product or (placed.suspects[0] if len(placed.suspects) == 1 else None)
    result.reject(line, placed.problem or "", named)
    for key in placed.suspects:
        broken.setdefault(key, line)
    if named is not None:
        broken[named] = None


def _entry(group: ProductRows, options: ImportOptions, result: FileParseResult) -> ImportEntry:
    line, head = group.rows[0]
    notices = EntryNotices()
    _check_head(line, head)
    handle = handle_key(head.get("handle") or group.handle)
    product_id = group.handle if head.get("id") else product_id_of(handle)
    _check_rows(group)
    rows = [(at, row) for at, row in group.rows if is_variant(row)]
    if len(rows) > MAX_VARIANTS:
        detail = f"Must have at most {MAX_VARIANTS} variants, not {len(rows)}."
        raise ParseError(rows[MAX_VARIANTS][0], detail)
    names = _option_names(line, head, len(rows))
    if not rows:
        raise ParseError(line, "price: Must not be empty.")
    lines = tuple(at for at, _ in rows)
    parsed = [parse_variant(at, row, names, options, notices) for at, row in rows]
    check_combinations(lines, parsed)
    note_similar_values(lines, parsed, notices)
    variants = with_derived_skus(product_id, parsed)
    counts = {
        variant.sku or product_id: units
        for (at, row), variant in zip(rows, variants, strict=True)
        if (units := parse_opening_stock(at, row, notices)) is not None
    }
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
    entry = build_import_entry(
        product_id,
        draft,
        line=line,
        variant_lines=lines,
        status=_status(head, line, notices),
        counts=counts,
        classed=(n for n, (_, row) in enumerate(rows) if states_class(row)),
        notices=notices,
    )
    return replace(entry, taxed=frozenset(n for n, (_, row) in enumerate(rows) if states_tax(row)))


def _check_head(line: int, head: Fields) -> None:
    """Raise :class:`ParseError` for a first row that makes no product."""
    if not head.get("title"):
        raise ParseError(line, "title: Must not be empty in the first row of a handle.")
    if parse_flag(head, "gift_card", "gift card", line):
        detail = (
            "gift card: The shop sells no gift cards as products. Remove this product, and issue"
            " gift cards by POST /staff/gift-cards."
        )
        raise ParseError(line, detail)


def product_id_of(handle: str) -> str:
    """Return the id of a product that a file names by its handle only."""
    return handle if PRODUCT_ID.fullmatch(handle) else derived_id("prod", handle)


def _option_names(line: int, head: Fields, variants: int) -> dict[int, str]:
    """Return the names of the product's options by number. Raises :class:`ParseError`."""
    names = {n: head[f"option{n}_name"] for n in (1, 2, 3) if head.get(f"option{n}_name")}
    values = {head.get(f"option{n}_value", "").lower() for n in names}
    is_default = values <= {"", "default title"} and variants == 1
    if [n.lower() for n in names.values()] == ["title"] and is_default:
        return {}  # Shopify gives a product without options the single option "Title".
    if len(names) > MAX_OPTIONS or len(set(map(fold, names.values()))) < len(names):
        raise ParseError(line, "options: Must have different names.")
    return names


def _check_rows(group: ProductRows) -> None:
    """Raise :class:`ParseError` for a row that contradicts the first row, or is cut off."""
    _, head = group.rows[0]
    for line, row in group.rows[1:]:
        for name in ("title", *(f"option{n}_name" for n in (1, 2, 3))):
            label, first = _label(name), head.get(name, "")
            if row.get(name) and fold(row[name]) != fold(first):
                expected = f"empty or {first!r}" if first else "empty"
                detail = f"{label}: Must be {expected}, as in the first row of the handle."
                raise ParseError(line, f"{detail} Give another product its own handle.")
    for line, row in group.rows:
        if not is_variant(row) and not row.get("image") and "price" not in row:
            raise ParseError(line, "The row ends early: Must have a price or an image.")
        for n in (1, 2, 3):
            if row.get(f"option{n}_value") and not head.get(f"option{n}_name"):
                name = f"Option{n} name"
                raise ParseError(line, f"{name}: Must not be empty: this row has a value for it.")
        _check_option_cells(line, row)


def _check_option_cells(line: int, row: Fields) -> None:
    """Raise :class:`ParseError` for the name or the value of an option with a line break."""
    for name in (f"option{n}_{part}" for n in (1, 2, 3) for part in ("name", "value")):
        if has_line_break(row.get(name, "")):
            raise ParseError(line, f"{_label(name)}: {LINE_MESSAGE}")


def _label(name: str) -> str:
    return name.capitalize().replace("_", " ") if name.startswith("option") else name


def _options(names: list[str], variants: list[DraftVariant]) -> tuple[Option, ...]:
    return tuple(
        Option(name, tuple(dict.fromkeys(v.choices[n].value for v in variants)))
        for n, name in enumerate(names)
    )


def _categories(head: dict[str, str]) -> tuple[Category, ...]:
    merchant = [Category(head["type"])] if head.get("type") else []
    shopify = [Category(head["category"], "shopify")] if head.get("category") else []
    return (*merchant, *shopify)


def _media(
    group: ProductRows, options: ImportOptions, result: FileParseResult
) -> tuple[Media, ...]:
    """Return the images by position; those without a position follow in the order of the file."""
    placed: list[tuple[int, Media]] = []
    for line, row in group.rows:
        position = row.get("image_position", "")
        if not re.fullmatch(r"[0-9]{0,9}", position):
            raise ParseError(line, f"image position: Must be a whole number, not {position!r}.")
        for medium in product_image(row["image"], "", options, result) if row.get("image") else ():
            image = Media(medium.url, alt=absent_if_blank(row.get("image_alt")))
            placed.append((int(position or _UNPLACED_IMAGE), image))
    by_url: dict[str, Media] = {}
    for _, image in sorted(placed, key=lambda item: item[0]):
        by_url.setdefault(image.url, image)
    return tuple(by_url.values())


def _status(head: Fields, line: int, notices: EntryNotices) -> ProductStatus | None:
    status = head.get("status", "").lower()
    is_published = parse_flag(head, "published", "published", line)
    if status and status not in _STATUS:
        raise ParseError(line, f"status: Must be one of {', '.join(_STATUS)}, not {status!r}.")
    if status == "unlisted":
        notices.add(line, "It is unlisted at Shopify, and sold by its link. Here it is a draft.")
    if is_published is False and _STATUS.get(status) in (None, ProductStatus.PUBLISHED):
        return ProductStatus.DRAFT
    if not status:
        return ProductStatus.PUBLISHED if is_published else None
    return _STATUS[status]
