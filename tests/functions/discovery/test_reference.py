"""GET /openapi.json and GET /docs: the documentation of the API, as the package contains it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from functions.discovery import get_openapi, get_reference
from infra.constructs import asset_packages
from infra.constructs.asset_packages import AssetPackages
from infra.openapi_page import OPENAPI_FILE
from tests.kit.shop import ApiResponse, call

DOCUMENT: dict[str, Any] = json.loads(OPENAPI_FILE.read_text("utf-8"))


@pytest.fixture(autouse=True)
def _files_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    files = AssetPackages().functions("discovery").path / "discovery"
    monkeypatch.setattr(get_openapi, "FILES", files)
    monkeypatch.setattr(get_reference, "FILES", files)
    monkeypatch.setenv("ACCESS", "public")
    get_openapi.document_of_stage.cache_clear()
    get_reference.read.cache_clear()


def get_openapi_document(**headers: str) -> ApiResponse:
    return call(get_openapi.handler, "GET /openapi.json", headers=headers)


def get_page(**headers: str) -> ApiResponse:
    return call(get_reference.handler, "GET /docs", headers=headers)


class Page(HTMLParser):
    """Collects ids, links and elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.attributes.append((tag, "", None))
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name == "href" and value]


SANDBOX = {"/sandbox", "/sandbox/challenges/{reference}", "/webhooks/payments/sandbox"}


@pytest.mark.parametrize(
    ("stage", "other_stages"), [("test", {"/webhooks/payments/stripe"}), ("prod", SANDBOX)]
)
def test_document_has_the_routes_of_its_stage(
    stage: str, other_stages: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_openapi, "STAGE", stage)

    response = get_openapi_document()

    assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
    paths = {path: each for path, each in DOCUMENT["paths"].items() if path not in other_stages}
    servers = [{"url": "http://shop.test", "description": f"Stage {stage}"}]
    assert response.json == {**DOCUMENT, "paths": paths, "servers": servers}


@pytest.mark.parametrize("get", [get_openapi_document, get_page])
def test_response_is_cacheable_and_revalidated(get: Any) -> None:
    response = get()
    assert response.headers["Cache-Control"] == "public, max-age=300"
    again = get(**{"if-none-match": response.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_page_shows_every_operation_and_schema() -> None:
    page = Page(get_page().text)
    operations = {
        operation["operationId"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    }
    schemas = {f"schema-{name}" for name in DOCUMENT["components"]["schemas"]}
    assert len(operations) > 90
    assert operations | schemas <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)


def test_links_of_the_page_lead_to_the_page_or_to_the_document() -> None:
    page = Page(get_page().text)
    targets = {link for link in page.links if link != "openapi.json"}
    assert {link.removeprefix("#") for link in targets} <= set(page.ids)
    assert "openapi.json" in page.links


def test_page_loads_nothing_and_runs_no_script() -> None:
    page = Page(get_page().text)
    loading = {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not [each for each in page.attributes if each[0] in loading]
    assert not [each for each in page.attributes if each[1].startswith(("on", "style", "src"))]


def test_policy_allows_the_inline_style_only() -> None:
    response = get_page()
    (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(
        part.strip().split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_change_of_the_document_changes_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    for file in ("docs/openapi.json", "infra/openapi_page.py", "functions/discovery/a.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("{}")
    monkeypatch.setattr(asset_packages, "ROOT", tmp_path)
    monkeypatch.setattr(asset_packages, "BUILD", tmp_path / ".build")
    first = AssetPackages().functions("discovery").hash
    (tmp_path / "docs/openapi.json").write_text("{ }")
    assert AssetPackages().functions("discovery").hash != first
