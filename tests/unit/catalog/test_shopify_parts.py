"""A large product file: split into parts, it is imported as a small file is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.actions.importing import ImportEntry
from shop.catalog.model.csv_stream import MAX_CELL_CHARACTERS
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas import part_planning
from shop.catalog.schemas.file_parts import part_products, read_part
from shop.catalog.schemas.files import parse_product_file
from shop.catalog.schemas.shopify_parts import split_shopify_file
from shop.kernel.errors import InvalidRequest, ShopError, Unprocessable
from shop.kernel.ids import derived_id

HEADER = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
DATA = Path(__file__).parents[2] / "data"
Row = tuple[int, str, str | None]
Outcome = tuple[dict[str, ImportEntry], list[Row], set[str]]


def blocks_of(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[n : n + size] for n in range(0, len(raw), size))


def small(raw: bytes, **options: Any) -> Outcome:
    parsed = parse_product_file(raw, "text/csv", ImportOptions("USD", **options))
    rejected = sorted((r.line, r.reason, r.product) for r in parsed.rejected)
    return {e.product_id: e for e in parsed.entries}, rejected, set(parsed.notices)


def large(raw: bytes, *, block: int = 4096, **options: Any) -> Outcome:
    """Split a file that arrives in blocks, and read all its parts."""
    settings = ImportOptions("USD", **options)
    split = split_shopify_file(blocks_of(raw, block), settings)
    entries: dict[str, ImportEntry] = {}
    rejected = [(r.line, r.reason, r.product) for r in split.rejected]
    notices = set(split.notices)
    for part in split.parts:
        parsed = read_part(part.data, settings)
        assert not entries.keys() & {e.product_id for e in parsed.entries}
        entries |= {e.product_id: e for e in parsed.entries}
        rejected += [(r.line, r.reason, r.product) for r in parsed.rejected]
        notices |= set(parsed.notices)
    return entries, sorted(rejected), notices


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few products fill a part, so that every file here has several."""
    monkeypatch.setattr(part_planning, "PRODUCTS_PER_PART", 2)


@pytest.mark.parametrize("block", [1, 7, 4096, 10**6])
@pytest.mark.parametrize("name", ["shopify-old-columns.csv", "shopify-new-columns.csv"])
def test_a_large_file_is_read_as_a_small_one(name: str, block: int) -> None:
    raw = (DATA / name).read_bytes()
    assert large(raw, block=block) == small(raw)


HANDLES = ("tee", "mug", "cup", "te", "")
TITLES = ("Tee", "Mug", "", "Cup")
CELLS = st.tuples(
    st.sampled_from(HANDLES),
    st.sampled_from(TITLES),
    st.sampled_from(("Size", "")),
    st.sampled_from(("S", "M", "")),
    st.sampled_from(("A", "B", "C", "")),
    st.sampled_from(("1", "x", "")),
    st.sampled_from(("", "", "", "", "surplus")),
)


@given(rows=st.lists(CELLS, min_size=1, max_size=14), block=st.integers(1, 60))
def test_rows_in_any_order_are_read_as_in_a_small_file(
    rows: list[tuple[str, ...]], block: int
) -> None:
    lines = [",".join(row[:6]) + (f",{row[6]}" if row[6] else "") for row in rows]
    raw = (HEADER + "\n".join(lines)).encode()
    assert large(raw, block=block) == small(raw)


def test_products_with_one_sku_are_in_one_part_and_the_first_valid_one_gets_it() -> None:
    rows = [f"p{n},P {n},,,SKU-{n},{n}" for n in range(8)]
    rows[0] = "p0,P 0,,,SHARED,x"
    rows[3] = "p3,P 3,,,SHARED,3"
    rows[7] = "p7,P 7,,,SHARED,7"
    raw = (HEADER + "\n".join(rows)).encode()
    assert large(raw) == small(raw)
    assert {"p3"} == {"p0", "p3", "p7"} & large(raw)[0].keys()


@pytest.mark.parametrize(
    ("row", "sku"),
    [
        ("p0,P 0,,,,1", "p0"),
        ("p0,P 0,Title,Default Title,,1", "p0"),
        ("p0,P 0,Size,Extra large,,1", "p0-extra-large"),
        ("Grün,P 0,,,,1", derived_id("prod", "grün")),
    ],
)
def test_a_product_that_states_the_derived_sku_of_another_is_in_its_part(
    row: str, sku: str
) -> None:
    rows = [row, *(f"p{n},P {n},,,SKU-{n},{n}" for n in range(1, 8)), f"p9,P 9,,,{sku},9"]
    raw = (HEADER + "\n".join(rows)).encode()
    assert large(raw) == small(raw)
    assert [line for line, _, _ in large(raw)[1]] == [10]


def test_rows_of_a_product_that_are_far_apart_are_in_one_part() -> None:
    rows = [f"p{n},P {n},Size,S,P{n}-S,1" for n in range(9)]
    rows += [f"p{n},,,M,P{n}-M,1" for n in range(9)]
    raw = (HEADER + "\n".join(rows)).encode()
    assert large(raw) == small(raw)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [1, 2, 3, 64])
