"""JSON schemas for docs/openapi.json: descriptions from docstrings, shapes from the models.

Two facts are written once, beside the code that they describe:

- A docstring below a field describes the field. A last line ``Example: 1299`` gives its example.
  A field without one inherits the docstring of its type alias (``Sku = Annotated[str, …]``).
- A body that the domain model parses itself (:mod:`shop.serialization`) names that model in
  ``json_schema_extra={"x-model": "module:Class"}``; ``x-omit`` lists fields that are read-only,
  ``x-optional`` those that the path of the route gives.

Both are read at generation time only, so that no Lambda pays for them at its cold start.
"""

import ast
import enum
import importlib
import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/"
SCALARS: Mapping[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    str: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    # The format "time" would require a UTC offset; these are times at a place.
    time: {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"},
}
MONEY: Schema = {
    "type": "object",
    "description": "An amount of money.",
    "required": ["amount", "currency"],
    "additionalProperties": False,
    "properties": {
        "amount": {
            "type": "integer",
            "description": "Minor units of the currency, such as cents.",
            "examples": [1299],
        },
        "currency": {
            "type": "string",
            "description": "ISO 4217 code.",
            "examples": ["USD"],
        },
    },
}


def describe(definitions: dict[str, Schema], models: Mapping[str, type]) -> dict[str, Schema]:
    """Return the definitions with descriptions, examples and the models they name.

    ``models`` are the pydantic classes by the name of their definition.
    """
    described = dict(definitions)
    for name, model in models.items():
        if name in described:
            _add_descriptions(described[name], model)
    return _ModelSchemas(described).resolve()


class _ModelSchemas:
    """Replaces ``x-model`` by the schema of the dataclass that it names."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def resolve(self) -> dict[str, Schema]:
        for schema in list(self._definitions.values()):
            self._resolve(schema)
        return self._definitions

    def _resolve(self, node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                self._resolve(item)
            return
        if not isinstance(node, dict):
            return
        name, omitted = node.pop("x-model", None), node.pop("x-omit", ())
        optional = node.pop("x-optional", ())
        if name is not None:
            self._merge(node, _load(name), omitted)
        if optional:
            node["required"] = [field for field in node["required"] if field not in optional]
        # Pydantic rejects keys that match no pattern, and its schema leaves that out.
        if "patternProperties" in node:
            node.setdefault("additionalProperties", False)
        for child in list(node.values()):
            self._resolve(child)

    def _merge(self, node: Schema, model: type, omitted: list[str]) -> None:
        own = node.get("properties", {})
        if not own and not omitted:
            self._replace_open_object(node, self._reference(model))
            return
        shape = self._object(model)
        # A field that the class repeats, to require it, means what it means in the model.
        for name, field in own.items():
            inherited = shape["properties"].get(name, {})
            for key in ("description", "examples"):
                if key in inherited:
                    field.setdefault(key, inherited[key])
        properties = {k: v for k, v in shape["properties"].items() if k not in omitted} | own
        required = [k for k in shape.get("required", []) if k not in omitted and k not in own]
        required += node.get("required", [])
        node.update(type="object", properties=properties, additionalProperties=False)
        if required:
            node["required"] = required
        node.setdefault("description", shape["description"])

    def _replace_open_object(self, node: Schema, reference: Schema) -> None:
        """Replace ``dict[str, Any]``, also a nullable one, by the model."""
        if "anyOf" in node:
            node["anyOf"] = [reference, {"type": "null"}]
            return
        del node["type"], node["additionalProperties"]
        node.update(reference)

    def _object(self, model: type) -> Schema:
        hints = get_type_hints(model)
        properties: Schema = {}
        required: list[str] = []
        kind = getattr(model, "kind", None)
        # The class attribute tells the members of a union apart; it is no field.
        if isinstance(kind, str):
            properties["kind"] = {"const": kind, "description": "The kind of this object."}
            required.append("kind")
        for field in fields(model):
            if not field.init:
                continue
            schema = self._type(hints[field.name])
            _add_documentation(schema, field_documentation(model, field.name))
            properties[field.name] = schema
            if field.default is MISSING and field.default_factory is MISSING:
                required.append(field.name)
        schema = {
            "type": "object",
            "description": inspect.cleandoc(model.__doc__ or model.__name__),
            "properties": properties,
            "additionalProperties": False,
        }
        return schema | ({"required": required} if required else {})

    def _type(self, annotation: Any) -> Schema:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        if origin is frozenset:
            return {"type": "array", "items": self._type(arguments[0]), "uniqueItems": True}
        if origin is tuple:
            return self._tuple(arguments)
        if origin is Mapping:
            accepted = True if arguments[1] is Any else self._type(arguments[1])
            return {"type": "object", "additionalProperties": accepted}
        if annotation in SCALARS:
            return dict(SCALARS[annotation])
        if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
            values = [member.value for member in annotation]
            return {"type": "string", "enum": values, "description": _first_line(annotation)}
        return self._reference(annotation)

    def _union(self, arguments: tuple[Any, ...]) -> Schema:
        members = [self._type(one) for one in arguments if one is not type(None)]
        if type(None) in arguments:
            members.append({"type": "null"})
            return {"anyOf": members}
        return {"oneOf": members} if len(members) > 1 else members[0]

    def _tuple(self, arguments: tuple[Any, ...]) -> Schema:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return {"type": "array", "items": self._type(arguments[0])}
        length = len(arguments)
        items = [self._type(one) for one in arguments]
        return {"type": "array", "prefixItems": items, "minItems": length, "maxItems": length}

    def _reference(self, annotation: Any) -> Schema:
        name = annotation.__name__
        if name not in self._definitions:
            if name == "Money":
                self._definitions[name] = MONEY
            elif isinstance(annotation, type) and is_dataclass(annotation):
                self._definitions[name] = {}  # a class may refer to itself
                self._definitions[name] = self._object(annotation)
            else:
                raise TypeError(f"{annotation!r} has no JSON schema.")
        return {"$ref": REFERENCE + name}


def _add_descriptions(schema: Schema, model: type) -> None:
    for name, field in schema.get("properties", {}).items():
        _add_documentation(field, field_documentation(model, name))


def _add_documentation(schema: Schema, documentation: str | None) -> None:
    """Split ``Example:`` lines from a docstring and add both to the schema."""
    if documentation is None:
        return
    lines = documentation.splitlines()
    examples = [line.removeprefix("Example:").strip() for line in lines if _is_example(line)]
    text = " ".join(line.strip() for line in lines if not _is_example(line)).strip()
    if text:
        schema["description"] = text
    if examples:
        schema["examples"] = [_value(example) for example in examples]


def _is_example(line: str) -> bool:
    return line.strip().startswith("Example:")


def _value(text: str) -> Any:
    """Return the JSON value of an example; a text that is not JSON is a string."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _first_line(cls: type) -> str:
    return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


def _load(name: str) -> type:
    module, _, attribute = name.partition(":")
    loaded: type = getattr(importlib.import_module(module), attribute)
    return loaded


def field_documentation(model: type, name: str) -> str | None:
    """Return the docstring of a field, of the field that it overrides, or of its type alias."""
    for cls in model.__mro__:
        if cls.__module__ in ("builtins", "pydantic.main"):
            continue
        field = _documented_fields(cls).get(name)
        if field is None:
            continue
        documentation, alias = field
        if documentation is None and alias is not None:
            documentation = _alias_documentation(cls.__module__, alias)
        if documentation is not None:
            return documentation
    return None


@cache
def _documented_fields(cls: type) -> dict[str, tuple[str | None, str | None]]:
    """Return the docstring and the type alias of every annotated field of one class."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for node in ast.walk(_syntax(cls.__module__)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            for statement, documentation in _documented(node.body):
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    found[statement.target.id] = documentation, _alias(statement.annotation)
    return found


def _alias(annotation: ast.expr) -> str | None:
    """Return the name of a type alias, also of ``Alias | None`` and ``list[Alias]``."""
    if isinstance(annotation, ast.Name):
        return annotation.id
    if isinstance(annotation, ast.BinOp):
        return _alias(annotation.left)
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Name):
        return annotation.slice.id
    return None


def _alias_documentation(module: str, alias: str) -> str | None:
    """Return the docstring below a module's ``Alias = …``, followed through imports."""
    tree = _syntax(module)
    for statement, documentation in _documented(tree.body):
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == alias for target in statement.targets
        ):
            return documentation
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for name in statement.names:
                if (name.asname or name.name) == alias and statement.module.startswith("shop."):
                    return _alias_documentation(statement.module, name.name)
    return None


def _documented(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str | None]]:
    """Yield each statement with the docstring that follows it."""
    for place, statement in enumerate(body):
        following = body[place + 1] if place + 1 < len(body) else None
        text = None
        if (
            isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            text = inspect.cleandoc(following.value.value)
        yield statement, text


@cache
def _syntax(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules.get(module) or importlib.import_module(module)))
