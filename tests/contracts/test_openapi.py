"""docs/openapi.json is complete: every field has a description, every body an exact schema."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

DOCUMENT: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8")
)
SCHEMAS: Mapping[str, Any] = DOCUMENT["components"]["schemas"]

OPEN_OBJECTS: Mapping[str, str] = {}
"""Objects with names that only the caller knows: path of the schema, and the reason."""


def fields_without_description(schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield every field with neither a description nor a reference to a described schema."""
    for name, schema in schemas.items():
        for field, value in schema.get("properties", {}).items():
            if not _is_described(value, schemas):
                yield f"{name}.{field}"


def _is_described(value: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    if value.get("description"):
        return True
    if "$ref" in value:
        return bool(schemas[value["$ref"].rpartition("/")[2]].get("description"))
    members = [one for one in value.get("anyOf", ()) if one.get("type") != "null"]
    return bool(members) and all(_is_described(one, schemas) for one in members)


def open_objects(node: Any, path: str) -> Iterator[str]:
    """Yield the path of every object that accepts any field."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from open_objects(item, f"{path}[{place}]")
    elif isinstance(node, Mapping):
        allowed = node.get("additionalProperties")
        if allowed is True or (
            node.get("type") == "object" and "properties" not in node and allowed is None
        ):
            yield path
        for name, child in node.items():
            yield from open_objects(child, f"{path}.{name}")


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def bodies_without_example(schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield every request body of which no field has an example."""
    for name, schema in schemas.items():
        fields = schema.get("properties", {})
        is_input = name.endswith(("Body", "Request"))
        if is_input and fields and not any("examples" in value for value in fields.values()):
            yield name


def test_every_field_has_a_description() -> None:
    assert list(fields_without_description(SCHEMAS)) == []


def test_every_schema_has_a_description() -> None:
    assert [name for name, schema in SCHEMAS.items() if not schema.get("description")] == []


def test_every_object_names_its_fields() -> None:
    found = set(open_objects(SCHEMAS, "$"))
    assert found - set(OPEN_OBJECTS) == set()
    assert set(OPEN_OBJECTS) - found == set(), "stale exceptions"


def test_every_request_body_has_an_example() -> None:
    assert list(bodies_without_example(SCHEMAS)) == []


def test_every_operation_has_a_summary_and_a_described_answer() -> None:
    for name, operation in operations(DOCUMENT):
        assert operation["summary"], name
        for status, answer in operation["responses"].items():
            assert answer.get("$ref") or answer["description"], (name, status)


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"properties": {"a": {"type": "string"}}}, "Planted.a"),
        ({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, "Planted.a"),
        ({"properties": {"a": {"$ref": "#/components/schemas/Bare"}}}, "Planted.a"),
    ],
)
def test_a_field_without_description_is_found(schema: dict[str, Any], field: str) -> None:
    assert list(fields_without_description({"Planted": schema, "Bare": {}})) == [field]


def test_a_described_field_is_accepted() -> None:
    described = {"a": {"type": "string", "description": "A name."}}
    reference = {"b": {"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}]}}
    schemas = {"Planted": {"properties": described | reference}, "Other": {"description": "It."}}
    assert list(fields_without_description(schemas)) == []


@pytest.mark.parametrize(
    "schema", [{"type": "object"}, {"type": "object", "additionalProperties": True}]
)
def test_an_open_object_is_found(schema: dict[str, Any]) -> None:
    assert list(open_objects({"a": [schema]}, "$")) == ["$.a[0]"]
    assert list(open_objects({"type": "object", "properties": {}}, "$")) == []


def test_a_body_without_example_is_found() -> None:
    bare = {"properties": {"a": {"type": "string"}}}
    assert list(bodies_without_example({"PlantedBody": bare, "PlantedView": bare})) == [
        "PlantedBody"
    ]
