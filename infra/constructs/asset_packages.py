"""What goes into the Lambdas: the doors, the shared layer, the dependency layer.

A package is built into ``.build/<name>-<hash>/``. The hash covers the sources, the builder and the
Python that compiles, not the output, so the same sources are the same asset and a second deployment
changes nothing. Bytecode is compiled with *unchecked* hashes: a Lambda's code is read-only, and
without it every cold start takes 2.5 times as long (docs/adr/packages.md).
"""

import compileall
import hashlib
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

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
LAMBDA_PYTHON = (3, 13)
BUILDER = "3"
"""Raise it when building changes, so that old packages are not taken for new ones."""

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
"""Services whose botocore model the dependency layer keeps; the other 400 are most of its bulk."""


@dataclass(frozen=True)
class AssetPackage:
    """A built directory and the hash by which CDK knows it."""

    path: Path
    hash: str


@dataclass(frozen=True)
class AssetPackages:
    """Where packages come from. ``hollow`` ones hold a single note: enough to judge templates."""

    hollow: bool = False

    def functions(self, group: str) -> AssetPackage:
        """The Lambdas of one feature, so that a change in one leaves the other features' alone."""
        source = ROOT / "functions" / group
        return self._made(f"doors-{group}", [source], lambda out: _copied(source, out / group))

    def shared(self) -> AssetPackage:
        """The shop itself, as a layer."""
        source = ROOT / "layers" / "shared"
        return self._made("shared", [source], lambda out: _copied(source, out))

    def dependencies(self) -> AssetPackage:
        """Third-party packages for Lambda's own platform, as a layer."""
        lock = ROOT / "requirements" / "runtime.txt"
        return self._made("dependencies", [lock], lambda out: _installed(lock, out / "python"))

    def _made(
        self, name: str, sources: Iterable[Path], make: Callable[[Path], None]
    ) -> AssetPackage:
        if self.hollow:
            return _hollow()
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
                if not target.is_dir():  # somebody else may have finished first; theirs is the same
                    raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            _forget(name, target)
        return AssetPackage(target, digest)


def compiles() -> bool:
    """Whether this Python writes the bytecode that Lambda's Python reads."""
    return sys.version_info[:2] == LAMBDA_PYTHON


def _hollow() -> AssetPackage:
    path = BUILD / "hollow"
    path.mkdir(parents=True, exist_ok=True)
    (path / "README").write_text("Stands in for a package where only templates are looked at.\n")
    return AssetPackage(path, hashlib.sha256(b"hollow").hexdigest())


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(
        p
        for p in source.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"
    )


def _forget(name: str, current: Path) -> None:
    """Drop older builds, but none so young that another deployment may be reading it."""
    for old in BUILD.glob(f"{name}-{'?' * 16}"):
        if old != current and time.time() - old.stat().st_mtime > 3600:
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


def _copied(source: Path, out: Path) -> None:
    for file in _files(source):
        target = out / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _compile(directory: Path) -> None:
    if not compiles():
        here = ".".join(map(str, sys.version_info[:2]))
        print(
            f"note: packages without bytecode, since this is Python {here} and Lambda runs 3.13: "
            "cold starts take about 2.5 times as long",
            file=sys.stderr,
        )
        return
    compileall.compile_dir(
        str(directory),
        quiet=2,
        force=True,
        stripdir=str(directory),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _installed(lock: Path, out: Path) -> None:
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
    _trimmed(out)


def _trimmed(out: Path) -> None:
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
        raise FileNotFoundError("uv builds the dependency layer and is not here: make tools")
    return found
