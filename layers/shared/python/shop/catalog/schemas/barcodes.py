"""Barcodes that several variants of a product CSV share."""

from dataclasses import dataclass, field

from shop.catalog.schemas.file_parsing import FileParseResult, listed
from shop.kernel.errors import counted

MAX_LINES_NAMED = 5
"""Lines that the notice names for a barcode."""


@dataclass
class BarcodeUses:
    """The lines of the variants by barcode (GTIN), which should name one article only."""

    _first: dict[str, int] = field(default_factory=dict)
    _shared: dict[str, list[int]] = field(default_factory=dict)

    def add(self, line: int, cell: str) -> None:
        barcode = cell.lstrip("'")
        if not barcode:
            return
        first = self._first.setdefault(barcode, line)
        if first != line:
            lines = self._shared.setdefault(barcode, [first])
            if len(lines) <= MAX_LINES_NAMED:
                lines.append(line)

    def note_shared(self, result: FileParseResult) -> None:
        """Add a notice on the barcodes that several variants have, if there are any."""
        if not self._shared:
            return
        places = [f"{code} ({_lines(lines)})" for code, lines in self._shared.items()]
        number = counted(len(places), "barcode")
        result.notice(
            f"{number} (GTIN) of this file {'is' if len(places) == 1 else 'are'} used by several"
            f" variants: {listed(places)}. A barcode names one article: correct the file."
        )


def _lines(lines: list[int]) -> str:
    named = ", ".join(map(str, lines[:MAX_LINES_NAMED]))
    return f"lines {named}" + (" and more" if len(lines) > MAX_LINES_NAMED else "")
