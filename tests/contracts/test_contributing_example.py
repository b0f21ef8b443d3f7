"""The endpoint that CONTRIBUTING.md adds as an example works as it is written there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import functions.staff_orders
import shop.orders.schemas
from functions import manifest
from functions.manifest import Endpoint, Feature
from functions.staff_orders.manifest import GROUPS
from infra.openapi import build_openapi
from infra.openapi_ucp import PREFIX
from tests.contracts.test_openapi import fields_without_description

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
EXAMPLE = GUIDE.partition("## Add an endpoint")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
FILE = re.compile(r"Create\s+`([^`]+)`.*?```python\n(.*?)```", re.DOTALL)

SCHEMAS = "layers/shared/python/shop/orders/schemas"
HANDLERS = "functions/staff_orders"

CONFTEST = """
import functions.staff_orders
import shop.orders.schemas
from tests.conftest import *
from tests.functions.conftest import cloud

functions.staff_orders.__path__.append({handlers!r})
shop.orders.schemas.__path__.append({schemas!r})
"""
"""Settings of a run whose packages also contain the example's files."""


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of the example, which the project's packages also search."""
    for path, code in FILE.findall(EXAMPLE):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, "utf-8")
    for package, folder in ((functions.staff_orders, HANDLERS), (shop.orders.schemas, SCHEMAS)):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / folder)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def declared_endpoint() -> Endpoint:
    """Evaluate the manifest entry of the example."""
    names = {**vars(manifest), "GROUPS": GROUPS}
    entry = eval(BLOCK.findall(EXAMPLE)[0], names)  # noqa: S307 - a page of this project
    assert isinstance(entry, Endpoint)
    return entry


def test_example_has_an_entry_and_four_files() -> None:
    assert len(BLOCK.findall(EXAMPLE)) == 5
    assert len(FILE.findall(EXAMPLE)) == 4


def test_response_of_the_example_follows_the_rules_of_openapi(example: Path) -> None:
    entry = declared_endpoint()
    document = build_openapi([Feature("staff_orders", (entry,))])
    schemas = {
        name: schema
        for name, schema in document["components"]["schemas"].items()
        if not name.startswith(PREFIX)
    }
    name = str(entry.response).partition(":")[2]

    assert list(fields_without_description(schemas)) == []
    assert schemas[name]["description"]
    # A response with an array is a list and must be paged.
    assert "array" not in {field.get("type") for field in schemas[name]["properties"].values()}


@pytest.mark.slow
def test_tests_of_the_example_pass(example: Path) -> None:
    (example / "conftest.py").write_text(
        CONFTEST.format(handlers=str(example / HANDLERS), schemas=str(example / SCHEMAS)), "utf-8"
    )
    search_path = f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", "--everything")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(example), str(example)],
        env={**os.environ, "PYTHONPATH": search_path},
        cwd=example,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "5 passed" in run.stdout
