"""What is installed is pinned, hashed, and comes from whatever mirror a machine is set up with."""

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.processes import ROOT

LOCKS = ("dev", "runtime", "uv")


def pins(lock: str) -> dict[str, str]:
    """Package to version; a package may stand there twice, for two kinds of machine."""
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


def test_the_locks_are_of_this_pyproject() -> None:
    toml = project()
    runtime = toml["project"]["dependencies"]  # type: ignore[index]
    requirements = {"runtime": runtime, "dev": [*runtime, *toml["dependency-groups"]["dev"]]}  # type: ignore[index]
    for lock, wanted in requirements.items():
        locked = pins(lock)
        for requirement in map(Requirement, wanted):
            version = locked.get(canonicalize_name(requirement.name))
            assert version, f"{requirement} is not in requirements/{lock}.txt: make lock"
            assert requirement.specifier.contains(version), (
                f"{requirement}, but {version} is locked: make lock"
            )


def test_a_lambda_runs_on_what_the_tests_ran_on() -> None:
    tested = pins("dev")
    assert pins("runtime").items() <= tested.items()


def test_nothing_that_slows_every_cold_start_goes_into_a_lambda() -> None:
    """stripe imports an asynchronous HTTP client when it sees one: +105 ms."""
    assert not {"aiohttp", "httpx", "aws-xray-sdk"} & pins("runtime").keys()


def test_the_cdk_cli_is_pinned_to_the_version_that_reads_our_library() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    wanted = package["devDependencies"]["aws-cdk"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", wanted)
    assert lock["packages"]["node_modules/aws-cdk"]["version"] == wanted
