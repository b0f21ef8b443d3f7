"""The page docs/errors.md: every error code, its HTTP status and its messages, by the source.

A code reaches a client in one of six ways, and each is found in the syntax trees of the shop and
its handlers:

- a domain error, ``Conflict("…", code="order_shipped")``, or the code of its class, also through a
  function of the module that passes its parameters on: ``_invalid("…", "body_missing")``;
- a problem, ``Problem("quantity_invalid", "…", path)``, which an error carries;
- a problem that a schema raises, ``PydanticCustomError("duplicate", "…")`` or ``InvalidValue``, or
  that a constraint of a schema raises, ``FieldError("out_of_range", "Must be {ge} or more.")``;
- an error message of a cart or checkout, ``Message("error", "out_of_stock", …)``;
- a response that a handler writes itself, ``{"status": 405, "code": "method_not_allowed"}``.
"""

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ERRORS_FILE = ROOT / "docs" / "errors.md"
FOLDERS = (ROOT / "layers" / "shared" / "python" / "shop", ROOT / "functions")

PROBLEMS = ("Problem", "PydanticCustomError", "InvalidValue", "FieldError")
"""Constructors whose arguments are a code and its message."""

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


@cache
def error_codes() -> tuple[ErrorCode, ...]:
    """Return every use of an error code in the shop and its handlers."""
    trees = _trees()
    classes = _error_classes(trees)
    uses = [use for tree in trees for use in codes_in(tree, classes)]
    messages = import_module("shop.kernel.kill_switches").SWITCH_MESSAGES.values()
    disabled = classes["FeatureDisabled"].status
    return (*uses, *(ErrorCode(code, disabled, message) for code, message in messages))


def codes_in(tree: ast.Module, classes: Mapping[str, ErrorClass]) -> Iterator[ErrorCode]:
    """Yield every use of an error code in a module; ``classes`` are the domain errors by name."""
    constants = {name: value for name, value in _constants(tree).items() if name.isupper()}
    factories = dict(_factories(tree, classes))
    assignments: dict[ast.AST, list[ast.Assign]] = {}
    for function, node in _nodes(tree, tree):
        if not isinstance(node, ast.Call | ast.Dict):
            continue
        if function not in assignments:
            assignments[function] = _assignments(function)
        values = constants | _values(assignments[function], before=node.lineno)
        if isinstance(node, ast.Call):
            yield from _called(node, classes, factories, values)
        else:
            yield from _handwritten(node, values)


def _called(
    call: ast.Call,
    classes: Mapping[str, ErrorClass],
    factories: Mapping[str, "_Factory"],
    values: Mapping[str, ast.expr],
) -> Iterator[ErrorCode]:
    """Yield the codes of a call that makes an error, a problem or a message."""
    name = _function_name(call)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in PROBLEMS:
        code, detail = _arguments(call, ("code", "detail"))
        if code is not None:
            yield from _uses(code, IN_AN_ERROR, detail, values)
    elif name in classes:
        code = keywords.get("code", ast.Constant(classes[name].code))
        (detail,) = _arguments(call, ("detail",))
        yield from _uses(code, classes[name].status, detail, values)
    elif name in factories:
        factory = factories[name]
        arguments = dict(zip(factory.parameters, call.args, strict=False)) | keywords
        code = arguments.get(factory.code)
        if code is not None:
            yield from _uses(code, factory.status, arguments.get(factory.detail), values)
    elif name == "Message":
        kind, code, detail = _arguments(call, ("type", "code", "content"))
        if code is not None and "error" in _texts(kind, values):
            yield from _uses(code, IN_A_RESPONSE, detail, values)
    elif name == "add" and len(call.args) == 3:
        # The collector of a validation: it makes problems of code, detail and path.
        yield from _uses(call.args[0], IN_AN_ERROR, call.args[1], values)


def _function_name(call: ast.Call) -> str:
    """Return the name of a called function, without the module or object before it."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _arguments(call: ast.Call, parameters: Sequence[str]) -> list[ast.expr | None]:
    """Return the arguments of a call in the order of its parameters, by position or keyword."""
    arguments = dict(zip(parameters, call.args, strict=False))
    arguments |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return [arguments.get(parameter) for parameter in parameters]


@dataclass(frozen=True)
class _Factory:
    """A function that passes its parameters on to a domain error."""

    status: str
    parameters: tuple[str, ...]
    detail: str
    code: str


def _factories(
    tree: ast.Module, classes: Mapping[str, ErrorClass]
) -> Iterator[tuple[str, _Factory]]:
    """Yield every function of a module that returns a domain error of its parameters, by name."""
    for function in ast.walk(tree):
        match function:
            case ast.FunctionDef(
                name=name,
                args=ast.arguments(args=parameters),
                body=[
                    *_,
                    ast.Return(
                        value=ast.Call(
                            func=ast.Name(id=error),
                            args=[ast.Name(id=detail)],
                            keywords=keywords,
                        )
                    ),
                ],
            ) if error in classes:
                for keyword in keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Name):
                        names = tuple(parameter.arg for parameter in parameters)
                        code = keyword.value.id
                        yield name, _Factory(classes[error].status, names, detail, code)


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


_LIMIT = re.compile(r"\{\w+\}")
"""A limit of a schema in a ``FieldError``, such as ``{max_length}``; ``{s}`` makes a plural."""


def _texts(node: ast.expr | None, values: Mapping[str, ast.expr]) -> list[str]:
    """Return the texts that an expression may have, with ``…`` for computed parts."""
    match node:
        case ast.Constant(value=str(text)):
            return [_LIMIT.sub("…", text.replace("{s}", "s"))]
        case ast.JoinedStr(values=parts):
            return ["".join(_part(part) for part in parts)]
        case ast.IfExp(body=body, orelse=orelse):
            return _texts(body, values) + _texts(orelse, values)
        case ast.Name(id=name) if name in values:
            return _texts(values[name], {k: v for k, v in values.items() if k != name})
    return []


def _part(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "…"


def _constants(scope: ast.AST) -> dict[str, ast.expr]:
    """Return the expression of each name that a module, class or function assigns."""
    return _values(_assignments(scope))


def _assignments(scope: ast.AST) -> list[ast.Assign]:
    """Return the assignments inside a node, in the order of their lines."""
    found = (node for node in ast.walk(scope) if isinstance(node, ast.Assign))
    return sorted(found, key=lambda node: node.lineno)


def _values(assignments: Iterable[ast.Assign], before: float = math.inf) -> dict[str, ast.expr]:
    """Return the expression of each name at a line.

    A name such as ``detail`` is assigned again for each problem: the last assignment ``before`` the
    line is the one that counts there.
    """
    return {
        target.id: node.value
        for node in assignments
        if node.lineno < before
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
