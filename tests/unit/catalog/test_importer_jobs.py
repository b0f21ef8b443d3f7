"""`make import` of a large file: its upload by a form, and the report of its import."""

import io
import json
from collections.abc import Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from rich.console import Console

from local import importer
from local.http_actors import HttpClient, HttpResponse, send_form
from local.importer import upload_whole

Form = list[tuple[str, bytes]]


class Storage(HTTPServer):
    """A storage that reads forms as S3 does: fields first, then the file."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.forms: list[Form] = []
        super().__init__(("127.0.0.1", 0), _Upload)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/bucket"


class _Upload(BaseHTTPRequestHandler):
    server: Storage

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts: Any = BytesParser().parsebytes(head + body).get_payload()
        self.server.forms.append(
            [
                (
                    part.get_param("name", header="content-disposition"),
                    part.get_payload(decode=True),
                )
                for part in parts
            ]
        )
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def storage() -> Iterator[Storage]:
    server = Storage()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "POLL_SECONDS", 0)


REPORT = {
    **dict.fromkeys(("created", "changed", "unchanged", "stock_created", "stock_unchanged"), 0),
    "products": 1500,
    "products_done": 1500,
    "finished_at": "2026-11-30T16:00:00Z",
    "status": "completed",
    "notices": ["a notice on the file"],
    "product_notices": [
        {
            "notice": "not imported",
            "products": 30,
            "examples": [{"lines": [3], "product": "p2", "notice": "not imported"}],
        }
    ],
}


class Shop(HttpClient):
    """A shop whose import makes progress with every look."""

    def __init__(self, storage: Storage, *views: dict[str, Any]) -> None:
        super().__init__("http://shop.test")
        self.storage, self.views = storage, list(views)
        self.routes: list[str] = []
        self.options: Any = None

    def request(self, route: str, body: Any = None, **options: Any) -> HttpResponse:
        self.routes.append(route)
        if route == "POST /staff/import-jobs":
            self.options = body
            answer: Any = {
                "id": "imp_1",
                "upload": {"url": self.storage.url, "fields": {"key": "k", "policy": "p"}},
            }
        elif route.endswith("/start"):
            answer = {"id": "imp_1", "status": "validating"}
        else:
            answer = self.views.pop(0)
        return HttpResponse(200, {}, json.dumps(answer))


def run(shop: Shop, text: str = "Handle,Title\n") -> tuple[int, str]:
    out = io.StringIO()
    console = Console(file=out, width=200)
    return upload_whole(
        text, "text/csv", {"currency": "USD", "decimal": "comma"}, shop, console
    ), out.getvalue()


def test_a_large_file_is_uploaded_started_and_followed_to_its_report(storage: Storage) -> None:
    running = {"products": 1500, "products_done": 200, "status": "importing"}
    done = {**REPORT, "created": 1499}
    wrong = {"line": 2, "row": 2, "column": "F", "reason": "price: wrong", "product": "p1"}
    first = {"rejected": [wrong], "cursor": "next"}
    second = {"rejected": [{"line": 9, "reason": "title: empty"}]}
    shop = Shop(storage, running, done, first, second)

    stored, output = run(shop, "Größe\n")

    assert storage.forms == [
        [("key", b"k"), ("policy", b"p"), ("file", "Größe\n".encode())],
    ]
    assert shop.options == {"currency": "USD", "decimal": "comma", "format": "csv"}
    assert shop.routes[1:] == [
        "POST /staff/import-jobs/imp_1/start",
        "GET /staff/import-jobs/imp_1",
        "GET /staff/import-jobs/imp_1",
        "GET /staff/import-jobs/imp_1/rejected",
        "GET /staff/import-jobs/imp_1/rejected?cursor=next",
    ]
    assert stored == 1499
    assert "line 2, cell F2 (p1): price: wrong" in output
    assert "line 9: title: empty" in output
    assert "line 3 (p2) and 29 more products: not imported" in output
    assert "1,499 products: 1,499 new" in output
    assert "1 product and 1 row rejected" in output


def test_a_failed_import_shows_its_problem(storage: Storage) -> None:
    failed = {**REPORT, "status": "failed", "problem": {"code": "x", "detail": "the reason"}}
    with pytest.raises(RuntimeError, match="No product was imported: the reason"):
        run(Shop(storage, failed))


def test_a_rejected_upload_is_reported(storage: Storage) -> None:
    storage.status = 403
    with pytest.raises(RuntimeError, match="the upload failed with 403"):
        send_form({"url": storage.url, "fields": {}}, b"x")
