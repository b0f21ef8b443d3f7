"""The product that each row of a product CSV belongs to.

A row belongs to the product of its id, else to that of its handle; handles compare without case. A
row that cannot be placed names every product that it may belong to (its *suspects*), because a
product must not be imported without one of its rows.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from typing import Protocol

from shop.catalog.model.csv_rows import CsvRow, CsvTable
from shop.kernel.errors import Unprocessable
from shop.kernel.frozen import frozen
from shop.kernel.text_files import LINE_END
from shop.kernel.text_folding import fold

ID_COLUMN = "doorbuster id"
"""Column of the shop's own exports: the product's id, which may differ from its handle."""
_HANDLE_COLUMNS = ("handle", "url handle")
_ONE_LINE = re.compile(
    rf"{ID_COLUMN}|handle|url handle|sku|barcode|price|compare[ -]at price|charge tax|status"
    "|published|image src|product image url|image position|variant .+"
)
"""Columns whose cells have one line: more lines in one of them come from an unclosed quote."""
_ACCENTS = re.compile("[\u0300-\u036f]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_MAX_SLUG_LENGTH = 100


@frozen(slots=False, kw_only=True)
class PlacedRow:
    """A row with the key of its product, or with the problem that prevents this.

    ``product`` is the key that the row itself names, if any. ``suspects`` are the keys of all
    products to which a row with a problem may belong.
    """

    row: CsvRow
    product: str | None = None
    problem: str | None = None
    suspects: tuple[str, ...] = ()


def place_rows(
    table: CsvTable, *, first_line: int = 1, max_products: int | None = None
) -> list[PlacedRow]:
    """Return all rows with the products that they belong to.

    Raises :class:`Unprocessable` (``too_many``) at the first row of a product too many, without
    reading the others.
    """
    rows: list[CsvRow] = []
    places = RowPlaces(table.header, table.delimiter, rows)
    for row in table.rows(first_line):
        rows.append(row)
        places.add(row)
        if max_products is not None and len(places.first_row) > max_products:
            raise too_many_products(max_products)
    return [places.place(n) for n in range(len(rows))]


def too_many_products(limit: int) -> Unprocessable:
    return Unprocessable(
        f"The file contains more than {limit} products. Send at most {limit} in one call, or"
        " up to 100,000 by POST /staff/import-jobs.",
        code="too_many",
        path="$",
    )


class Rows(Protocol):
    """The rows of a file by number."""

    def __getitem__(self, n: int, /) -> CsvRow: ...


class RowPlaces:
    """The keys of all rows of a file, from which the place of each row follows.

    First :meth:`add` every row, in the order of the file. ``rows`` may read them from a disk: only
    their keys are in memory.
    """

    def __init__(self, header: Sequence[str], delimiter: str, rows: Rows) -> None:
        self.header, self.delimiter, self.rows = header, delimiter, rows
        self.id_at = header.index(ID_COLUMN) if ID_COLUMN in header else None
        self.handle_at = next((header.index(n) for n in _HANDLE_COLUMNS if n in header), None)
        self.title_at = header.index("title") if "title" in header else None
        self._key_columns = [at for at in (self.id_at, self.handle_at) if at is not None]
        self._one_line = [n for n, name in enumerate(header) if _ONE_LINE.fullmatch(name)]
        self.first_row: dict[str, int] = {}
        """The first row of each key, in the order of the file."""
        self.by_title: dict[str, str] = {}
        self._ids_by_handle: dict[str, dict[str, None]] = {}
        """The ids that the file states for a handle."""
        self._key_names: list[str] = []
        self._key_numbers: dict[str, int] = {}
        self.keys = array("i")
        """The number of each row's key in the order of the file, or -1 for a row without one."""
        self._keys_above = array("i")

    def add(self, row: CsvRow) -> bool:
        """Add the next row. Returns whether only :meth:`place` can tell where it belongs."""
        n, title = len(self.keys), _cell(row, self.title_at)
        id_, handle = id_key(_cell(row, self.id_at)), handle_key(_cell(row, self.handle_at))
        if id_ and handle:
            self._ids_by_handle.setdefault(handle, {})[id_] = None
        key = id_ or next(iter(self._ids_by_handle.get(handle, ())), handle)
        key = key or slug(title) or handle_key(title)
        above = self.keys[-1] if n else -1
        self._keys_above.append(self._keys_above[-1] if n and above < 0 else above)
        if not key:
            self.keys.append(-1)
            return True
        number = self._key_numbers.setdefault(key, len(self._key_names))
        if number == len(self._key_names):
            self._key_names.append(key)
            self.first_row[key] = n
        self.keys.append(number)
        has_handle = bool(id_ or handle)
        if has_handle and (folded := fold(title)):
            self.by_title.setdefault(folded, key)
        return (
            row.problem is not None
            or len(row.cells) > len(self.header)
            or (bool(self._key_columns) and not has_handle)
            or (self.id_at is not None and not id_)
            or (not title and self.first_row[key] == n)
            or any(line.count(self.delimiter) >= len(self.header) - 1 for line in row.inner_lines)
        )

    def key(self, n: int) -> str | None:
        """Return the key that row ``n`` itself names."""
        return self._key_name(self.keys[n])

    def key_above(self, n: int) -> str | None:
        """Return the key of the last row before ``n`` that has one."""
        return self._key_name(self._keys_above[n])

    def _key_name(self, number: int) -> str | None:
        return None if number < 0 else self._key_names[number]

    def _has_handle(self, n: int) -> bool:
        return any(_cell(self.rows[n], at) for at in self._key_columns)

    def place(self, n: int) -> PlacedRow:
        row, key = self.rows[n], self.key(n)
        if row.problem is not None:
            texts = _distinct_cells(row.unread)
            suspects = {k for text in texts for k in self._keys_in(text)}
            found = tuple(k for k in self.first_row if k in suspects)
            return PlacedRow(
                row=row, product=self._unread_handle(row), problem=row.problem, suspects=found
            )
        surplus = len(row.cells) - len(self.header)
        # A surplus cell may be blank and yet shift the others: 19,99 is a price of 19.
        if surplus > 0:
            sign = "tab" if self.delimiter == "\t" else repr(self.delimiter)
            problem = (
                f"Must have {len(self.header)} cells, as the header, not {len(row.cells)}. Put a"
                f" cell that contains a {sign} into quotes."
            )
            return self._unplaced(n, problem, self._shifted_keys(n, surplus))
        if swallowed := self._swallowed_keys(row):
            problem = (
                f"A quote opened on line {row.line} or below has rows of {', '.join(swallowed)}"
                f" inside its cell, which ends on line {row.end}. Close it at the end of the cell."
            )
            return self._unplaced(n, problem, swallowed)
        if key is None:
            return self._unplaced(n, "Must have a handle or a title.", self._key_above(n))
        if self._key_columns and not self._has_handle(n):
            return self._place_by_title(n, key)
        if others := self._other_ids(n, key):
            problem = (
                f"Must have a {ID_COLUMN.title()}: product {', '.join(others)} of this file has the"
                " same handle. Copy the id into this row."
            )
            return self._unplaced(n, problem, others)
        above = self.key_above(n)
        if above not in (None, key) and self._is_headless(key, n) and self._may_continue(n):
            problem = (
                "title: Must not be empty in the first row of a handle."
                f" If the row continues product {above}, correct its handle."
            )
            return self._unplaced(n, problem, self._key_above(n))
        return PlacedRow(row=row, product=key)

    def _place_by_title(self, n: int, key: str) -> PlacedRow:
        """Place a row without a handle by its title, unless it may belong to another product."""
        other = self.by_title.get(fold(_cell(self.rows[n], self.title_at)))
        if other is not None and other != key:
            problem = f"Must have a handle: product {other} has the same title."
            return self._unplaced(n, problem, (other,))
        below = self.key(n + 1) if n + 1 < len(self.keys) else None
        if below is not None and below != key and self._is_headless(below, n + 1):
            problem = f"Must have a handle: the next row continues product {below}."
            return self._unplaced(n, problem, (below,))
        return PlacedRow(row=self.rows[n], product=key)

    def _other_ids(self, n: int, key: str) -> tuple[str, ...]:
        """Return the products that a row with a handle only may belong to, beside its own."""
        row = self.rows[n]
        if self.id_at is None or _cell(row, self.id_at):
            return ()
        ids = self._ids_by_handle.get(handle_key(_cell(row, self.handle_at)), {})
        return () if list(ids) in ([], [key]) else tuple(ids)

    def _keys_in(self, text: str) -> tuple[str, ...]:
        """Return the keys of the products that a cell with this text would name."""
        handle = handle_key(text)
        return (id_key(text), handle, slug(text), *self._ids_by_handle.get(handle, ()))

    def _is_headless(self, key: str, n: int) -> bool:
        """Return whether the product's first row is row ``n`` and has no title."""
        return self.first_row[key] == n and not _cell(self.rows[n], self.title_at)

    def _may_continue(self, n: int) -> bool:
        """Return whether a row may be a further one: an option without its name, or a part."""
        if len(self.rows[n].cells) < len(self.header):
            return True
        name_at, value_at = (
            self.header.index(name) if name in self.header else None
            for name in ("option1 name", "option1 value")
        )
        return bool(_cell(self.rows[n], value_at)) and not _cell(self.rows[n], name_at)

    def _unplaced(self, n: int, problem: str, suspects: Iterable[str]) -> PlacedRow:
        key = self.key(n)
        own = (key,) if key is not None else ()
        return PlacedRow(
            row=self.rows[n],
            product=key,
            problem=problem,
            suspects=tuple(dict.fromkeys((*own, *suspects))),
        )

    def _shifted_keys(self, n: int, surplus: int) -> tuple[str, ...]:
        """Return the products that a row with surplus cells may belong to.

        An unquoted delimiter before the handle moves the handle to the right, and one inside parts
        it. A blank cell in the place of the handle may also be a missing handle.
        """
        found: list[str] = []
        for at in self._key_columns or [at for at in (self.title_at,) if at is not None]:
            cells = self.rows[n].cells[at : at + surplus + 1]
            joined = ("".join(cells[:k]) for k in range(2, surplus + 2))
            places = [*(cells if at else cells[:1]), *joined]
            named = [key for cell in places for key in self._keys_in(cell)]
            found += [key for key in named if key in self.first_row]
            if not all(places):
                found += self._key_above(n)
        return tuple(found)

    def _swallowed_keys(self, row: CsvRow) -> tuple[str, ...]:
        """Return the products that have a whole row inside a cell of this row.

        A description may have lines that look like rows. Only an invalid row may have swallowed
        others: one with fewer cells than the header, or with lines in a cell that has only one.
        """
        lines = row.inner_lines
        if len(row.cells) >= len(self.header):
            one_line = [row.cells[at] for at in self._one_line]
            lines = tuple(
                line
                for line in lines
                if any(line.strip().replace('""', '"') in cell for cell in one_line)
            )
        inner = [line.split(self.delimiter) for line in lines]
        whole_rows = [cells for cells in inner if len(cells) >= len(self.header)]
        handles = [c[at].strip() for c in whole_rows for at in self._key_columns or (0,)]
        # A quote on one side belongs to the text of the outer cell.
        whole = [text for text in handles if text.startswith('"') == text.endswith('"')]
        keys = (key for text in whole for key in self._keys_in(text.strip('"')))
        return tuple(dict.fromkeys(key for key in keys if key in self.first_row))

    def _unread_handle(self, row: CsvRow) -> str | None:
        """Return the handle at the start of a malformed row, if that part is readable."""
        first = row.unread.split(self.delimiter, 1)[0]
        if '"' in first or 0 not in self._key_columns:
            return None
        named = id_key(first) if self.id_at == 0 else handle_key(first)
        return next(iter(self._ids_by_handle.get(named, ())), named) or None

    def _key_above(self, n: int) -> tuple[str, ...]:
        above = self.key_above(n)
        return () if above is None else (above,)


def id_key(text: str) -> str:
    """Return an id of a file as it is stored: ids that differ in case are two products."""
    return _INVISIBLE.sub("", text).strip()


def handle_key(text: str) -> str:
    """Return a handle as it is stored and compared: in lower case, without invisible characters."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text).strip()).lower()


def slug(text: str) -> str:
    """Return the handle of a product that the file names by its title only.

    Ids and generated SKUs of stored products contain the result. It therefore does not follow the
    fold of texts, which changes when it becomes better.
    """
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain))
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", plain))
    return words.strip("-")[:_MAX_SLUG_LENGTH]


def _cell(row: CsvRow, at: int | None) -> str:
    return row.cells[at] if at is not None and at < len(row.cells) else ""


def _distinct_cells(text: str) -> set[str]:
    cells = re.split('[,;\t"]', LINE_END.sub(",", text))
    return {cell.strip() for cell in cells if cell.strip()}
