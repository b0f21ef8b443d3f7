"""The request headers that a handler reads, by its source code.

The handler's module is searched, and the modules of ``shop.entrypoints`` and ``shop.composition``
that it imports, directly or through each other. The other modules of the shop know no request.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "layers/shared/python"
SEARCHED = ("shop.entrypoints.", "shop.composition.")

PROPERTIES = {
    "channel": "shop-channel",
    "idempotent": "idempotency-key",
    "required_idempotency_key": "idempotency-key",
    "idempotency_key": "idempotency-key",
}
"""Properties of a request that read a header."""
OF_EVERY_ROUTE = "shop.entrypoints.http"
"""Every handler imports this module; its properties above count where a handler uses them."""


def headers_read(module: str) -> set[str]:
    """Return the lower-case names of the headers that ``functions/<group>/<file>.py`` reads."""
    tree = ast.parse((ROOT / "functions" / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    found = set(headers_in(tree))
    visited: set[str] = set()
    pending = list(_imports(tree))
    while pending:
        name = pending.pop()
        if name in visited or name == OF_EVERY_ROUTE:
            continue
        visited.add(name)
        if (imported := _source(name)) is not None:
            found |= set(headers_in(imported))
            pending += _imports(imported)
    return found


def headers_in(tree: ast.Module) -> Iterator[str]:
    """Yield the headers that a module reads from ``….headers`` or ``headers``, or by a property."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=headers, attr="get"), args=[name, *_]) if (
                _is_headers(headers)
            ):
                yield _text(name)
            case ast.Subscript(value=headers, slice=name, ctx=ast.Load()) if _is_headers(
                headers
            ) and isinstance(name, ast.Constant):
                yield _text(name)
            case ast.Attribute(value=ast.Name(id="request"), attr=name) if name in PROPERTIES:
                yield PROPERTIES[name]


def _is_headers(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "headers") or (
        isinstance(node, ast.Name) and node.id == "headers"
    )


CONSTANTS = {"ADMISSION_HEADER": "waiting-room-admission"}
"""Names of headers that the shop itself defines."""


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text.lower()
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case _:
            raise ValueError(f"line {node.lineno}: the name of a header must be a literal")


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
            yield from (name for name in names if name.startswith(SEARCHED))


@cache
def _source(name: str) -> ast.Module | None:
    path = SHOP / f"{name.replace('.', '/')}.py"
    if not path.is_file():
        path = path.with_suffix("") / "__init__.py"
    return ast.parse(path.read_text("utf-8")) if path.is_file() else None
