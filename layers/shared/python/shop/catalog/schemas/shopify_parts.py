"""A large product CSV, split into parts that are imported one by one.

The file is read once, line by line. Its rows go to a temporary file; the memory holds numbers per
row, and the handle and the SKUs of each product. The rules are those of
:mod:`shop.catalog.schemas.shopify`, so a large file is imported as a small one would be:

- A part has whole products, wherever their rows are in the file.
- Products that state the same SKU are in one part, where the first valid one gets it.
- A row that cannot be placed is reported here, and each product that may lack it is in no part.
"""

import json
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile

from shop.catalog.model.csv_rows import CsvRow
from shop.catalog.model.csv_stream import MAX_ROW_CHARACTERS, CsvStream
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.model.import_parts import FilePart, SplitFile
from shop.catalog.model.row_places import RowPlaces
from shop.catalog.schemas import part_planning
from shop.catalog.schemas.barcodes import BarcodeUses
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import without_duplicates
from shop.catalog.schemas.part_planning import (
    SharedKeys,
    checked_texts,
    no_products,
    plan_parts,
    too_many_in_file,
)
from shop.catalog.schemas.shopify import (
    ProductRows,
    product_id_of,
    read_product,
    reject_incomplete,
    reject_row,
)
from shop.catalog.schemas.shopify_columns import Columns
from shop.catalog.schemas.shopify_variants import derive_sku
from shop.kernel.errors import Unprocessable
from shop.kernel.text_files import decode_blocks, lines_of


def split_shopify_file(blocks: Iterable[bytes], options: ImportOptions) -> SplitFile:
    """Read a whole file and split it. Raises the errors of :func:`parse_product_file`.

    An error means that the file as a whole is wrong; no part of it may be imported.
    """
    texts = checked_texts(decode_blocks(blocks, options.encoding), "Shopify's product CSV")
    stream = CsvStream(lines_of(texts, longest=MAX_ROW_CHARACTERS))
    result = FileParseResult()
    columns = Columns.of(stream.header, result)
    skus = _StatedSkus(columns)
    rows = _SpilledRows()
    places = RowPlaces(stream.header, stream.delimiter, rows)
    groups = SharedKeys()
    doubtful = array("i")
    barcodes, barcode_at = BarcodeUses(), columns.position("barcode")
    for row in stream.rows():
        if len(rows) == part_planning.MAX_ROWS:
            raise too_many_in_file(f"more than {part_planning.MAX_ROWS} rows")
        is_doubtful = places.add(row)
        barcodes.add(row.line, _cell(row, barcode_at))
        if is_doubtful:
            doubtful.append(len(rows))
        rows.append(row, with_inner_lines=is_doubtful)
        if len(places.first_row) > part_planning.MAX_PRODUCTS:
            raise too_many_in_file(f"more than {part_planning.MAX_PRODUCTS} products")
        if (key := places.key(len(rows) - 1)) is not None:
            for sku in skus.of(row, key):
                groups.add(sku, places.keys[-1])
    if not rows:
        raise no_products()
    barcodes.note_shared(result)
    unplaced = _reject_unplaced(places, doubtful, result)
    products = _Products(places, rows, unplaced)
    incomplete = {products.number_of(handle) for handle in unplaced.broken}
    for handle in unplaced.broken:
        if (first := products.first_row(handle)) is not None:
            line = first.line
            result.row_numbers[line] = first.number
            reject_incomplete(handle, line, unplaced.broken, result)
    whole = [n for n, own in enumerate(products.rows) if own and n not in incomplete]
    parts = plan_parts(whole, products.bytes, groups, products.handles)
    return SplitFile(
        rows=len(rows),
        products=sum(map(bool, products.rows)),
        rejected=tuple(map(result.located, sorted(result.rejected, key=lambda r: r.line))),
        notices=tuple(result.notices),
        parts=(products.part(n, part, stream.header) for n, part in enumerate(parts)),
        part_sizes=tuple(map(len, parts)),
    )


def read_shopify_part(data: bytes, options: ImportOptions) -> FileParseResult:
    """Read the products of a part, as the small import reads those of a file."""
    lines = iter(zlib.decompress(data).splitlines())
    result = FileParseResult()
    # The notices on the columns belong to the file and were reported when it was split.
    header = FileParseResult()
    columns = Columns.of(json.loads(next(lines)), header)
    result.columns = header.columns
    for line in lines:
        handle, count = json.loads(line)
        rows = ProductRows(handle)
        for _ in range(count):
            at, _, cells, _, *number = json.loads(next(lines))
            rows.rows.append((at, columns.read(cells)))
            # A part that was written before rows had numbers has none.
            result.row_numbers.update((at, n) for n in number)
        read_product(rows, options, result)
    return without_duplicates(result)


