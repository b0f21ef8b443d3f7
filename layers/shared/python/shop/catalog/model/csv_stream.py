"""A product CSV that is read line by line, so that a file of any size needs little memory."""

import csv
from collections.abc import Iterable, Iterator

from shop.catalog.model.csv_rows import DELIMITERS, CsvRow, clean_cell, malformed_quote
from shop.kernel.errors import Unprocessable

MAX_CELL_CHARACTERS = 1_000_000
"""A longer cell begins with a quote that is not closed: no field of a product is as long."""
MAX_ROW_CHARACTERS = 8_000_000


class _Recorder:
    """The lines of a file, with those of the current row."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.row: list[str] = []
        self.characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.row.append(line)
        self.characters += len(line)
        if self.characters > MAX_ROW_CHARACTERS:
            raise csv.Error("the row is too long")
        return line

    def begin_row(self) -> None:
        self.row, self.characters = [], 0


class CsvStream:
    """The header and the rows of a CSV, read once.

    A file with a malformed quote is rejected as a whole, because a part of it is already read as
    other cells than it has. Raises :class:`Unprocessable` (``csv_malformed``) with the quote's
    line.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        # The first line decides the delimiter, so it is read before the reader exists.
        self._lines = _Recorder(lines)
        first = next(self._lines, "")
        self._lines.begin_row()
        self.delimiter = max(DELIMITERS, key=first.count)
        self._reader = csv.reader(self._with_first(first), delimiter=self.delimiter, strict=True)
        self.header = [clean_cell(name).lower() for name in self._read() or ()]

    def rows(self) -> Iterator[CsvRow]:
        """Yield the rows that are not blank. Raises :class:`Unprocessable`."""
        number = 1
        while True:
            number += 1
            before = self._reader.line_num
            if (cells := self._read()) is None:
                return
            cleaned = tuple(clean_cell(cell) for cell in cells)
            if any(cleaned):
                inner = tuple(self._lines.row[1:])
                end = self._reader.line_num
                yield CsvRow(
                    line=before + 1, end=end, number=number, cells=cleaned, inner_lines=inner
                )

    def _with_first(self, first: str) -> Iterator[str]:
        if first:
            self._lines.row.append(first)
            yield first
        yield from self._lines

    def _read(self) -> list[str] | None:
        """Return the cells of the next row, or ``None`` at the end of the file."""
        self._lines.begin_row()
        before = self._reader.line_num
        # It belongs to the process: another reader may have set its own meanwhile.
        csv.field_size_limit(MAX_CELL_CHARACTERS)
        try:
            return next(self._reader, None)
        except csv.Error:
            raise self._malformed(before + 1) from None

    def _malformed(self, line: int) -> Unprocessable:
        quote = malformed_quote("".join(self._lines.row), self.delimiter)
        if quote is None:
            problem = f"The row that begins on line {line} is no valid CSV, or too long."
        elif not quote[2]:
            problem = f"The quote opened on line {line + quote[0]} is never closed."
        else:
            problem = (
                f"The quote opened on line {line + quote[0]} is closed on line {line + quote[1]}"
                f" before {quote[2]!r}, inside the cell. Close it at the end of the cell; double a"
                " quote that is text."
            )
        return Unprocessable(f"{problem} Nothing was imported.", code="csv_malformed", path="$")
