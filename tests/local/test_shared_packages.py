"""Workers of the local cloud share one unpacked copy of each code package and layer."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from local import emulator_patches


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from ministack.core import lambda_runtime

    monkeypatch.setattr(lambda_runtime, "zipfile", zipfile)
    emulator_patches.share_unpacked_packages(tmp_path / "packages")
    return lambda_runtime


def unpack(runtime: Any, folder: Path, content: str) -> Path:
    """Unpack as MiniStack does for one worker; return the code folder."""
    code = folder / "code"
    code.mkdir(parents=True)
    package = folder / "code.zip"
    with zipfile.ZipFile(package, "w") as writer:
        entry = zipfile.ZipInfo("handler.py")  # a fixed date: the same bytes each time
        writer.writestr(entry, content)
    with runtime.zipfile.ZipFile(str(package)) as reader:
        reader.namelist()
        reader.extractall(str(code))
    return code


def test_workers_with_the_same_package_share_its_files(runtime: Any, tmp_path: Path) -> None:
    first = unpack(runtime, tmp_path / "a", "same")
    second = unpack(runtime, tmp_path / "b", "same")
    assert first.resolve() == second.resolve()
    assert (second / "handler.py").read_text() == "same"
    assert len(list((tmp_path / "packages").iterdir())) == 1


def test_changed_package_has_files_of_its_own(runtime: Any, tmp_path: Path) -> None:
    first = unpack(runtime, tmp_path / "a", "old")
    second = unpack(runtime, tmp_path / "b", "new")
    assert (first / "handler.py").read_text() == "old"
    assert (second / "handler.py").read_text() == "new"


def test_interrupted_unpacking_is_completed_by_the_next_worker(
    runtime: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            unpack(runtime, tmp_path / "a", "same")
    assert (unpack(runtime, tmp_path / "b", "same") / "handler.py").read_text() == "same"


def test_worker_folder_is_deleted_without_the_shared_files(runtime: Any, tmp_path: Path) -> None:
    from shutil import rmtree

    first = unpack(runtime, tmp_path / "a", "same")
    shared = first.resolve()
    rmtree(tmp_path / "a")
    assert (shared / "handler.py").exists()
