"""`make import` sends a small file in one request, and names what it cannot send."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local import importer
from local.http_actors import HttpClient, HttpResponse
from local.importer import is_small, place, read_products, upload
from local.processes import CloudError
from shop.catalog.model.import_options import ImportOptions
from shop.catalog.schemas.files import parse_product_file

NUMBERS = ("created", "changed", "unchanged", "stock_created", "stock_unchanged")
NAME_OF_FORMAT = (
    "Must be Shopify's product CSV (.csv) or a YAML list of products (.yaml). Give the file the"
    " name of its format."
)
CSV = "Handle,Title,Price\n"


class Shop(HttpClient):
    """A client that parses an upload as the API does."""

    def __init__(self, status: int = 200) -> None:
        super().__init__("http://shop.test")
        self.status = status
        self.routes: list[str] = []

    def request(self, route: str, body: Any = None, **options: Any) -> HttpResponse:
        self.routes.append(route)
        if self.status != 200:
            return HttpResponse(self.status, {}, json.dumps({"detail": "The reason."}))
        kind = options["headers"]["Content-Type"]
        parsed = parse_product_file(options["raw"], kind, ImportOptions("USD"))
        rejected = [parsed.located(r) for r in parsed.rejected]
        report: dict[str, Any] = dict.fromkeys(NUMBERS, 0)
        report |= {"created": len(parsed.entries), "notices": ["a notice"], "product_notices": []}
        report["rejected"] = [
            {"line": r.line, "reason": r.reason, "row": r.row, "column": r.column} for r in rejected
        ]
        return HttpResponse(200, {}, json.dumps(report))


def send(text: str, kind: str, shop: Shop) -> tuple[int, str]:
    out = io.StringIO()
    console = Console(file=out, width=200)
    stored = upload(text, kind, {"currency": "USD", "decimal": "comma"}, shop, console)
    return stored, out.getvalue()


def test_a_small_file_is_one_request_and_its_report_is_shown() -> None:
    shop = Shop()
    stored, output = send(CSV + 'a,"A\nB",1\nb,B,x\n', "text/csv", shop)
    assert shop.routes == ["POST /staff/imports?currency=USD&decimal=comma"]
    assert stored == 1
    assert "line 4, cell C3: price: 'x' is not a price." in output
    assert "· a notice" in output
    assert "1 product: 1 new" in output
    assert "1 row rejected" in output


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (422, "No product was imported: The reason."),
        (504, "The shop answered 504: The reason. Run the import again."),
    ],
)
def test_a_rejected_upload_shows_the_api_error(status: int, message: str) -> None:
    with pytest.raises(RuntimeError) as raised:
        send(CSV, "text/csv", Shop(status))
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"line": 7}, "line 7"),
        ({"line": 7, "row": None, "column": None}, "line 7"),
        ({"line": 7, "row": 7}, "line 7"),
        ({"line": 7, "row": 3}, "line 7, row 3"),
        ({"line": 7, "row": 3, "column": "AB"}, "line 7, cell AB3"),
    ],
)
def test_a_place_is_shown_as_an_editor_and_a_spreadsheet_do(row: Any, text: str) -> None:
    assert place(row) == text


@pytest.mark.parametrize(("products", "small"), [(3, True), (4, False)])
@pytest.mark.parametrize("kind", ["text/csv", "application/yaml"])
def test_products_decide_how_a_file_is_sent(
    products: int, small: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "MAX_PRODUCTS_PER_REQUEST", 3)
    row, head = ("p{0},P,1\np{0},,2\n", CSV) if kind == "text/csv" else ("- {{id: p{0}}}\n", "")
    assert is_small(head + "".join(row.format(n) for n in range(products)), kind) is small


def test_bytes_decide_how_a_file_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_BYTES_PER_REQUEST", 60)
    text = CSV + f"p,{'茶' * 13},1\n"
    assert len(text) < 60 < len(text.encode())
    assert not is_small(text, "text/csv")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Handle,Title,Price\np,"P,1\n', "text/csv"),
        ("", "text/csv"),
        ("no list", "application/yaml"),
    ],
)
def test_a_file_that_cannot_be_read_is_sent_so_that_the_shop_reports_it(
    text: str, kind: str
) -> None:
    assert is_small(text, kind)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("p.xlsx", b"PK\x03\x04 xl/", "p.xlsx: This is an Excel workbook. Export it as CSV UTF-8."),
        (
            "p.csv.gz",
            b"\x1f\x8b\x08",
            "p.csv.gz: This is a compressed file (gzip). Unpack it first.",
        ),
        (
            "p.csv",
            b"{}",
            "p.csv: This is JSON. Send Shopify's product CSV or a YAML list of products.",
        ),
        (
            "p.txt",
            CSV.encode(),
            f"p.txt: {NAME_OF_FORMAT}",
        ),
    ],
)
def test_a_file_of_another_kind_is_named_as_the_api_does(
    name: str, raw: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(raw)
    with pytest.raises(CloudError) as raised:
        read_products(file)
    assert str(raised.value) == message


def test_an_unreadable_file_is_rejected_before_any_upload(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"Handle\xff\n")
    for file in (bad, tmp_path / "absent.yaml", tmp_path / "text.txt", tmp_path):
        with pytest.raises(CloudError):
            read_products(file)
    mark = tmp_path / "marked.CSV"
    mark.write_bytes(b"\xef\xbb\xbfHandle,Title\n")
    assert read_products(mark) == ("Handle,Title\n", "text/csv")
