"""Rows of a product CSV: each belongs to one product, or rejects those it may belong to."""

import csv
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from shop.catalog.actions.importing import import_products
from shop.catalog.model.csv_rows import CsvTable
from shop.catalog.model.csv_stream import CsvStream
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.file_parsing import FileParseResult
from shop.catalog.schemas.files import MAX_PRODUCTS_PER_FILE, parse_product_file
from shop.kernel.errors import InvalidRequest, Unprocessable
from shop.kernel.text_files import decode_text
from tests.doubles.catalog import MemoryProductCatalog
from tests.unit.catalog.sample_products import LATER, THEN

HEADER = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
TEE = "tee,Tee,Size,S,TEE-S,19\ntee,,,M,TEE-M,19\n"
MUG = "mug,Mug,,,MUG,8\n"


def read(text: str | bytes, kind: str = "text/csv", **options: Any) -> FileParseResult:
    raw = text.encode() if isinstance(text, str) else text
    return parse_product_file(raw, kind, ImportOptions("USD", **options))


def accepted(reading: FileParseResult) -> set[str]:
    return {entry.product_id for entry in reading.entries}


def reasons(reading: FileParseResult) -> dict[int, str]:
    return {row.line: row.reason for row in reading.rejected}


UNPLACED = {
    "a cell too many": (
        "tee,,,L,TEE-L,19,20\n",
        4,
        "Must have 6 cells, as the header, not 7. Put a cell that contains a ',' into quotes.",
    ),
    "an unquoted price": (
        "tee,,,L,TEE-L,1,299.00\n",
        4,
        "Must have 6 cells, as the header, not 7. Put a cell that contains a ',' into quotes.",
    ),
    "a blank cell too many": (
        "tee,,,,L,TEE-L,\n",
        4,
        "Must have 6 cells, as the header, not 7. Put a cell that contains a ',' into quotes.",
    ),
    "a misspelt handle": ("te,,,L,TEE-L,19\n", 4, "title: Must not be empty in the first row of"),
    "no handle": (",,,L,TEE-L,19\n", 4, "Must have a handle or a title."),
    "no handle, only spaces": (" ,,,L,TEE-L,19\n", 4, "Must have a handle or a title."),
    "unclosed quote": ('tee,,,"L,TEE-L,19\n', 4, "The quote opened on line 4 is never closed."),
    "text after a quote": ('tee,,,"L" size,TEE-L,19\n', 4, "is closed on line 4 before ' size"),
    "no price": ("tee,,,L,TEE-L,\n", 4, "price: Must not be empty."),
    "only a count of another option": ("tee,,,,TEE-L,\n", 4, "price: Must not be empty."),
    "another title": ("tee,Tee 2,,L,TEE-L,19\n", 4, "title: Must be empty or 'Tee'"),
    "another option": ("tee,,Color,L,TEE-L,19\n", 4, "Option1 name: Must be empty or 'Size'"),
    "a row cut off": ("tee,\n", 4, "The row ends early"),
}


@pytest.mark.parametrize(("row", "line", "reason"), UNPLACED.values(), ids=UNPLACED.keys())
def test_an_unreadable_row_rejects_its_product_and_discontinues_nothing(
    row: str, line: int, reason: str
) -> None:
    # Given a product with three variants on sale
    catalog = MemoryProductCatalog()
    whole = read(HEADER + TEE + "tee,,,L,TEE-L,19\n" + MUG)
    import_products(whole.entries, catalog=catalog, at=THEN)

    # When a changed file has one row of it that cannot be read
    reading = read(HEADER + TEE.replace("19", "21") + row)
    import_products(reading.entries, catalog=catalog, at=LATER)

    # Then the product is as before, and the report names line and product
    assert accepted(reading) == set()
    assert reason in reasons(reading)[line]
    assert "tee" in {rejected.product for rejected in reading.rejected}
    assert [v.sku for v in catalog.get("tee").on_sale] == ["TEE-S", "TEE-M", "TEE-L"]
    assert catalog.get("tee").version == 1


