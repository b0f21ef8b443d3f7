"""The query parameters that a handler reads, by its source code."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]


class UnknownUse(Exception):
    """A use of the query that cannot be followed to the names it reads."""


def names_read(module: str) -> set[str]:
    """Return the names that ``functions/<group>/<file>.py`` reads from ``request.query``."""
    source = (ROOT / "functions" / f"{module.replace('.', '/')}.py").read_text("utf-8")
    return names_in(ast.parse(source))


def names_in(tree: ast.Module) -> set[str]:
    """Return the names that a handler module reads from ``request.query``."""
    aliases = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_request_query(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return set(_names(tree, aliases, _functions_imported_by(tree)))


def _is_request_query(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "query"
        and isinstance(node.value, ast.Name)
        and node.value.id == "request"
    )


def _names(tree: ast.AST, aliases: set[str], imported: dict[str, str]) -> Iterator[str]:
    """Yield the name of each read; every use of the query must be a read."""

    def is_query(node: ast.AST) -> bool:
        return (isinstance(node, ast.expr) and _is_request_query(node)) or (
            isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in aliases
        )

    uses = sum(is_query(node) for node in ast.walk(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=query, attr="get"), args=[first, *_]) if (
                is_query(query)
            ):
                yield _text(first)
                uses -= 1
            case ast.Subscript(value=query, slice=name) if is_query(query):
                yield _text(name)
                uses -= 1
            case ast.Compare(ops=[ast.In()], comparators=[query]) if is_query(query):
                uses -= 1
            case ast.Call(func=ast.Name(id=function), args=[query]) if is_query(query):
                yield from _names_read_by(imported[function], function)
                uses -= 1
            case ast.Assign(value=query) if is_query(query):
                uses -= 1
    if uses:
        raise UnknownUse(f"{uses} uses of the query do not read a named parameter")


def _names_read_by(module: str, function: str) -> Iterator[str]:
    """Yield the names that a parser reads from its one parameter."""
    definition = ast.parse(inspect.getsource(getattr(import_module(module), function)))
    (node,) = definition.body
    assert isinstance(node, ast.FunctionDef)
    yield from _names(node, {node.args.args[0].arg}, {})


def _functions_imported_by(tree: ast.Module) -> dict[str, str]:
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise UnknownUse(f"line {node.lineno}: the name of a parameter must be a literal")
