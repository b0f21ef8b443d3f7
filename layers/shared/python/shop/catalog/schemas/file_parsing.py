"""Helpers that both parsers of product files share."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote, urljoin

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.actions.product_admin import Draft
from shop.catalog.model import Media, ProductStatus
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.import_report import EntryNotice, RejectedEntry

MAX_LISTED = 20
"""Names that a notice lists; it counts the others."""


@dataclass
class FileParseResult:
    """The entries and rejections of a file, and the notices on the file as a whole.

    ``unknown_fields`` are names of fields that the shop does not store. ``row_numbers`` are the
    rows of a spreadsheet by their first lines, and ``columns`` its columns (A, B …) by field.
    ``tax_classes`` are those of the shop, ``None`` if they are not known.
    """

    entries: list[ImportEntry] = field(default_factory=list)
    rejected: list[RejectedEntry] = field(default_factory=list)
    notices: dict[str, None] = field(default_factory=dict)
    unknown_fields: dict[str, None] = field(default_factory=dict)
    row_numbers: dict[int, int] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    tax_classes: frozenset[str] | None = None

    def reject(self, line: int, reason: str, product: str | None = None) -> None:
        self.rejected.append(RejectedEntry(line, reason, product))

    def notice(self, text: str) -> None:
        self.notices[text] = None

    def located(self, entry: RejectedEntry) -> RejectedEntry:
        """Return a rejection with its place in a spreadsheet, if the file is one."""
        name = re.sub(r"\[[0-9]+\].*", "", entry.reason.partition(":")[0])
        if _SKU_TAKEN.match(name):
            name = "sku"
        row = self.row_numbers.get(entry.line)
        column = self.columns.get(_FIELD_BY_NAME.get(name, name)) if row else None
        return replace(entry, row=row, column=column)


_SKU_TAKEN = re.compile(r"(?:Product .* already sells )?SKU ")
_FIELD_BY_NAME = {
    "compare-at price": "list_price",
    "weight": "grams",
    "weight_g": "grams",
    "stock": "units",
    "gift card": "gift_card",
    "tax class": "tax_class",
    "image position": "image_position",
    "requires shipping": "shipping",
    "inventory policy": "oversell",
    "media": "image",
    "categories": "type",
    "description": "html",
    **{f"Option{n} {part}": f"option{n}_{part}" for n in (1, 2, 3) for part in ("name", "value")},
}
"""Fields of a file by the name that reasons have for them, where it differs."""


def column_name(number: int) -> str:
    """Return the name of a column in a spreadsheet, from 0: A, B … Z, AA."""
    head, last = divmod(number, 26)
    return (column_name(head - 1) if head else "") + chr(ord("A") + last)


@dataclass
class EntryNotices:
    """The notices on one product: each text once, with all its lines."""

    lines: dict[str, list[int]] = field(default_factory=dict)

    def add(self, line: int, text: str) -> None:
        self.lines.setdefault(text, []).append(line)

    def all(self) -> tuple[EntryNotice, ...]:
        return tuple(EntryNotice(tuple(lines), text) for text, lines in self.lines.items())


class ParseError(Exception):
    """A product of a file cannot be parsed; ``line`` and ``reason`` name the cause."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def build_import_entry(
    product_id: str,
    draft: Draft,
    *,
    line: int,
    variant_lines: tuple[int, ...] = (),
    status: ProductStatus | None = None,
    counts: dict[str, int] | None = None,
    classed: Iterable[int] = (),
    notices: EntryNotices | None = None,
) -> ImportEntry:
    """Build an entry with the digest of all data of the product in the file."""
    stated = asdict(draft)
    for variant in stated["variants"]:
        # The content is what the file states, however its SKU is found.
        del variant["is_sku_derived"]
    content: list[Any] = [stated, status, counts]
    # A class that is stated is content, also if it is the one that goods without it get.
    if classes := sorted(classed):
        content.append(classes)
    digest = hashlib.sha256(
        json.dumps(content, sort_keys=True, default=str).encode("utf-8", "replace")
    )
    return ImportEntry(
        product_id=product_id,
        draft=draft,
        source=digest.hexdigest()[:32],
        line=line,
        variant_lines=variant_lines,
        status=status,
        counts=counts or {},
        classed=frozenset(classes),
        notices=notices.all() if notices else (),
    )


def listed(names: Sequence[str]) -> str:
    """Return the first names of a list, and the number of the others."""
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def parse_stock_count(text: Any, line: int, notices: EntryNotices) -> int:
    """Parse a number of units; a negative one becomes zero and adds a notice.

    Shop systems export negative counts for oversold articles. Raises :class:`ParseError`.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        units = text
    elif isinstance(text, str) and re.fullmatch(r"\s*-?[0-9]{1,10}\s*", text):
        units = int(text)
    else:
        raise ParseError(line, f"stock: Must be a whole number of at most 10 digits, not {text!r}.")
    if units > 1_000_000_000:
        raise ParseError(line, f"stock: Must be at most 1000000000 units, not {units}.")
    if units < 0:
        notices.add(line, "The count is below zero: it is imported as zero.")
    return max(units, 0)


def product_image(
    name: str, alt: str, options: ImportOptions, result: FileParseResult
) -> tuple[Media, ...]:
    """Return the image with this URL or, below ``media_base``, this file name."""
    if name.startswith(("http://", "https://")):
        return (Media(name, alt=alt),)
    if options.media_base is None:
        result.notice("Images are omitted: the file has names only. Send their base URL as media.")
        return ()
    return (Media(urljoin(options.media_base, quote(name)), alt=alt),)