DAMAGES: dict[str, Callable[[str, int], str]] = {
    "a comma": lambda row, at: f"{row[:at]},{row[at:]}",
    "a quote": lambda row, at: f'{row[:at]}"{row[at:]}',
    "an end of line": lambda row, at: f"{row[:at]}\n{row[at:]}",
    "no handle": lambda row, at: row[row.index(",") :],
    "another letter in the handle": lambda row, at: row[: at % 4] + "x" + row[at % 4 :],
    "no comma": lambda row, at: row.replace(",", "", 1 + at % 2),
    "cut off": lambda row, at: row[:at],
}


@pytest.mark.parametrize("row", range(6))
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_of_one_row_discontinues_a_variant(damage: str, row: int) -> None:
    # A row that is cut off entirely is no row: its variant is omitted on purpose.
    for at in range(1, 31):
        _import_damaged(damage, row, at)


def _import_damaged(damage: str, row: int, at: int) -> None:
    # Given products on sale
    catalog = MemoryProductCatalog()
    lines = TEE + "tee,,,L,TEE-L,19\n" + MUG + "cup,Cup,Size,S,CUP-S,5\ncup,,,M,CUP-M,5\n"
    import_products(read(HEADER + lines).entries, catalog=catalog, at=THEN)
    before = catalog.get_many(["tee", "mug", "cup"]).values()
    on_sale = {product.id: {v.sku for v in product.on_sale} for product in before}

    # When one row of a changed file is damaged anywhere
    rows = lines.replace(",19", ",21").splitlines()
    rows[row] = DAMAGES[damage](rows[row], min(at, len(rows[row])))
    with suppress(Unprocessable):
        import_products(read(HEADER + "\n".join(rows) + "\n").entries, catalog=catalog, at=LATER)

    # Then everything that was on sale is; a quote in its SKU makes another one of the same variant
    for product in catalog.get_many(on_sale).values():
        skus = {v.sku.replace('"', "") for v in product.on_sale}
        assert skus == on_sale[product.id], rows[row]


def test_a_handle_in_another_case_is_the_same_product() -> None:
    upper = read(HEADER + "Tee,Tee,Size,S,TEE-S,19\ntEE,,,M,TEE-M,19\n\u200bTEE ,,,L,TEE-L,19\n")
    (entry,) = upper.entries
    assert (entry.product_id, entry.draft.handle) == ("tee", "tee")
    assert [v.sku for v in entry.draft.variants] == ["TEE-S", "TEE-M", "TEE-L"]
    lower = read(HEADER + TEE + "tee,,,L,TEE-L,19\n")
    assert lower.entries[0].source == entry.source
    german = read(HEADER + "GRÖSSE-Ä,G,,,X,1\n" + "größe-ä,H,,,Y,1\n")
    assert len(german.entries) == 2  # ß and SS are different letters of a URL


def test_a_shifted_handle_rejects_the_products_that_it_may_name() -> None:
    header = "Title,URL handle,Option1 name,Option1 value,Price\n"
    rows = "Tee,tee,Size,S,9\n,cup,,,9\nA, B,tee,,M,9\n"
    reading = read(header + rows.replace(",cup,", "Cup,cup,"))
    assert accepted(reading) == {"cup"}
    assert (
        reasons(reading)[4]
        == "Must have 5 cells, as the header, not 6. Put a cell that contains a ',' into quotes."
    )
    assert {rejected.product for rejected in reading.rejected} == {"tee", "b"}


def test_a_row_with_a_title_and_no_handle_belongs_to_no_other_product() -> None:
    two = read(HEADER + "tee-2026,Tee,Size,S,A,9\n,Tee,,M,B,9\n" + MUG)
    assert accepted(two) == {"mug"}
    assert reasons(two)[3] == "Must have a handle: product tee-2026 has the same title."
    head = read(HEADER + ",Tee,Size,S,A,9\ntee-2026,,,M,B,9\n" + MUG)
    assert accepted(head) == {"mug"}
    assert reasons(head)[2] == "Must have a handle: the next row continues product tee-2026."
    assert accepted(read(HEADER + TEE + ",Tee,,L,TEE-L,9\n,Mug,,,MUG,8\n")) == {"tee", "mug"}


