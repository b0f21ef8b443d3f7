"""Each never-arrow of pyproject.toml is seen to hold: planted, it is named, by its own contract."""

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
PLANTED = {
    "Floors: nobody reaches upwards": (f"{SHOP}/catalog/ports.py", "shop.orders.model"),
    "Rooms: wire, store and gateway": (f"{SHOP}/catalog/model/words.py", "shop.catalog.ports"),
    "The edge knows no capability": (f"{SHOP}/edge/queue.py", "shop.orders.model"),
    "Decisions are pure": (f"{SHOP}/catalog/actions/keeping.py", "boto3"),
    "Powertools lives in the edge": (f"{SHOP}/catalog/wire/files.py", "aws_lambda_powertools"),
    "A floor's store, gateway and wire": (
        f"{SHOP}/orders/actions/__init__.py",
        "shop.inventory.store",
    ),
    "One Lambda never imports another": (
        "functions/catalog/get_product.py",
        "functions.catalog.search_catalog",
    ),
    "The shop and its doors know nothing": (f"{SHOP}/catalog/wire/files.py", "moto"),
    "The ground reads manifests": ("infra/stages.py", "shop.kernel.money"),
}


@pytest.fixture(scope="module")
def repository_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and its contracts, to plant things in."""
    there = tmp_path_factory.mktemp("house")
    forget = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in ("layers", "functions", "infra", "local"):
        shutil.copytree(ROOT / part, there / part, ignore=forget)
    shutil.copy(ROOT / "pyproject.toml", there)
    return there


def broken(house: Path) -> list[str]:
    """The contracts that do not hold."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(linter)],
        cwd=house,
        env={**os.environ, "PYTHONPATH": ".:layers/shared/python", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if " BROKEN" in line]


def test_every_contract_has_something_planted_against_it() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    names = [contract["name"] for contract in told["contracts"]]
    assert len(names) == len(PLANTED)
    assert all(sum(n.startswith(start) for n in names) == 1 for start in PLANTED)


def test_as_it_stands_no_contract_is_broken(repository_copy: Path) -> None:
    assert broken(repository_copy) == []


@pytest.mark.parametrize("contract", PLANTED)
def test_what_is_planted_is_named_by_its_contract(repository_copy: Path, contract: str) -> None:
    name, target = PLANTED[contract]
    file = repository_copy / name
    before = file.read_text()
    file.write_text(f"{before}\n\nimport {target}\n")
    try:
        assert any(line.startswith(contract) for line in broken(repository_copy))
    finally:
        file.write_text(before)
