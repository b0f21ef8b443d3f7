"""Packages for the Lambdas: handlers, the shared layer, the dependency layer.

A package is built into ``.build/<name>-<hash>/``. The hash covers the sources, the builder and the
Python that compiles, not the output. The same sources are therefore the same asset, and a second
deployment changes nothing. Bytecode is compiled with *unchecked* hashes: a Lambda's code is
read-only, and without bytecode every cold start takes 2.5 times as long
(docs/adr/deployment-packages.md).
Each compiled file is cached by its content, so a change recompiles the changed files only.
"""

import contextlib
import hashlib
import importlib.util
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.openapi_page import write_reference
from infra.route_table import route_sources, write_routes

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
LAMBDA_PYTHON = (3, 13)
BUILDER = "3"
"""Raise it when building changes, so that no old package is reused."""
PACKAGE_LIFETIME = 3600
"""Seconds. Younger packages stay: another deployment may be reading one."""

BOTO_SERVICES = frozenset(
    {
        "cognito-idp",
        "dynamodb",
        "events",
        "kms",
        "lambda",
        "s3",
        "scheduler",
        "secretsmanager",
        "sesv2",
        "sqs",
    }
    | {"ssm", "stepfunctions", "sts"}
)
"""Services whose botocore model the dependency layer keeps; the other 400 are most of its size."""


@dataclass(frozen=True)
class GeneratedFiles:
    """Files that a package contains beside its source: ``sources`` decide what ``write`` writes."""

    sources: Callable[[], list[Path]]
    write: Callable[[Path], None]


GENERATED_FILES = {
    "discovery": GeneratedFiles(
        lambda: [ROOT / "docs" / "openapi.json", ROOT / "infra" / "openapi_page.py"],
        write_reference,
    ),
    "not_found": GeneratedFiles(route_sources, write_routes),
}
"""By feature: the API reference, and the table of routes."""


@dataclass(frozen=True)
class AssetPackage:
    """A built directory, and the hash that identifies it in the CDK."""

    path: Path
    hash: str


@dataclass(frozen=True)
class AssetPackages:
    """The packages of the working copy.

    ``hollow`` packages are placeholders, which are not built. Templates with placeholders are
    enough for checks; :mod:`local.assembly` puts real packages in their place.
    """

    hollow: bool = False

    def functions(self, group: str) -> AssetPackage:
        """Return the package of one feature's Lambdas. Other features do not change it."""
        source = ROOT / "functions" / group
        generated = GENERATED_FILES.get(group)

        def make(out: Path) -> None:
            _copy(source, out / group)
            if generated is not None:
                generated.write(out / group)

        sources = [source, *(generated.sources() if generated is not None else ())]
        return self._package(f"functions-{group}", sources, make)

    def shared(self) -> AssetPackage:
        """Return the shop package, as a layer."""
        source = ROOT / "layers" / "shared"
        return self._package("shared", [source], lambda out: _copy(source, out))

    def dependencies(self) -> AssetPackage:
        """Return the third-party packages for Lambda's platform, as a layer."""
        lock = ROOT / "requirements" / "runtime.txt"
        return self._package("dependencies", [lock], lambda out: _install(lock, out / "python"))

    def _package(
        self, name: str, sources: Iterable[Path], make: Callable[[Path], None]
    ) -> AssetPackage:
        if self.hollow:
            return placeholder(name)
        digest = _digest(name, sources)
        target = BUILD / f"{name}-{digest[:16]}"
        if not target.is_dir():
            BUILD.mkdir(exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=BUILD))
            try:
                make(draft)
                _compile(draft)
                draft.chmod(0o755)
                draft.rename(target)
            except OSError:
                if not target.is_dir():  # another builder was faster, with the same content
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            _prune(name, target)
        return AssetPackage(target, digest)


def placeholder(name: str) -> AssetPackage:
    """Return the placeholder of a package. Its hash begins with letters that no hash contains."""
    digest = "zz" + hashlib.sha256(name.encode()).hexdigest()[2:]
    return AssetPackage(Path("/placeholder") / digest, digest)


def compiles() -> bool:
    """Whether this Python writes the bytecode that Lambda's Python reads."""
    return sys.version_info[:2] == LAMBDA_PYTHON


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(
        p
        for p in source.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"
    )


def _prune(name: str, current: Path) -> None:
    """Delete older builds."""
    for old in BUILD.glob(f"{name}-{'?' * 16}"):
        if old != current and time.time() - old.stat().st_mtime > PACKAGE_LIFETIME:
            shutil.rmtree(old, ignore_errors=True)


def _digest(name: str, sources: Iterable[Path]) -> str:
    digest = hashlib.sha256(
        f"{BUILDER} {name} {LAMBDA_PYTHON if compiles() else 'source'}".encode()
    )
    for source in sources:
        for file in _files(source):
            digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _copy(source: Path, out: Path) -> None:
    for file in _files(source):
        target = out / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _compile(directory: Path) -> None:
    if not compiles():
        here = ".".join(map(str, sys.version_info[:2]))
        print(
            f"note: packages are built without bytecode, because this is Python {here} and Lambda "
            "runs 3.13. Cold starts take about 2.5 times as long.",
            file=sys.stderr,
        )
        return
    cache = BUILD / "bytecode"
    cache.mkdir(parents=True, exist_ok=True)
    for source in sorted(directory.rglob("*.py")):
        _compile_file(source, source.relative_to(directory), cache)


def _compile_file(source: Path, name: Path, cache: Path) -> None:
    """Write the bytecode of one file. It depends on the content and on the name in tracebacks."""
    digest = hashlib.sha256(f"{sys.version}\0{name}\0".encode() + source.read_bytes()).hexdigest()
    cached = cache / f"{digest}.pyc"
    target = Path(importlib.util.cache_from_source(str(source)))
    target.parent.mkdir(exist_ok=True)
    if not cached.is_file():
        with contextlib.suppress(py_compile.PyCompileError):  # a template file may be no Python
            py_compile.compile(
                str(source),
                cfile=str(target),
                dfile=str(name),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            draft = cache / f"{digest}.{os.getpid()}"
            shutil.copyfile(target, draft)
            draft.rename(cached)
        return
    shutil.copyfile(cached, target)


def _install(lock: Path, out: Path) -> None:
    print("building the dependency layer for arm64, Python 3.13 …", file=sys.stderr)
    subprocess.run(
        [
            _uv(), "pip", "install", "--quiet", "--target", str(out), "--requirements", str(lock),
            "--python-platform", "aarch64-manylinux2014", "--python-version", "3.13",
            "--only-binary", ":all:", "--no-deps", "--require-hashes",
        ],
        check=True,
        env={**os.environ, "VIRTUAL_ENV": sys.prefix},
    )  # fmt: skip
    _trim(out)


def _trim(out: Path) -> None:
    data = out / "botocore" / "data"
    for service in data.iterdir():
        if service.is_dir() and service.name not in BOTO_SERVICES:
            shutil.rmtree(service)
    shutil.rmtree(out / "bin", ignore_errors=True)
    for junk in ("tests", "test"):
        for directory in out.glob(f"*/{junk}"):
            shutil.rmtree(directory, ignore_errors=True)


def _uv() -> str:
    for candidate in (ROOT / ".local" / "uv" / "bin" / "uv", Path(sys.prefix) / "bin" / "uv"):
        if candidate.is_file():
            return str(candidate)
    found = shutil.which("uv")
    if found is None:
        raise FileNotFoundError(
            "uv builds the dependency layer and is missing. Install it with: make tools"
        )
    return found