def test_an_option_value_without_a_name_rejects_the_product() -> None:
    reading = read(HEADER + "tee,Tee,,S,A,9\ntee,,,M,B,9\n" + MUG)
    assert accepted(reading) == {"mug"}
    assert reasons(reading)[2] == "Option1 name: Must not be empty: this row has a value for it."


def test_a_second_option_without_a_first_keeps_its_values() -> None:
    header = "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Price\n"
    (entry,) = read(header + "tee,Tee,,,Size,S,9\ntee,,,,,M,9\n").entries
    assert [c.value for v in entry.draft.variants for c in v.choices] == ["S", "M"]


@pytest.mark.parametrize(
    ("rest", "line", "reason"),
    [
        ('cup,"Cup,,,CUP,8\n' + MUG, 4, "The quote opened on line 4 is never closed."),
        (
            'cup,"Cup,,,CUP,8\nmug,"Mug",,,MUG,8\n',
            4,
            "The quote opened on line 4 is closed on line 5 before 'Mug\",,,MUG,8'",
        ),
        ('cup,"7" wide",,,CUP,8\n', 4, "The quote opened on line 4 is closed on line 4 before"),
        (
            'cup,"one\ntwo","three\n,,CUP,8\n',
            5,
            "The quote opened on line 5 is never closed. Nothing was read from line 4 on.",
        ),
    ],
)
@pytest.mark.parametrize("space", ["", "\v", "\f", "\u0085", "\u2028", "\u2029", "\x1c"])
def test_a_quote_is_reported_where_it_opens(rest: str, line: int, reason: str, space: str) -> None:
    # Given cells with characters at which str.splitlines ends a line
    tee = f'tee,"Tee{space}",Size,S,TEE-S,19\ntee,,,M,TEE-M,19\n'
    reading = read(HEADER + tee + rest)
    assert reason in reasons(reading)[line]
    assert accepted(reading) == {"tee"}
    assert read(HEADER + tee + rest, first_line=100).rejected[0].line == line + 99


def test_products_in_the_unread_part_are_rejected() -> None:
    rows = TEE + MUG + 'cup,"Cup,,,CUP,8\npot,Pot,,,POT,8\n"Tee",,,L,TEE-L,19\n'
    reading = read(HEADER + rows)
    assert accepted(reading) == {"mug"}
    assert [r.product for r in reading.rejected] == ["cup", "tee"]
    assert reasons(reading)[2] == "Line 5 may belong to this product. Correct that line."


