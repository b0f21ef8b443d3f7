"""Shared parts of the parsers of product files."""

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
"""Lines that a notice names; it says how many more there are."""


@dataclass
class FileParseResult:
    """The products parsed so far, and the problems found."""

    entries: list[ImportEntry] = field(default_factory=list)
    rejected: list[RejectedEntry] = field(default_factory=list)
    notices: dict[str, None] = field(default_factory=dict)
    below_zero: list[int] = field(default_factory=list)
    """Lines whose counts were."""

    def reject(self, line: int, reason: str, product: str | None = None) -> None:
        self.rejected.append(RejectedEntry(line, reason, product))

    def notice(self, text: str) -> None:
        self.notices[text] = None

    def add_line_notices(self) -> None:
        """Add one notice for all lines with a count below zero."""
        if self.below_zero:
            lines = ", ".join(str(line) for line in self.below_zero[:MAX_LISTED_LINES])
            more = len(self.below_zero) - MAX_LISTED_LINES
            lines += f" and {more} more" if more > 0 else ""
            word = "line" if len(self.below_zero) == 1 else "lines"
            self.notice(f"counts below zero were taken as zero: {word} {lines}")


@frozen(slots=False)
class ImportOptions:
    """Facts about a file that it does not contain.

    - ``currency``: the currency of its prices.
    - ``encoding``: its character encoding.
    - ``media_base``: the URL before relative names of images.
    - ``first_line``: the number of its first line, for a part of a larger file.
    """

    currency: str = "USD"
    media_base: str | None = None
    first_line: int = 1
    encoding: str = "utf-8"


class ParseError(Exception):
    """A product of a file cannot be parsed; ``line`` is its line."""

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
    """Return an entry with the digest of the product's content in the file."""
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


def count_of(text: Any, line: int, reading: FileParseResult) -> int:
    """Return a number of units; below zero counts as zero. Raises :class:`ParseError`."""
    if isinstance(text, int) and not isinstance(text, bool):
        units = text
    elif isinstance(text, str) and re.fullmatch(r"\s*-?[0-9]{1,10}\s*", text):
        units = int(text)
    else:
        raise ParseError(line, f"stock: {text!r} is not a whole number")
    if units > 1_000_000_000:
        raise ParseError(line, f"stock: {units} units cannot be right")
    if units < 0:
        reading.below_zero.append(line)
    return max(units, 0)


def picture(
    name: str, alt: str, terms: ImportOptions, reading: FileParseResult
) -> tuple[Media, ...]:
    """Return the image of a file by its URL or below ``media_base``; empty without both."""
    if name.startswith(("http://", "https://")):
        return (Media(name, alt=alt),)
    if terms.media_base is None:
        reading.notice("pictures are file names only and were left out; say where they lie (media)")
        return ()
    return (Media(urljoin(terms.media_base, quote(name)), alt=alt),)
