"""Rows of a product CSV: its cells, its lines, and where its quotes are malformed.

The parser of the shop and the upload of large files share this module, so a file that is uploaded
in parts is read as a whole file is.
"""

import csv
import io
import re
from collections.abc import Iterator

from shop.kernel.errors import Unprocessable
from shop.kernel.frozen import frozen
from shop.kernel.text_files import LINE_END, count_line_ends

DELIMITERS = ",;\t"
MIN_CELL_LIMIT = 131_072
"""Python's own limit of the characters of a cell; a reader of the shop sets no smaller one."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTES = re.compile('""|"')
_SHOWN_CHARACTERS = 20
"""Characters after a misplaced quote that a message quotes."""


@frozen(slots=False, kw_only=True)
class CsvRow:
    """A row of a file: its cells, and its first and last line in the file, from 1.

    ``number`` is the row's number in a spreadsheet, where a row may have several lines.
    ``inner_lines`` are the lines of the text after the first one. ``unread`` is the text from a
    malformed quote to the end of the file; the row then has no cells, and ``problem`` says where
    the quote opens.
    """

    line: int
    end: int
    number: int = 0
    cells: tuple[str, ...] = ()
    inner_lines: tuple[str, ...] = ()
    unread: str = ""
    problem: str | None = None
    problem_line: int = 0


class CsvTable:
    """The header and the rows of a CSV text.

    Raises :class:`Unprocessable` (``csv_malformed``) if the header is not valid CSV.
    """

    def __init__(self, text: str) -> None:
        # StringIO ends lines as LINE_END does, and csv counts the lines that it is given.
        self.lines = list(io.StringIO(text, newline=""))
        first = self.lines[0] if self.lines else ""
        self.delimiter = max(DELIMITERS, key=first.count)
        self._limit = max(len(text), MIN_CELL_LIMIT)
        # Strict: text after a closing quote means that the quote was not meant to close there.
        self._reader = csv.reader(self.lines, delimiter=self.delimiter, strict=True)
        try:
            csv.field_size_limit(self._limit)
            names = next(self._reader, [])
        except csv.Error:
            problem = self._quote_problem(1)[1]
            detail = f"The column names cannot be read. {problem}"
            raise Unprocessable(detail, code="csv_malformed", path="$") from None
        self.header = [clean_cell(name).lower() for name in names]
        self.header_end = self._reader.line_num

    def rows(self, first_line: int = 1) -> Iterator[CsvRow]:
        """Yield the rows that are not blank, and the unread rest of a malformed file.

        ``first_line`` is the number of the header's first line.
        """
        shift, number = first_line - 1, 1
        while True:
            number += 1
            before = self._reader.line_num
            try:
                # It belongs to the process: another reader may have set its own meanwhile.
                csv.field_size_limit(self._limit)
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error:
                opened, problem = self._quote_problem(before + 1, shift)
                yield CsvRow(
                    line=before + 1 + shift,
                    end=len(self.lines) + shift,
                    number=number,
                    unread="".join(self.lines[before:]),
                    problem=problem,
                    problem_line=opened,
                )
                return
            cleaned = tuple(clean_cell(cell) for cell in cells)
            if any(cleaned):
                end = self._reader.line_num
                yield CsvRow(
                    line=before + 1 + shift,
                    end=end + shift,
                    number=number,
                    cells=cleaned,
                    inner_lines=tuple(self.lines[before + 1 : end]),
                )

    def _quote_problem(self, line: int, shift: int = 0) -> tuple[int, str]:
        """Return the line of the quote that makes a row malformed, and the problem in words."""
        quote = malformed_quote("".join(self.lines[line - 1 :]), self.delimiter)
        if quote is None:
            return line + shift, "Must be valid CSV."
        opened, closed, after = (line + quote[0] + shift, line + quote[1] + shift, quote[2])
        if not after:
            problem = f"The quote opened on line {opened} is never closed."
        else:
            problem = (
                f"The quote opened on line {opened} is closed on line {closed} before {after!r},"
                " inside the cell. Close it at the end of the cell; double a quote that is text."
            )
        return opened, f"{problem} Nothing was read from line {line + shift} on."


def clean_cell(text: str) -> str:
    """Return a cell without surrounding space, also without the marks of joined files.

    The apostrophe before a neutralized formula is removed.
    """
    cleaned = text.strip().strip("\ufeff").strip()
    return cleaned[1:] if cleaned.startswith("'") and _FORMULA.match(cleaned) else cleaned


def neutralize_formula(text: str) -> str:
    """Return a cell that no spreadsheet reads as a formula; :func:`clean_cell` restores it."""
    return f"'{text}" if _FORMULA.match(text) else text


def malformed_quote(row: str, delimiter: str) -> tuple[int, int, str] | None:
    """Return where the first malformed quote of a row opens and closes, and the text after it.

    Lines count from 0. Without text the quote is never closed. The rules are those of csv: a quote
    at the start of a cell opens it, and a doubled quote is text.
    """
    line = at = 0
    cell_start = re.compile(rf'(?:\A|[{re.escape(delimiter)}\r\n])"')
    while (opening := cell_start.search(row, at)) is not None:
        line += count_line_ends(row, at, opening.end())
        opened, at = line, opening.end()
        closing = next((q for q in _QUOTES.finditer(row, at) if q[0] == '"'), None)
        if closing is None:
            return opened, opened, ""
        line += count_line_ends(row, at, closing.start())
        at = closing.end()
        if at < len(row) and row[at] not in (delimiter, "\r", "\n"):
            return opened, line, LINE_END.split(row[at : at + _SHOWN_CHARACTERS])[0]
    return None
