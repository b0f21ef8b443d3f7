"""`make import` splits a file between products and keeps the line numbers of the whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.http_actors import HttpClient, HttpResponse
from local.importer import (
    read_products,
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


def test_an_unreadable_file_is_rejected_before_any_upload(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"Handle\xff\n")
    for file in (bad, tmp_path / "absent.yaml", tmp_path / "text.txt", tmp_path):
        with pytest.raises(CloudError):
            read_products(file)
    mark = tmp_path / "marked.CSV"
    mark.write_bytes(b"\xef\xbb\xbfHandle,Title\n")
    assert read_products(mark) == ("Handle,Title\n", "text/csv")
