"""Packages of the Lambdas: the same sources give the same package, including bytecode."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.constructs import asset_packages
from infra.constructs.asset_packages import (
    BOTO_SERVICES,
    ROOT,
    AssetPackage,
    AssetPackages,
    compiles,
)

UNCHECKED_HASH = 0b01
"""PEP 552: the flags of a .pyc file whose source is never checked."""


@pytest.fixture
def small_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two groups of functions and a shop."""
    for file, text in {
        "functions/cart/create_cart.py": "handler = len\n",
        "functions/cart/manifest.py": "FEATURE = None\n",
        "functions/orders/get_order.py": "handler = len\n",
        "layers/shared/python/shop/__init__.py": '"""The shop."""\n',
    }.items():
        target = tmp_path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    monkeypatch.setattr(asset_packages, "ROOT", tmp_path)
    monkeypatch.setattr(asset_packages, "BUILD", tmp_path / ".build")
    return tmp_path


def built() -> dict[str, AssetPackage]:
    made = AssetPackages()
    return {
        "cart": made.functions("cart"),
        "orders": made.functions("orders"),
        "shared": made.shared(),
    }


def test_same_sources_give_the_same_package(small_repository: Path) -> None:
    first = built()
    for file in small_repository.rglob("*.py"):
        file.touch()
    assert built() == first
    shutil.rmtree(small_repository / ".build")
    (small_repository / "functions" / "cart" / "__pycache__").mkdir()
    (small_repository / "functions" / "cart" / "__pycache__" / "old.cpython-313.pyc").write_bytes(
        b"x"
    )
    assert built() == first


def test_change_in_one_feature_keeps_the_other_packages(small_repository: Path) -> None:
    first = built()
    (small_repository / "functions" / "cart" / "create_cart.py").write_text("handler = max\n")
    second = built()
    assert second["cart"] != first["cart"]
    assert (second["orders"], second["shared"]) == (first["orders"], first["shared"])


def test_functions_are_in_the_folder_of_their_handler_setting(small_repository: Path) -> None:
    assert (built()["cart"].path / "cart" / "create_cart.py").is_file()
    assert (built()["shared"].path / "python" / "shop" / "__init__.py").is_file()


@pytest.mark.skipif(not compiles(), reason="only Python 3.13 writes bytecode for Lambda")
def test_packages_contain_bytecode_that_is_never_checked(small_repository: Path) -> None:
    for package in built().values():
        sources = list(package.path.rglob("*.py"))
        compiled = list(package.path.rglob("*.cpython-313.pyc"))
        assert len(sources) == len(compiled) > 0
        for file in compiled:
            assert int.from_bytes(file.read_bytes()[4:8], "little") == UNCHECKED_HASH


def test_other_python_builds_without_bytecode_and_warns(
    small_repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_bytecode = built()
    monkeypatch.setattr(asset_packages, "LAMBDA_PYTHON", (3, 99))
    without = built()
    assert not list(without["cart"].path.rglob("*.pyc"))
    assert without["cart"].hash != with_bytecode["cart"].hash
    assert "without bytecode" in capsys.readouterr().err


def test_failed_build_leaves_no_files(
    small_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(source: Path, out: Path) -> None:
        (out / "half").mkdir(parents=True)
        raise OSError("disk full")

    monkeypatch.setattr(asset_packages, "_copy", broken)
    with pytest.raises(OSError, match="disk full"):
        built()
    assert list((small_repository / ".build").iterdir()) == []


def test_concurrent_builds_make_one_package(small_repository: Path) -> None:
    code = """
import pathlib, sys
sys.path.insert(0, sys.argv[2])
from infra.constructs import asset_packages
asset_packages.ROOT = pathlib.Path(sys.argv[1])
asset_packages.BUILD = asset_packages.ROOT / ".build"
print(asset_packages.AssetPackages().shared())
"""
    command = [sys.executable, "-c", code, str(small_repository), str(ROOT)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {run.communicate()[0] for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert outputs == {f"{AssetPackages().shared()}\n"}


def test_every_aws_service_that_the_shop_calls_is_in_the_dependency_layer() -> None:
    called = set()
    for file in [*ROOT.glob("layers/shared/**/*.py"), *ROOT.glob("functions/**/*.py")]:
        text = file.read_text()
        called |= set(re.findall(r"\b(?:client|resource)\(\s*[\"']([a-z0-9-]+)[\"']", text))
    assert called, "no client was found; adjust the pattern"
    assert called <= BOTO_SERVICES
