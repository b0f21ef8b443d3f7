"""The page docs/errors.md: every error code, its HTTP status and its messages, by the source.

A code reaches a client in one of five ways, and each is found in the syntax trees of the shop and
its handlers:

- a domain error, ``Conflict("…", code="order_shipped")``, or the code of its class;
- a problem, ``Problem("quantity_invalid", "…", path)``, which an error carries;
- a problem that a schema raises, ``PydanticCustomError("duplicate", "…")`` or ``InvalidValue``;
- an error message of a cart or checkout, ``Message("error", "out_of_stock", …)``;
- a response that a handler writes itself, ``{"status": 405, "code": "method_not_allowed"}``.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ERRORS_FILE = ROOT / "docs" / "errors.md"
FOLDERS = (ROOT / "layers" / "shared" / "python" / "shop", ROOT / "functions")

MAX_MESSAGE = 150
"""Characters of a message on the page."""

IN_AN_ERROR, IN_A_RESPONSE = "with its error", "200"

INTRODUCTION = """\
# Error codes

Generated from the source by `make openapi`; do not edit.

Programs react to `code`; people read `detail`. A response of a UCP endpoint has the code in
`messages`, every other response is a problem of RFC 9457. `errors` of a problem lists each invalid
field with a code of its own; these have the status of the error that carries them, mostly 400. In
the messages, `…` stands for a value; in a code, for the kind of object: `product_unknown`.
Messages may change; codes do not.

| Code | Status | Message |
|---|---|---|
"""


@dataclass(frozen=True)
class ErrorClass:
    """A domain error: the status of its response, and its code unless the error names one."""

    status: str
    code: str


@dataclass(frozen=True, order=True)
class ErrorCode:
    """One use of a code. The message is empty where it is computed."""

    code: str
    status: str
    message: str


def errors_page() -> str:
    """Return docs/errors.md."""
    return INTRODUCTION + "".join(f"{row}\n" for row in _rows(sorted(set(error_codes()))))


def error_codes() -> Iterator[ErrorCode]:
    """Yield every use of an error code in the shop and its handlers."""
    trees = _trees()
    classes = _error_classes(trees)
    for tree in trees:
        yield from codes_in(tree, classes)
    for code, message in import_module("shop.kernel.kill_switches").SWITCH_MESSAGES.values():
        yield ErrorCode(code, classes["FeatureDisabled"].status, message)


def codes_in(tree: ast.Module, classes: Mapping[str, ErrorClass]) -> Iterator[ErrorCode]:
    """Yield every use of an error code in a module; ``classes`` are the domain errors by name."""
    constants = {name: value for name, value in _constants(tree).items() if name.isupper()}
    for function, node in _nodes(tree, tree):
        if not isinstance(node, ast.Call | ast.Dict):
            continue
        values = constants | _constants(function, before=node.lineno)
        match node:
            case ast.Call(
                func=ast.Name(id="Problem" | "PydanticCustomError" | "InvalidValue"),
                args=[code, detail, *_],
            ):
                yield from _uses(code, IN_AN_ERROR, detail, values)
            # The collector of a validation: it makes problems of code, detail and path.
            case ast.Call(func=ast.Attribute(attr="add"), args=[code, detail, _]):
                yield from _uses(code, IN_AN_ERROR, detail, values)
            case ast.Call(func=ast.Name(id="Message"), args=[kind, code, detail, *_]) if (
                "error" in _texts(kind, values)
            ):
                yield from _uses(code, IN_A_RESPONSE, detail, values)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in classes:
                error = classes[name]
                named = [keyword.value for keyword in keywords if keyword.arg == "code"]
                code = named[0] if named else ast.Constant(error.code)
                yield from _uses(code, error.status, args[0] if args else None, values)
            case ast.Dict():
                yield from _handwritten(node, values)


def _uses(
    code: ast.expr, status: str, detail: ast.expr | None, values: Mapping[str, ast.expr]
) -> Iterator[ErrorCode]:
    messages = _texts(detail, values) or [""]
    for text in _texts(code, values):
        for message in messages:
            yield ErrorCode(text, status, message)


def _handwritten(node: ast.Dict, values: Mapping[str, ast.expr]) -> Iterator[ErrorCode]:
    """Yield the code of a problem that is written as a dictionary."""
    fields = {
        key.value: value
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    status, code = fields.get("status"), fields.get("code")
    if isinstance(status, ast.Constant) and isinstance(status.value, int) and code is not None:
        yield from _uses(code, str(status.value), fields.get("detail"), values)


def _texts(node: ast.expr | None, values: Mapping[str, ast.expr]) -> list[str]:
    """Return the texts that an expression may have, with ``…`` for computed parts."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(_part(part) for part in parts)]
        case ast.IfExp(body=body, orelse=orelse):
            return _texts(body, values) + _texts(orelse, values)
        case ast.Name(id=name) if name in values:
            return _texts(values[name], {k: v for k, v in values.items() if k != name})
    return []


def _part(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "…"


def _constants(scope: ast.AST, before: int | None = None) -> dict[str, ast.expr]:
    """Return the expression of each name that a module, class or function assigns.

    A name such as ``detail`` is assigned again for each problem: the last assignment ``before`` a
    line is the one that counts there.
    """
    assignments = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and (before is None or node.lineno < before)
    ]
    return {
        target.id: node.value
        for node in sorted(assignments, key=lambda node: node.lineno)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _nodes(node: ast.AST, function: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield every node with the function, or the module, around it."""
    for child in ast.iter_child_nodes(node):
        yield function, child
        inner = child if isinstance(child, ast.FunctionDef) else function
        yield from _nodes(child, inner)


@cache
def _trees() -> tuple[ast.Module, ...]:
    files = (file for folder in FOLDERS for file in sorted(folder.rglob("*.py")))
    return tuple(ast.parse(file.read_text("utf-8")) for file in files)


def _error_classes(trees: Iterable[ast.Module]) -> dict[str, ErrorClass]:
    """Return the domain errors by name.

    The source is read, not ``__subclasses__``, which knows only the modules imported so far.
    """
    by_error = import_module("shop.entrypoints.fault_mapping").HTTP_STATUS_BY_ERROR
    statuses = {error.__name__: str(status) for error, status in by_error.items()}
    definitions = [
        node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    found: dict[str, ErrorClass] = {}
    size = -1
    while size < len(found):  # until no class with a known base is left
        size = len(found)
        for node in definitions:
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            base = next((found[name] for name in bases if name in found), None)
            status = statuses.get(node.name) or (base.status if base else None)
            if status is not None:
                own = _texts(_constants(node).get("code"), {})
                found[node.name] = ErrorClass(status, own[0] if own else base.code if base else "")
    return found


def _rows(codes: Iterable[ErrorCode]) -> Iterator[str]:
    for use in codes:
        yield f"| `{use.code}` | {use.status} | {_cell(use.message)} |"


def _cell(message: str) -> str:
    text = " ".join(message.replace("`", "'").split())
    if not text:
        return ""
    shortened = text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
    return f"`{shortened}`".replace("|", "\\|")
