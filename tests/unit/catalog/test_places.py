"""A rejected entry has its line in an editor, and its row and column in a spreadsheet."""

import csv
import io

import pytest

from shop.catalog.actions.import_jobs import _part_report
from shop.catalog.actions.importing import import_file
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.admin_views import ImportReportView
from shop.catalog.schemas.file_parsing import column_name
from shop.catalog.schemas.file_parts import read_part, split_product_file
from shop.catalog.schemas.files import parse_product_file
from tests.doubles.catalog import MemoryProductCatalog
from tests.doubles.inventory import MemoryStockRepository
from tests.unit.catalog.sample_products import THEN

HEADER = (
    "Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,"
    "Variant Compare At Price,Variant Taxable,Variant Grams,Variant Inventory Qty,Status,Tags,"
    "Image Src,Image Position,Vendor\n"
)
GOOD = 'mug,Mug,"<p>two\nlines</p>",,,MUG,8,,TRUE,,1,active,a,,,\n\n'
PLACES = [
    ("a,A,,,,A,x,,,,,,,,,", "G"),
    ("a,A,,,,A,,,,,,,,,,", "G"),
    ("a,A,,,,A,1,x,,,,,,,,", "H"),
    ("a,A,,,,A,1,,WAHR,,,,,,,", "I"),
    ("a,A,,,,A,1,,,heavy,,,,,,", "J"),
    ("a,A,,,,A,1,,,,many,,,,,", "K"),
    ("a,A,,,,A,1,,,,,gone,,,,", "L"),
    ("a,A,,,,A,1,,,,,,,https://x.example/1.jpg,first,", "O"),
    ("a,,,,,A,1,,,,,,,,,", "B"),
    ("a,A,,,S,A,1,,,,,,,,,", "D"),
    ("a,A,,,,SK\u00dc,1,,,,,,,,,", "F"),
    ("a,A,,,,MUG,1,,,,,,,,,", "F"),
    ("a,<b>A</b>,,,,A,1,,,,,,,,,", "B"),
    (f"a,A,,,,A,1,,,,,,{'t' * 101},,,", "M"),
    (f"a,A,,,,A,1,,,,,,,,,{'v' * 101}", "P"),
    (f"a,A,{'d' * 20_001},,,A,1,,,,,,,,,", "C"),
    ("a,A,,,,A,1,,,,,,,,,,surplus", None),
    (",,,,,A,1,,,,,,,,,", None),
]


def small(raw: bytes) -> list[tuple[int, int | None, str | None, str]]:
    parsed = parse_product_file(raw, "text/csv", ImportOptions("USD"))
    found = import_file(
        parsed, catalog=MemoryProductCatalog(), stock=MemoryStockRepository(), actor="w", at=THEN
    )
    view = ImportReportView.of(found, parsed)
    return [(r.line, r.row, r.column, r.reason) for r in view.rejected]


def large(raw: bytes) -> list[tuple[int, int | None, str | None, str]]:
    options = ImportOptions("USD")
    split = split_product_file([raw], options)
    rejected = list(split.rejected)
    catalog, stock = MemoryProductCatalog(), MemoryStockRepository()
    for part in split.parts:
        parsed = read_part(part.data, options)
        found = import_file(parsed, catalog=catalog, stock=stock, actor="w", at=THEN)
        rejected += _part_report(parsed, found).rejected
    return sorted((r.line, r.row, r.column, r.reason) for r in rejected)


@pytest.mark.parametrize(("row", "column"), PLACES)
def test_a_rejected_row_has_its_cell_in_a_spreadsheet(row: str, column: str | None) -> None:
    # The good product takes the lines 2 and 3, and line 4 is blank
    raw = (HEADER + GOOD + row + "\n").encode()
    rows = list(csv.reader(io.StringIO(raw.decode(), newline="")))
    found = small(raw)
    places = {(line, number, cell) for line, number, cell, _ in found}
    # A row without a handle belongs to the product above, too
    assert places == {(5, 4, column)}
    assert rows[3][:1] == [row.partition(",")[0]]
    assert large(raw) == sorted(found)
    assert not any(reason.startswith("variants[") for *_, reason in found)


def test_a_quote_inside_a_row_has_the_row_where_it_begins() -> None:
    raw = (HEADER + GOOD + 'a,A,"one\ntwo","open,,A,1\n').encode()
    ((line, row, column, reason),) = small(raw)
    assert (line, row, column) == (6, 4, None)
    assert reason.startswith("The quote opened on line 6 is never closed.")


def test_a_part_of_a_file_and_a_yaml_list_have_lines_only() -> None:
    rows = (HEADER + "a,A,,,,A,x,,,,,,,,,\n").encode()
    parsed = parse_product_file(rows, "text/csv", ImportOptions("USD", first_line=100))
    (rejected,) = map(parsed.located, parsed.rejected)
    assert (rejected.line, rejected.row, rejected.column) == (101, None, None)
    parsed = parse_product_file(
        b"- {id: a, name: A, price: x}\n", "application/yaml", ImportOptions("USD")
    )
    (rejected,) = map(parsed.located, parsed.rejected)
    assert (rejected.line, rejected.row, rejected.column) == (1, None, None)


@pytest.mark.parametrize(
    ("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_have_the_names_of_a_spreadsheet(number: int, name: str) -> None:
    assert column_name(number) == name
