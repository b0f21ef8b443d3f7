"""Each import contract of pyproject.toml reports a violation added to a copy of the code."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHOP = "layers/shared/python/shop"
VIOLATIONS = {
    "Capabilities depend in one direction": (
        f"{SHOP}/catalog/ports/__init__.py",
        "shop.orders.model",
    ),
    "Layers inside a capability": (f"{SHOP}/catalog/model/tokenizer.py", "shop.catalog.ports"),
    "Entrypoints know no capability": (f"{SHOP}/entrypoints/sqs.py", "shop.orders.model"),
    "Decisions are pure": (f"{SHOP}/catalog/actions/product_admin.py", "boto3"),
    "Powertools only in entrypoints": (
        f"{SHOP}/catalog/schemas/files.py",
        "aws_lambda_powertools",
    ),
    "Stores, gateways and schemas are private; handlers wire them": (
        f"{SHOP}/orders/actions/__init__.py",
        "shop.inventory.store",
    ),
    "Lambdas never import each other": (
        "functions/catalog/get_product.py",
        "functions.catalog.search_catalog",
    ),
    "Shop and handlers know nothing of infra, local, tests": (
        f"{SHOP}/catalog/schemas/files.py",
        "moto",
    ),
    "infra reads manifests only": ("infra/stages.py", "shop.kernel.money"),
}


@pytest.fixture(scope="module")
def repository_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code and its contracts, to which violations may be added."""
    copy = tmp_path_factory.mktemp("repository")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for directory in ("layers", "functions", "infra", "local"):
        shutil.copytree(ROOT / directory, copy / directory, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def broken_contracts(repository: Path) -> list[str]:
    """Return the report lines of the contracts that are broken."""
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [str(linter)],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": ".:layers/shared/python", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in result.stdout, result.stdout + result.stderr
    return [line for line in result.stdout.splitlines() if " BROKEN" in line]


def test_every_contract_has_a_violation_in_this_test() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert sorted(contract["name"] for contract in settings["contracts"]) == sorted(VIOLATIONS)


def test_the_code_breaks_no_contract(repository_copy: Path) -> None:
    assert broken_contracts(repository_copy) == []


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_is_reported_by_its_contract(repository_copy: Path, contract: str) -> None:
    file_name, imported_module = VIOLATIONS[contract]
    file = repository_copy / file_name
    original = file.read_text()
    file.write_text(f"{original}\n\nimport {imported_module}\n")
    try:
        assert any(line.startswith(contract) for line in broken_contracts(repository_copy))
    finally:
        file.write_text(original)
