"""Installed packages are pinned and hashed, and no lock file names a registry."""

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.processes import ROOT

LOCKS = ("dev", "runtime", "uv")


def pins(lock: str) -> dict[str, str]:
    """Return the locked version of each package; of two for two kinds of machine, the last."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ \\]+)", text, re.MULTILINE))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_with_its_hash(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize(
    "name", [*(f"requirements/{lock}.txt" for lock in LOCKS), "package-lock.json"]
)
def test_no_lock_names_a_registry(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()


def test_locks_match_the_pyproject_file() -> None:
    toml = project()
    runtime = toml["project"]["dependencies"]  # type: ignore[index]
    requirements = {"runtime": runtime, "dev": [*runtime, *toml["dependency-groups"]["dev"]]}  # type: ignore[index]
    for lock, direct in requirements.items():
        locked = pins(lock)
        for requirement in map(Requirement, direct):
            version = locked.get(canonicalize_name(requirement.name))
            assert version, f"{requirement} is not in requirements/{lock}.txt: make lock"
            assert requirement.specifier.contains(version), (
                f"{requirement}, but {version} is locked: make lock"
            )


def test_lambdas_run_on_the_versions_that_were_tested() -> None:
    tested = pins("dev")
    assert pins("runtime").items() <= tested.items()


def test_packages_that_slow_every_cold_start_are_not_in_the_lambdas() -> None:
    """The package stripe imports an asynchronous HTTP client if one is installed: +105 ms."""
    assert not {"aiohttp", "httpx", "aws-xray-sdk"} & pins("runtime").keys()


@pytest.mark.parametrize("name", ["aws-cdk", "openapi-typescript", "typescript"])
def test_tool_of_npm_is_pinned_to_one_version(name: str) -> None:
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    required = package["devDependencies"][name]
    assert re.fullmatch(r"\d+\.\d+\.\d+", required)
    assert lock["packages"][f"node_modules/{name}"]["version"] == required


def test_every_package_of_npm_has_its_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [name for name, each in packages.items() if name and "integrity" not in each] == []