def test_lines_are_counted_at_every_line_end(end: str, block: int) -> None:
    text = 'tee,"Tee\n\nwide",,,T,1\nmug,Mug,,,M,x\n'
    raw = (HEADER + text).replace("\n", end).encode()
    assert large(raw, block=block) == small(raw)
    assert [line for line, _, _ in large(raw)[1]] == [5]


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        (("\ufeff" + HEADER + "tee,Größe,,,T,1\n").encode(), {}),
        (("\ufeff\ufeff" + HEADER + "tee,Größe,,,T,1\n").encode(), {}),
        (("\ufeff" + HEADER + "tee,Größe 😀,,,T,1\n").encode("utf-16-le"), {}),
        ((HEADER + "tee,Größe,,,T,1\n").encode("cp1252"), {"encoding": "windows-1252"}),
        ((HEADER.replace(",", ";") + "tee;Tee;;;T;1,5\n").encode(), {"decimal": "comma"}),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 4096])
def test_encodings_and_delimiters_are_those_of_a_small_file(
    raw: bytes, options: dict[str, str], block: int
) -> None:
    assert large(raw, block=block, **options) == small(raw, **options)


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        ((HEADER + "tee,Größe,,,T,1\n").encode("cp1252"), {}),
        (HEADER.encode() + b"tee,Tee,,,T,1\nmug,\xc3", {}),
        (HEADER.encode() + b"tee,\xe2\x82,,,T,1\n", {}),
        (("\ufeff" + HEADER).encode("utf-16-le") + b"a", {}),
        ((HEADER + "tee,T\ufffde,,,T,1\n").encode(), {}),
        ((HEADER + "tee,Tee\0").encode(), {}),
        (HEADER.encode() + b"tee,\x81,,,T,1\n", {"encoding": "windows-1252"}),
        (HEADER.encode(), {"encoding": "latin-1"}),
        (b"\x89PNG" + bytes(5000), {}),
        (b"PK\x03\x04" + bytes(9), {}),
        (b"", {}),
        (b" \n ", {}),
        (HEADER.encode(), {}),
        (b'[{"id": 1}]', {}),
        (b"<html>", {}),
        (b"Lineitem name,Financial Status\n", {}),
        (b"Handle,Variant Price\ntee,1\n", {}),
        (b"Handle,Title\ntee,Tee\n", {}),
    ],
)
@pytest.mark.parametrize("block", [1, 3, 4096])
def test_a_file_of_another_kind_is_rejected_as_a_small_one_is(
    raw: bytes, options: dict[str, str], block: int
) -> None:
    with pytest.raises(ShopError) as expected:
        small(raw, **options)
    with pytest.raises(ShopError) as raised:
        large(raw, block=block, **options)
    assert type(raised.value) is type(expected.value)
    assert raised.value.code == expected.value.code
    # YAML is one of the small import's formats only.
    assert raised.value.detail == expected.value.detail.replace(" or a YAML list of products", "")


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ('tee,"Tee,,,T,1\nmug,Mug,,,M,1\n', "The quote opened on line 2 is never closed."),
        (
            'mug,Mug,,,M,1\ntee,"Tee" wide,,,T,1\n',
            "The quote opened on line 3 is closed on line 3 before ' wide,,,T,1'",
        ),
        (
            f'mug,Mug,,,M,1\ntee,"{"x" * MAX_CELL_CHARACTERS}\n\n,,,T,1\n',
            "The quote opened on line 3 is never closed.",
        ),
    ],
)
def test_a_malformed_quote_rejects_the_whole_file(rows: str, place: str) -> None:
    with pytest.raises(Unprocessable) as raised:
        large((HEADER + rows).encode())
    assert raised.value.code == "csv_malformed"
    assert raised.value.detail.startswith(place)
    assert raised.value.detail.endswith("Nothing was imported.")


def test_an_endless_line_is_rejected_before_it_is_read_to_its_end() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1_000_000

    with pytest.raises(InvalidRequest) as raised:
        split_shopify_file(endless(), ImportOptions("USD"))
    assert (raised.value.code, read) == ("line_too_long", 9)


@pytest.mark.parametrize(
    ("name", "limit", "rows"),
    [
        ("MAX_PRODUCTS", 3, "p{0},P {0},,,S{0},1\n"),
        ("MAX_ROWS", 3, "p1,,,V{0},S{0},1\n"),
        ("MAX_UNPLACED_ROWS", 3, ",,,V{0},S{0},1\n"),
        ("MAX_PRODUCTS_PER_PART", 3, "p{0},P {0},,,SAME,1\n"),
    ],
)
def test_a_file_above_a_limit_is_rejected_before_its_end(
    name: str, limit: int, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def file(count: int) -> bytes:
        return (HEADER + "".join(rows.format(n) for n in range(count))).encode()

    monkeypatch.setattr(part_planning, name, limit)
    large(file(limit))
    with pytest.raises(Unprocessable) as raised:
        large(file(limit + 1))
    assert raised.value.code == "too_many"
    assert str(limit) in raised.value.detail


def test_the_products_of_a_part_are_named_with_their_first_line() -> None:
    raw = (HEADER + "tee,Tee,Size,S,T-S,1\ntee,,,M,T-M,1\nmug,Mug,,,M,1\ncup,Cup,,,C,1\n").encode()
    split = split_shopify_file([raw], ImportOptions("USD"))
    assert (split.rows, split.products, split.part_sizes) == (4, 3, (2, 1))
    assert [list(part_products(part.data)) for part in split.parts] == [
        [("tee", 2), ("mug", 4)],
        [("cup", 5)],
    ]
