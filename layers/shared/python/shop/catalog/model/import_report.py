"""The report of an import: rejected entries, and notices that are folded by their text."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shop.catalog.model.import_content import ImportContent
from shop.kernel.frozen import frozen

MAX_PRODUCTS_NAMED = 20
"""Products that a folded notice names; it counts all."""
MAX_NOTICES = 200
"""Notices with different texts in the report of a large file."""


@frozen(slots=False)
class EntryNotice:
    """Content of a product that the shop does not import as the file states it, and its lines."""

    lines: tuple[int, ...]
    text: str


@frozen(slots=False)
class RejectedEntry:
    """A rejected product or row of a file, with its line and the reason.

    ``row`` and ``column`` are the place in a spreadsheet, if the file is a CSV.
    """

    line: int
    reason: str
    product: str | None = None
    row: int | None = None
    column: str | None = None


@frozen(slots=False)
class ProductNotice:
    """A notice with the product that it is about."""

    product: str
    lines: tuple[int, ...]
    text: str


@frozen(slots=False)
class PartReport:
    """The report of one part of a large file."""

    rejected: tuple[RejectedEntry, ...] = ()
    notices: tuple[str, ...] = ()
    product_notices: tuple[ProductNotice, ...] = ()
    content: ImportContent = ImportContent()


@frozen(slots=False)
class FoldedNotice:
    """A notice on several products: their number, and the first of them by line."""

    text: str
    products: int
    examples: tuple[ProductNotice, ...]


@frozen(slots=False)
class ReportSummary:
    """The notices of a whole file, and the numbers of its products in the shop."""

    notices: tuple[str, ...] = ()
    product_notices: tuple[FoldedNotice, ...] = ()
    content: ImportContent = ImportContent()


@dataclass
class ReportBuilder:
    """Adds the reports of all parts together. Its memory grows with the rejected entries only."""

    rejected: list[RejectedEntry] = field(default_factory=list)
    content: ImportContent = field(default_factory=ImportContent)
    _notices: dict[str, None] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _examples: dict[str, list[ProductNotice]] = field(default_factory=dict)

    def add(self, report: PartReport) -> None:
        self.rejected += report.rejected
        self.content = self.content.plus(report.content)
        self._notices.update(dict.fromkeys(report.notices))
        for notice in report.product_notices:
            self._counts[notice.text] = self._counts.get(notice.text, 0) + 1
            self._examples.setdefault(notice.text, []).append(notice)
        for text, examples in self._examples.items():
            self._examples[text] = _first(examples)

    def summary(self) -> ReportSummary:
        by_line = sorted(self._examples, key=lambda text: self._examples[text][0].lines)
        return ReportSummary(
            (*self.content.notices, *tuple(self._notices)[:MAX_NOTICES]),
            tuple(
                FoldedNotice(text, self._counts[text], tuple(self._examples[text]))
                for text in by_line[:MAX_NOTICES]
            ),
            self.content,
        )

    def pages(self, size: int) -> list[tuple[RejectedEntry, ...]]:
        """Return the rejected entries by line, in pages; an import without them has no page."""
        ordered = sorted(self.rejected, key=lambda r: r.line)
        return [tuple(ordered[n : n + size]) for n in range(0, len(ordered), size)]


def _first(notices: Iterable[ProductNotice]) -> list[ProductNotice]:
    return sorted(notices, key=lambda notice: notice.lines)[:MAX_PRODUCTS_NAMED]
