"""What readers of product files have in common."""

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
    """What was read of a file so far."""

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
        """Say what was gathered line by line."""
        if self.below_zero:
            lines = ", ".join(str(line) for line in self.below_zero[:MAX_LISTED_LINES])
            more = len(self.below_zero) - MAX_LISTED_LINES
            lines += f" and {more} more" if more > 0 else ""
            word = "line" if len(self.below_zero) == 1 else "lines"
            self.notice(f"counts below zero were taken as zero: {word} {lines}")


@frozen(slots=False)
class ImportOptions:
    """What a file does not say itself.

    ``currency`` of its prices; ``encoding``, where it is not UTF-8; ``media_base``, the URL below
    which pictures lie that it names without one; ``first_line``, the number of its first line
    where it is part of a larger one.
    """

    currency: str = "USD"
    media_base: str | None = None
    first_line: int = 1
    encoding: str = "utf-8"


class ParseError(Exception):
    """One product of a file is not understood; ``line`` says where."""

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
    """An entry with the digest of everything that the file says of the product."""
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
    """A number of units as files have it, not below zero. Raises :class:`Unreadable`."""
    if isinstance(text, int) and not isinstance(text, bool):
        units = text
    elif isinstance(text, str) and re.fullmatch(r"\s*-?[0-9]{1,10}\s*", text):
        units = int(text)
    else:
        raise ParseError(line, f"stock: {text!r} is not a whole number")
    if units > 1_000_000_000:
        raise ParseError(line, f"stock: {units} units cannot be right")
    if units < 0:
        result.below_zero.append(line)
    return max(units, 0)


def product_image(
    name: str, alt: str, options: ImportOptions, result: FileParseResult
) -> tuple[Media, ...]:
    """The picture that a file names, if it can be shown: by its URL, or below ``media_base``."""
    if name.startswith(("http://", "https://")):
        return (Media(name, alt=alt),)
    if options.media_base is None:
        result.notice("pictures are file names only and were left out; say where they lie (media)")
        return ()
    return (Media(urljoin(options.media_base, quote(name)), alt=alt),)
