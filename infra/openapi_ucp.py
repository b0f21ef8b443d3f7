"""UCP's schemas as components of docs/openapi.json, so that the document needs no network.

``infra/ucp`` contains the published files. A reference such as ``shopping/cart.json`` becomes the
component ``UcpCart``, and so does everything that it refers to.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

Schema = dict[str, Any]

SCHEMAS = Path(__file__).parent / "ucp" / "schemas"
BASE = "https://ucp.dev/schemas/"
REFERENCE = "#/components/schemas/"
PREFIX = "Ucp"
OPEN_OBJECT = "UcpOpenObject"

_MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
"""Keywords whose members are names chosen by the schema, and never keywords themselves."""
_DATA = ("const", "enum", "examples", "required")
_OPEN_OBJECT = {"type", "description", "title", "additionalProperties"}
"""Keywords of an object without named members."""
_OMITTED = (
    *("$defs", "$id", "$schema", "name", "requires"),
    # Notes on requests: the shop's own schemas describe these.
    *("ucp_request", "ucp_shared_request"),
    # Generators would name types after titles, and several schemas have the same one.
    "title",
    # The default of a parent may contradict the values that a schema allows.
    "default",
)


class UcpSchemas:
    """Collects the components that the references of the document need."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._addresses: dict[str, str] = {}

    def reference(self, name: str) -> Schema:
        """Return a reference to a schema, such as ``shopping/cart.json`` or ``…#/$defs/base``."""
        return {"$ref": REFERENCE + self._add(BASE + name)}

    def response(self, name: str) -> Schema:
        """Return the schema of a response with the members of the shop's extensions."""
        members = [
            self._copy(member, BASE + extension)
            for extension, parts in _extensions(name)
            for member in parts
        ]
        reference = self.reference(name)
        return {"allOf": [reference, *members]} if members else reference

    def _open_object(self) -> Schema:
        """Return a reference to an object with any members.

        Generators make a type of each such object, and reject two of one name.
        """
        self.components[OPEN_OBJECT] = {
            "type": "object",
            "description": "An object whose members UCP leaves open.",
            "additionalProperties": True,
        }
        return {"$ref": REFERENCE + OPEN_OBJECT}

    def _add(self, address: str) -> str:
        component = component_name(address)
        known = self._addresses.setdefault(component, address)
        if known != address:
            raise ValueError(f"{component} would be both {known} and {address}.")
        if component not in self.components:
            self.components[component] = {}  # a schema may refer to itself
            self.components[component] = self._copy(_load(address), address)
        return component

    def _copy(self, node: Any, base: str) -> Any:
        """Return a schema whose references point to components of the document."""
        if isinstance(node, list):
            return [self._copy(item, base) for item in node]
        if not isinstance(node, dict):
            return node
        if _is_open(node):
            text = {name: node[name] for name in ("description",) if name in node}
            return {**self._open_object(), **text}
        copied: Schema = {}
        for keyword, value in node.items():
            if keyword == "$ref":
                copied[keyword] = REFERENCE + self._add(urljoin(base, value))
            elif keyword in _OMITTED:
                continue
            elif keyword == "const" and isinstance(value, str):
                # The same for validators; generators can combine it with the enum of a parent.
                copied["enum"] = [value]
            elif keyword in _DATA:
                copied[keyword] = value
            elif keyword in _MAPS:
                copied[keyword] = {name: self._copy(one, base) for name, one in value.items()}
            else:
                copied[keyword] = self._copy(value, base)
        return copied


def _is_open(node: Schema) -> bool:
    return (
        node.get("type") == "object"
        and node.keys() <= _OPEN_OBJECT
        and node.get("additionalProperties", True) is True
    )


def component_name(address: str) -> str:
    """Return the name of a component: of the file, and of the definition in it."""
    file, _, pointer = address.partition("#")
    definition = pointer.rpartition("/")[2].removeprefix("dev.ucp.shopping.")
    name = _camel(Path(file).stem) + _camel(definition)
    return name if name.startswith(PREFIX) else PREFIX + name


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in text.replace(".", "_").split("_"))


def _extensions(name: str) -> Iterator[tuple[str, list[Schema]]]:
    """Yield each extension's file, and what it adds to the schema of its parent capability."""
    capabilities: Mapping[str, Any] = importlib.import_module("shop.entrypoints.ucp").CAPABILITIES
    parents = [each for each, capability in capabilities.items() if capability.schema == name]
    for extension in capabilities.values():
        for parent in set(parents) & set(extension.extends):
            address = f"{extension.schema}#/$defs/{parent}"
            extended = _load(BASE + address)
            yield address, [part for part in extended["allOf"] if "$ref" not in part]


def _load(address: str) -> Any:
    """Return the schema at an address. Raises KeyError if no file has it."""
    file, _, pointer = address.partition("#")
    node = _file(file.removeprefix(BASE))
    for part in pointer.split("/")[1:]:
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


@cache
def _file(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text("utf-8"))