def test_rows_inside_a_quoted_cell_are_detected() -> None:
    rows = TEE + 'mug,Mug,,,"\ntee,,,L,TEE-L,19\n",8\n'
    reading = read(HEADER + rows)
    assert accepted(reading) == set()
    assert "has rows of tee inside its cell, which ends on line 6" in reasons(reading)[4]
    prose = read(HEADER.replace("Price", "Price,Body") + 'mug,Mug,,,M,8,"Our\nmug, cup, pot"\n')
    assert accepted(prose) == {"mug"}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_does(line_end: str) -> None:
    rows = HEADER + '"mug","A\vB\u2028\u0085\fC\nD",,,MUG,8\ncup,Cup,,,CUP,x\n'
    assert list(reasons(read(rows.replace("\n", line_end)))) == [4]
    item = "- id: a\n  name: 'A\u2028B\u0085C'\n  price: 1\n  z: [\n- {id: b, name: B}\n"
    lines = list(reasons(read(item.replace("\n", line_end), "application/yaml")))
    assert lines == [4, 5]
    quote = "- id: a\n  name: 'A\u2028B'\n  z: 'C\n  price: 1\n"
    (rejected,) = read(quote.replace("\n", line_end), "application/yaml").rejected
    assert rejected.reason == "The quote opened on line 3 is never closed."


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"a\rb\r\nc\xff", "Line 3, byte 2 (0xFF, byte 7 of the file)"),
        (b"\xef\xbb\xbf\xef\xbb\xbfab\nc\xff", "Line 2, byte 2 (0xFF, byte 11 of the file)"),
        (b"\xef\xbb\xbf\xc3\xa9\xff", "Line 1, byte 3 (0xFF, byte 6 of the file)"),
        ("a\nb".encode("utf-16-le").join((b"\xff\xfe", b"\x00\xd8")), "Line 2, byte 3 (0x00"),
    ],
)
def test_an_undecodable_byte_has_its_line_and_position(raw: bytes, place: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        decode_text(raw)
    assert raised.value.detail.startswith(place)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("marks", [1, 2, 3])
def test_any_number_of_byte_order_marks_is_removed(encoding: str, marks: int) -> None:
    raw = ("\ufeff" * marks + HEADER + MUG).encode(encoding)
    assert accepted(read(raw)) == {"mug"}
    assert decode_text(raw) == HEADER + MUG


def test_a_mark_inside_joined_files_is_no_part_of_a_handle() -> None:
    (entry,) = read(HEADER + TEE + "\ufefftee,,,L,TEE-L,19\n").entries
    assert len(entry.draft.variants) == 3


@pytest.mark.parametrize(
    ("kind", "head", "item"),
    [
        ("text/csv", HEADER, "{},T,,,,1\n"),
        ("application/yaml", "", "- {{id: p{}, name: P, price: 1}}\n"),
    ],
)
def test_reading_stops_at_the_limit_of_products(
    monkeypatch: pytest.MonkeyPatch, kind: str, head: str, item: str
) -> None:
    text = head + "".join(item.format(n) for n in range(3 * MAX_PRODUCTS_PER_FILE))
    read_rows: list[int] = []
    original = CsvTable.rows

    def counting(self: CsvTable, first_line: int = 1) -> Any:
        for row in original(self, first_line):
            read_rows.append(row.line)
            yield row

    monkeypatch.setattr(CsvTable, "rows", counting)
    with pytest.raises(Unprocessable) as raised:
        read(text, kind)
    assert raised.value.code == "too_many"
    assert raised.value.detail == (
        "The file contains more than 1000 products. Send at most 1000 in one call, or up to"
        " 100,000 by POST /staff/import-jobs."
    )
    assert len(read_rows) == (MAX_PRODUCTS_PER_FILE + 1 if kind == "text/csv" else 0)


def test_reading_stops_after_many_rows_that_cannot_be_placed() -> None:
    rows = "".join(f",,,{n},,1\n" for n in range(MAX_PRODUCTS_PER_FILE + 1))
    with pytest.raises(Unprocessable) as raised:
        read(HEADER + MUG + rows)
    assert raised.value.detail == (
        "More than 1000 rows cannot be placed, the first on line 3: Must have a handle or a title."
    )


def test_a_variant_too_many_is_rejected_with_its_line() -> None:
    rows = "".join(f"tee,,,{n},T-{n},1\n" for n in range(101))
    reading = read(HEADER + "tee,Tee,Size,,,\n" + rows + MUG)
    assert reasons(reading) == {103: "Must have at most 100 variants, not 101."}
    assert accepted(reading) == {"mug"}


def test_readers_that_take_turns_do_not_limit_each_other() -> None:
    # Given two files with a long cell each, and a reader that accepts short cells only
    long = "x" * 200_000
    table = CsvTable(f"Handle,Title\ntee,{long}\nmug,{long}\n")
    stream = CsvStream(["Handle,Title\n", f"tee,{long}\n", f"mug,{long}\n"])
    readers = (table.rows(), stream.rows())
    before = csv.field_size_limit()

    # When they are read in turns
    try:
        cells = []
        for _ in range(2):
            for rows in readers:
                csv.field_size_limit(1)
                cells.append(next(rows).cells)
        limit_afterwards = csv.field_size_limit()
    finally:
        csv.field_size_limit(before)

    # Then each reads all of its cells, and leaves no small limit to other readers
    assert cells == [("tee", long), ("tee", long), ("mug", long), ("mug", long)]
    assert limit_afterwards >= before
