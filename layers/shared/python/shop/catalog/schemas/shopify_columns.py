"""Columns of Shopify's product CSV: their names in old and new exports, and their fields."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from shop.catalog.model.row_places import ID_COLUMN
from shop.catalog.schemas.file_parsing import FileParseResult, ParseError, column_name, listed
from shop.kernel.errors import Unprocessable

_COLUMNS: dict[str, tuple[str, ...]] = {
    # Field of the parser: Shopify's column names, old and new, in lower case.
    "id": (ID_COLUMN,),
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
    "tracker": ("variant inventory tracker", "inventory tracker"),
    "units": ("variant inventory qty", "variant inventory quantity", "inventory quantity"),
    "price": ("variant price", "price"),
    "list_price": ("variant compare at price", "compare-at price", "compare at price"),
    "cost": ("cost per item",),
    "taxable": ("variant taxable", "charge tax"),
    "tax_class": ("tax class",),
    "tax_code": ("variant tax code", "tax code"),
    "shipping": ("variant requires shipping", "requires shipping"),
    "fulfilment": ("variant fulfillment service", "fulfillment service"),
    "gift_card": ("gift card",),
    "oversell": ("variant inventory policy", "continue selling when out of stock"),
    "image": ("image src", "product image url"),
    "image_alt": ("image alt text",),
    "image_position": ("image position",),
    "variant_image": ("variant image", "variant image url"),
    **{f"option{n}_name": (f"option{n} name",) for n in (1, 2, 3)},
    **{f"option{n}_value": (f"option{n} value",) for n in (1, 2, 3)},
}
_FIELD_BY_COLUMN = {column: field for field, columns in _COLUMNS.items() for column in columns}
_UNUSED = frozenset(
    {
        *("variant weight unit", "weight unit for display", "seo title", "seo description"),
        *(f"option{n} linked to" for n in (1, 2, 3)),
    }
)
"""Columns of every export that the shop does not use; the parser ignores them without a notice.

None of them changes an amount of money, or whether an article is sold.
"""
_MARKET = re.compile(r"(?:price|compare[ -]at price|included) / .+")
_METAFIELD = re.compile(r"metafield: .+|.*\bmetafields\..+")
_MAX_SHOWN = 200
"""Characters of the column names that a message shows."""
_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0"})

Fields = dict[str, str]
"""The cells of a row by the parser's field; :data:`MARKET` has the columns of its markets."""
MARKET = "market"


@dataclass
class Columns:
    """The columns of a file by position: those of a field, and those of a market by name."""

    fields: dict[int, str] = field(default_factory=dict)
    markets: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, header: Sequence[str], result: FileParseResult) -> "Columns":
        """Find the columns in a header, and note those that the shop has no field for.

        Raises :class:`Unprocessable` (``columns_missing``) without a title or price.
        """
        columns = cls()
        metafields, unknown = 0, list[str]()
        for n, name in enumerate(header):
            field_name = _FIELD_BY_COLUMN.get(name)
            if field_name is not None and field_name not in columns.fields.values():
                columns.fields[n] = field_name
            elif field_name is not None:
                result.notice(f"The column {name} appears twice: the first one is used.")
            elif _MARKET.fullmatch(name):
                columns.markets[n] = name
            elif _METAFIELD.fullmatch(name):
                metafields += 1
            elif name and name not in _UNUSED:
                unknown.append(name)
        if metafields:
            word = "column" if metafields == 1 else "columns"
            result.notice(f"{metafields} {word} of metafields ignored: the shop has none.")
        if unknown:
            result.notice(
                f"Columns ignored, because the shop has no such field: {listed(unknown)}."
            )
        columns._require("title", f"{explain_header(header)} Send Shopify's product CSV.")
        columns._require(
            "price", "The first line has no column 'Price' or 'Variant Price'. Add one."
        )
        result.columns = {name: column_name(n) for n, name in columns.fields.items()}
        return columns

    def _require(self, field_name: str, detail: str) -> None:
        if field_name not in self.fields.values():
            raise Unprocessable(detail, code="columns_missing", path="$")

    def position(self, field_name: str) -> int | None:
        """Return the position of a field's column, if the file has it."""
        return next((n for n, name in self.fields.items() if name == field_name), None)

    def read(self, cells: Sequence[str]) -> Fields:
        """Return the cells of a row by field."""
        found = {name: cells[n] for n, name in self.fields.items() if n < len(cells)}
        markets = [
            name
            for n, name in self.markets.items()
            if n < len(cells) and cells[n] and cells[n].lower() not in _YES
        ]
        return {**found, MARKET: ", ".join(markets)} if markets else found


def explain_header(header: Sequence[str]) -> str:
    """Return a sentence that says why the first line has no column of titles."""
    first = header[0] if header else ""
    if not any(header):
        return "The first line is empty. Remove the lines above the column names."
    if re.match(r"sep=.?$", first):
        return "The first line begins with 'sep=', a mark of spreadsheets. Remove this line."
    if re.match(r"- ?\w+:|-$", first):
        return (
            "This is a YAML list. Send it as application/yaml, or to a job with format yaml."
            " Otherwise:"
        )
    if len(header) == 1 and re.search(r"title.*[,;\t]|[,;\t].*title", first):
        return "Each line is one quoted cell. Remove the quotes around the whole lines."
    if len(header) == 1 and (sign := re.search(r"[|:^~]| {2,}", first)) and "title" in first:
        return (
            f"Its cells are separated by {sign[0]!r}. Separate them by commas, semicolons or tabs."
        )
    names = listed([name for name in header if name])
    return f"The first line has no column 'Title'. Its columns are: {names[:_MAX_SHOWN]}."


def parse_flag(row: Fields, name: str, label: str, line: int) -> bool | None:
    """Return the value of a cell that is TRUE or FALSE, ``None`` if it is empty.

    Raises :class:`ParseError` for another text: a spreadsheet may write it in another language.
    """
    text = row.get(name, "").lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    if text:
        raise ParseError(line, f"{label}: Must be TRUE or FALSE, not {row[name]!r}.")
    return None
