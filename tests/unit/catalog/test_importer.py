"""`make import` splits a file between products and keeps the line numbers of the whole."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from local import importer
from local.http_actors import HttpClient, HttpResponse
from local.importer import (
    UploadChunk,
    csv_chunks,
    read_products,
    split_into_chunks,
    upload,
    yaml_chunks,
)
from local.processes import CloudError
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.files import parse_product_file

NUMBERS = ("created", "changed", "unchanged", "stock_created", "stock_unchanged")


class Shop(HttpClient):
    """A client that parses each upload as the API does and records the result."""

    def __init__(self, status: int = 200) -> None:
        super().__init__("http://shop.test")
        self.status = status
        self.lines: list[int] = []
        self.ids: list[str] = []

    def request(self, route: str, body: Any = None, **options: Any) -> HttpResponse:
        if self.status != 200:
            return HttpResponse(self.status, {}, json.dumps({"detail": "the reason"}))
        first_line = int(route.rpartition("first_line=")[2])
        kind = options["headers"]["Content-Type"]
        reading = parse_product_file(
            options["raw"], kind, ImportOptions("USD", first_line=first_line)
        )
        self.ids += [e.product_id for e in reading.entries]
        self.lines += [r.line for r in reading.rejected]
        report: dict[str, Any] = dict.fromkeys(NUMBERS, 0)
        report["created"] = len(reading.entries)
        rejected = [{"line": r.line, "reason": r.reason} for r in reading.rejected]
        return HttpResponse(
            200,
            {},
            json.dumps(
                {
                    **report,
                    "rejected": rejected,
                    "notices": ["a notice"],
                    "product_notices": [
                        {"lines": n.lines, "notice": n.text, "product": e.product_id}
                        for e in reading.entries
                        for n in e.notices
                    ],
                }
            ),
        )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_PRODUCTS_PER_CHUNK", 3)


def upload_text(text: str, kind: str, shop: Shop) -> tuple[int, str]:
    out = io.StringIO()
    console = Console(file=out, width=200)
    products_stored = upload(
        list(split_into_chunks(text, kind)), kind, {"currency": "USD"}, shop, console
    )
    return products_stored, out.getvalue()


def yaml_of(products: int, *, bad: int | None = None) -> str:
    return "# attribution\n" + "".join(
        f"- id: p{n}\n  name: P {n}\n  price: {'x' if n == bad else n + 1}\n"
        for n in range(products)
    )


def csv_of(handles: str, *, bad: int | None = None) -> str:
    rows = [f'{h},T {h},"two\nlines",{"x" if n == bad else n + 1}' for n, h in enumerate(handles)]
    return "\n".join(["Handle,Title,Body,Price", *rows]) + "\n"


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("products", [1, 2, 3, 4, 6, 7])
def test_every_product_is_uploaded_once(products: int) -> None:
    shop = Shop()
    products_stored, output = upload_text(yaml_of(products), "application/yaml", shop)
    assert (products_stored, sorted(shop.ids)) == (products, [f"p{n}" for n in range(products)])
    assert f"{products} products: {products} new" in output
    assert output.count("a notice") == 1

    shop = Shop()
    handles = "abcdefg"[:products]
    products_stored, _ = upload_text(csv_of(handles), "text/csv", shop)
    assert (products_stored, sorted(shop.ids)) == (products, list(handles))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("bad", range(7))
def test_an_invalid_row_is_reported_by_its_line_in_the_whole_file(bad: int) -> None:
    shop = Shop()
    products_stored, output = upload_text(csv_of("abcdefg", bad=bad), "text/csv", shop)
    assert (products_stored, shop.lines) == (6, [2 + 2 * bad])
    assert f"line {2 + 2 * bad}: price: 'x' is not a price" in output
    assert "1 row rejected" in output
    shop = Shop()
    upload_text(yaml_of(7, bad=bad), "application/yaml", shop)
    assert shop.lines == [2 + 3 * bad]


@pytest.mark.usefixtures("small_chunks")
def test_rows_of_a_handle_stay_in_one_chunk() -> None:
    parts = list(csv_chunks(csv_of("aabbccddaeef")))
    assert [p.products for p in parts] == [4, 2]
    assert all(p.text.startswith("Handle,") for p in parts)
    assert [p.products for p in csv_chunks(csv_of("aaabbbcccddd"))] == [3, 1]


@given(st.text(alphabet="abcdef", min_size=1, max_size=30), st.integers(1, 4))
def test_no_row_is_lost_or_sent_twice(handles: str, size: int) -> None:
    text = csv_of(handles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importer, "MAX_PRODUCTS_PER_CHUNK", size)
        parts = list(csv_chunks(text))
    bodies = [p.text.split("\n", 1)[1] for p in parts]
    assert "".join(bodies) == text.split("\n", 1)[1]
    handles_by_chunk = [{line[0] for line in b.splitlines() if ",T " in line} for b in bodies]
    assert sum(map(len, handles_by_chunk)) == len(set(handles))
    lines = text.splitlines()
    for part, body in zip(parts, bodies, strict=True):
        assert lines[part.first_line] == body.splitlines()[0]


@given(st.integers(1, 20), st.integers(1, 5))
def test_no_item_is_lost_or_sent_twice(products: int, size: int) -> None:
    text = yaml_of(products)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importer, "MAX_PRODUCTS_PER_CHUNK", size)
        parts = list(yaml_chunks(text))
    assert "".join(p.text for p in parts) == text
    assert sum(p.products for p in parts) == products
    for before, part in pairwise(parts):
        assert part.first_line == before.first_line + before.text.count("\n")


def test_a_chunk_stays_below_the_byte_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_BYTES_PER_CHUNK", 40)
    for parts in (csv_chunks(csv_of("abcdefghij")), yaml_chunks(yaml_of(10))):
        some = list(parts)
        assert len(some) > 3
        assert all(len(p.text) < 150 for p in some)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "Handle,Title,Price\n", "no list"])
@pytest.mark.parametrize("kind", ["text/csv", "application/yaml"])
def test_text_without_products_is_uploaded_unchanged(text: str, kind: str) -> None:
    (part,) = split_into_chunks(text, kind)
    assert part == UploadChunk(text, part.products, 1)


def test_a_rejected_upload_shows_the_api_error() -> None:
    with pytest.raises(RuntimeError, match="No product was imported: the reason"):
        upload_text(yaml_of(2), "application/yaml", Shop(422))


def test_an_unreadable_file_is_rejected_before_any_upload(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"Handle\xff\n")
    for file in (bad, tmp_path / "absent.yaml", tmp_path / "text.txt", tmp_path):
        with pytest.raises(CloudError):
            read_products(file)
    mark = tmp_path / "marked.CSV"
    mark.write_bytes(b"\xef\xbb\xbfHandle,Title\n")
    assert read_products(mark) == ("Handle,Title\n", "text/csv")
