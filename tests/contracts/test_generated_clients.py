"""Clients that tools of others generate from docs/openapi.json compile, without a network.

TypeScript: openapi-typescript and tsc. Python: openapi-python-client and mypy. Both are strict.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.openapi_page import OPENAPI_FILE
from local.processes import ROOT

pytestmark = pytest.mark.slow

BINARIES = Path(sys.executable).parent
NODE_BINARIES = ROOT / "node_modules" / ".bin"

NO_NETWORK = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
"""A proxy that does not exist: a tool that follows a reference to another address fails."""

TYPESCRIPT_OPTIONS = (
    *("--strict", "--noEmit", "--target", "es2022"),
    *("--module", "esnext", "--moduleResolution", "bundler"),
)

TYPESCRIPT_CLIENT = """
import type { components, paths } from "./api";

type Cart = paths["/carts"]["post"]["responses"]["201"]["content"]["application/json"];
type Body = paths["/carts"]["post"]["requestBody"]["content"]["application/json"];

export const body: Body = { line_items: [{ item: { id: "mug.1" }, quantity: 1 }] };
export const total = (cart: Cart): number | undefined =>
  "totals" in cart ? cart.totals.find((each) => each.type === "total")?.amount : undefined;
export const code = (problem: components["schemas"]["Problem"]): string => problem.code;
"""

PYTHON_CONFIGURATION = """
literal_enums: true
post_hooks: []
content_type_overrides:
  text/csv: application/octet-stream
  application/yaml: application/json
"""

PYTHON_CLIENT = """
from doorbuster_client import AuthenticatedClient, Client
from doorbuster_client.api.staff_orders import staff_orders_get_order
from doorbuster_client.api.status import status_get_status
from doorbuster_client.models import Problem, PricedOrderView, StatusView

def stage(client: Client) -> str:
    status = status_get_status.sync(client=client)
    return status.stage if isinstance(status, StatusView) else ""

def order(client: AuthenticatedClient) -> PricedOrderView | Problem | None:
    return staff_orders_get_order.sync("ord_1", client=client)

at = "2026-11-30T12:00:00Z"
view = StatusView.from_dict({"status": "ok", "stage": "dev", "release": "1", "at": at})
assert view.stage == "dev"
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(BINARIES), os.environ["PATH"]))
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **NO_NETWORK, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def output(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return its output."""
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the generated types."""
    directory = tmp_path_factory.mktemp("typescript")
    # A field with a default may be left out of a request.
    options = ("--default-non-nullable", "false", "-o", "api.ts")
    output(NODE_BINARIES / "openapi-typescript", OPENAPI_FILE, *options, cwd=directory)
    return directory


def compile_typescript(directory: Path, source: str) -> subprocess.CompletedProcess[str]:
    (directory / "client.ts").write_text(source)
    return run(NODE_BINARIES / "tsc", *TYPESCRIPT_OPTIONS, "client.ts", cwd=directory)


def test_typescript_client_compiles(typescript: Path) -> None:
    done = compile_typescript(typescript, TYPESCRIPT_CLIENT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("quantity: 1", 'quantity: "1"'), ("problem.code", "problem.colour"), ("/carts", "/trolleys")],
)
def test_wrong_use_of_the_api_does_not_compile(right: str, wrong: str, typescript: Path) -> None:
    done = compile_typescript(typescript, TYPESCRIPT_CLIENT.replace(right, wrong))
    assert done.returncode != 0
    assert "client.ts" in done.stdout


def test_python_client_is_generated_whole_and_passes_strict_types(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(PYTHON_CONFIGURATION)
    output(
        BINARIES / "openapi-python-client",
        *("generate", "--path", OPENAPI_FILE, "--config", "config.yaml"),
        *("--output-path", "generated", "--fail-on-warning"),
        cwd=tmp_path,
    )
    generated = tmp_path / "generated"
    (generated / "client.py").write_text(PYTHON_CLIENT)
    # Not the project's configuration: it belongs to another tree.
    options = ("--strict", "--config-file", os.devnull, "--cache-dir", tmp_path / "cache")
    output(BINARIES / "mypy", *options, "client.py", "doorbuster_client", cwd=generated)
    output(sys.executable, "client.py", cwd=generated)
