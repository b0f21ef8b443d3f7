"""Helpers that both parsers of product files share."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

from shop.catalog.actions.importing import ImportEntry, RejectedEntry
from shop.catalog.actions.product_admin import Draft
from shop.catalog.model import Media, ProductStatus
from shop.kernel.frozen import frozen

MAX_LISTED_LINES = 20
"""Line numbers that a notice lists; it counts the others."""


@dataclass
class FileParseResult:
    """The entries, rejections and notices of a file.

    ``below_zero`` lists the lines with negative stock counts.
    """

    entries: list[ImportEntry] = field(default_factory=list)
    rejected: list[RejectedEntry] = field(default_factory=list)
    notices: dict[str, None] = field(default_factory=dict)
    below_zero: list[int] = field(default_factory=list)

    def reject(self, line: int, reason: str, product: str | None = None) -> None:
        self.rejected.append(RejectedEntry(line, reason, product))

    def notice(self, text: str) -> None:
        self.notices[text] = None

    def add_line_notices(self) -> None:
        """Add the notice on negative counts; call it after the whole file is parsed."""
        if self.below_zero:
            lines = ", ".join(str(line) for line in self.below_zero[:MAX_LISTED_LINES])
            more = len(self.below_zero) - MAX_LISTED_LINES
            lines += f" and {more} more" if more > 0 else ""
            word = "line" if len(self.below_zero) == 1 else "lines"
            self.notice(f"Stock counts below zero are imported as zero: {word} {lines}.")


@frozen(slots=False)
class ImportOptions:
    """Options of an import that the file itself does not contain.

    ``currency`` is that of its prices. ``encoding`` names an encoding other than UTF-8.
    ``media_base`` is the base URL of images that the file gives by name. ``first_line`` is the
    number of the first line of a file that is part of a larger one.
    """

    currency: str = "USD"
    media_base: str | None = None
    first_line: int = 1
    encoding: str = "utf-8"


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
) -> ImportEntry:
    """Build an entry with the digest of all data of the product in the file."""
    content = json.dumps([asdict(draft), status, counts], sort_keys=True, default=str)
    return ImportEntry(
        product_id=product_id,
        draft=draft,
        source=hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32],
        line=line,
        variant_lines=variant_lines,
        status=status,
        counts=counts or {},
    )


def parse_stock_count(text: Any, line: int, result: FileParseResult) -> int:
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
        result.below_zero.append(line)
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
