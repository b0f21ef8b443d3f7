"""JSON schemas of patches, derived from those of the bodies that they change (RFC 7396).

In a patch no field is required, and null removes an optional one. An object inside the resource is
patched by its members. A list is replaced as a whole, so its items keep their schema.
"""

from typing import Any

from infra.openapi_schemas import REFERENCE, Schema

_SHAPES = ("$ref", "anyOf", "oneOf", "type", "enum", "const")


class PatchSchemas:
    """Derives the schema of a patch, and those of the objects in it, once per object."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def reference(self, body: Schema, path_parameters: tuple[str, ...]) -> Schema:
        """Return a reference to the patch of a request body.

        ``path_parameters`` are fields that the path of the route gives. A body has some of them,
        and a patch none.
        """
        return self._patch_of(body["$ref"].removeprefix(REFERENCE), path_parameters)

    def _patch_of(self, name: str, omitted: tuple[str, ...] = ()) -> Schema:
        whole = self._definitions[name]
        patch_name = name.removesuffix("Body").removesuffix("Change") + "Patch"
        if patch_name not in self._definitions:
            self._definitions[patch_name] = {}  # an object may contain itself
            self._definitions[patch_name] = self._object(whole, omitted)
        return {"$ref": REFERENCE + patch_name}

    def _object(self, whole: Schema, omitted: tuple[str, ...]) -> Schema:
        required = whole.get("required", ())
        properties = {
            name: self._field(field, removable=name not in required)
            for name, field in whole["properties"].items()
            if name not in omitted and not _is_read_only(field)
        }
        return {
            "type": "object",
            "description": f"Fields to change. {whole['description']}",
            "properties": properties,
            "additionalProperties": False,
        }

    def _field(self, field: Schema, *, removable: bool) -> Schema:
        changed = {name: value for name, value in field.items() if name != "default"}
        notes: Schema = {
            name: changed.pop(name)
            for name in ("description", "examples", "title")
            if name in changed
        }
        members = [self._value(each) for each in _members(changed)]
        if removable:
            members = [each for each in members if each != _NULL] + [_NULL]
        return {**(members[0] if len(members) == 1 else {"anyOf": members}), **notes}

    def _value(self, value: Schema) -> Schema:
        """Return what a patch may have in place of a value."""
        name = value.get("$ref", "").removeprefix(REFERENCE)
        if name and "properties" in self._definitions[name]:
            return self._patch_of(name)
        return value


_NULL: Schema = {"type": "null"}


def _members(field: Schema) -> list[Schema]:
    """Return the alternatives of a field. A part of one object may match several of them."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in field:
            return [inner for each in field[keyword] for inner in _members(each)]
    return [field]


def _is_read_only(field: dict[str, Any]) -> bool:
    """Return whether a body has the field only so that a response can be sent back."""
    return not any(keyword in field for keyword in _SHAPES)