class _SpilledRows:
    """The rows of a file on the disk, each as a line of JSON; the memory has their offsets."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  it lives as long as this object
        self._offsets = array("q", [0])

    def append(self, row: CsvRow, *, with_inner_lines: bool) -> None:
        inner = row.inner_lines if with_inner_lines else ()
        text = json.dumps(
            [row.line, row.end, row.cells, inner, row.number],
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        self._file.write(text + b"\n")
        self._offsets.append(self._offsets[-1] + len(text) + 1)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, n: int) -> CsvRow:
        line, end, cells, inner, number = json.loads(self.raw(n))
        return CsvRow(
            line=line, end=end, number=number, cells=tuple(cells), inner_lines=tuple(inner)
        )

    def size(self, n: int) -> int:
        return self._offsets[n + 1] - self._offsets[n]

    def raw(self, n: int) -> bytes:
        """Return a row as its line of JSON."""
        self._file.seek(self._offsets[n])
        return self._file.read(self.size(n))


class _StatedSkus:
    """The SKUs that a row states or, without one, may get from its option values."""

    def __init__(self, columns: Columns) -> None:
        at = {name: n for n, name in columns.fields.items()}
        self._sku, self._id = at.get("sku"), at.get("id")
        self._values = [at[name] for n in (1, 2, 3) if (name := f"option{n}_value") in at]

    def of(self, row: CsvRow, key: str) -> tuple[str, ...]:
        if sku := _cell(row, self._sku).lstrip("'"):
            return (sku,)
        product_id = key if _cell(row, self._id) else product_id_of(key)
        values = [value for at in self._values if (value := _cell(row, at))]
        if [value.lower() for value in values] == ["default title"]:
            return (product_id, derive_sku(product_id, values))
        return (derive_sku(product_id, values),)


def _cell(row: CsvRow, at: int | None) -> str:
    return row.cells[at] if at is not None and at < len(row.cells) else ""


@dataclass
class _Unplaced:
    """The rows that cannot be placed, and the products that may lack them."""

    rows: set[int] = field(default_factory=set)
    broken: dict[str, int | None] = field(default_factory=dict)


def _reject_unplaced(
    places: RowPlaces, doubtful: Iterable[int], result: FileParseResult
) -> _Unplaced:
    found = _Unplaced()
    for n in doubtful:
        placed = places.place(n)
        if placed.problem is None:
            continue
        result.row_numbers[placed.row.line] = placed.row.number
        found.rows.add(n)
        reject_row(placed, found.broken, result)
        if len(found.rows) > part_planning.MAX_UNPLACED_ROWS:
            first = result.rejected[0]
            raise Unprocessable(
                f"More than {part_planning.MAX_UNPLACED_ROWS} rows cannot be placed, the first on"
                f" line {first.line}: {first.reason}",
                code="too_many",
                path="$",
            )
    # A handle that no other row names is no product of its own.
    found.broken = {key: line for key, line in found.broken.items() if key in places.first_row}
    return found


class _Products:
    """The products of a file by number, each with the numbers of its rows."""

    def __init__(self, places: RowPlaces, rows: _SpilledRows, unplaced: _Unplaced) -> None:
        self._spilled = rows
        self.handles = list(places.first_row)
        self._numbers = {handle: n for n, handle in enumerate(self.handles)}
        self.rows = [array("i") for _ in self.handles]
        self.bytes = array("q", bytes(8 * len(self.handles)))
        for n, key in enumerate(places.keys):
            if key >= 0 and n not in unplaced.rows:
                self.rows[key].append(n)
                self.bytes[key] += rows.size(n)

    def number_of(self, handle: str) -> int:
        return self._numbers[handle]

    def first_row(self, handle: str) -> CsvRow | None:
        """Return the first row of a product, ``None`` if none of its rows can be placed."""
        rows = self.rows[self._numbers[handle]]
        return self._spilled[rows[0]] if rows else None

    def part(self, number: int, products: Sequence[int], header: Sequence[str]) -> FilePart:
        lines = [json.dumps(header).encode() + b"\n"]
        for product in products:
            head = [self.handles[product], len(self.rows[product])]
            lines.append(json.dumps(head).encode() + b"\n")
            lines += map(self._spilled.raw, self.rows[product])
        return FilePart(number, len(products), zlib.compress(b"".join(lines), 1))
