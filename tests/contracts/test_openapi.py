"""docs/openapi.json is complete: every field has a description, every body an exact schema."""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Endpoint
from functions.query_parameters import ORDER_STATUSES
from shop.catalog.model import ProductStatus
from shop.orders.model import OrderStatus
from shop.pricing.model.promotions import PromotionStatus
from tests.contracts import query_names

DOCUMENT: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8")
)
SCHEMAS: Mapping[str, Any] = DOCUMENT["components"]["schemas"]

SIGNALS = "UCP leaves the names to extensions; the shop ignores the values"
ATTRIBUTION = "UCP leaves the names to the platform; the shop stores the values"
STRIPE = "Stripe defines the objects; the shop reads the payment's reference only"

OPEN_OBJECTS: Mapping[str, str] = {
    **{
        f"$.{schema}.properties.signals.anyOf[0]": SIGNALS
        for schema in (
            "CartRequest",
            "CheckoutCreateRequest",
            "CheckoutUpdateRequest",
            "CompleteRequest",
            "LookupRequest",
            "ProductRequest",
            "SearchRequest",
        )
    },
    "$.Buyer.properties.consent.anyOf[0]": "by purpose, as UCP's extension defines them",
    **{
        f"$.{schema}.properties.attribution.anyOf[0]": ATTRIBUTION
        for schema in (
            "CartRequest",
            "CheckoutCreateRequest",
            "CheckoutUpdateRequest",
            "CompleteRequest",
        )
    },
    "$.StripeEvent.properties.data.anyOf[0]": STRIPE,
    "$.StripeEvent.properties.related_object.anyOf[0]": STRIPE,
}
"""Objects with names that only the caller knows: path of the schema, and the reason."""

ENDPOINTS = [
    entry for feature in FEATURES for entry in feature.functions if isinstance(entry, Endpoint)
]


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
        is_body = name.endswith(("Body", "Request")) and fields
        if is_body and not any("examples" in value for value in fields.values()):
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


def test_every_operation_has_a_summary_and_a_described_response() -> None:
    for name, operation in operations(DOCUMENT):
        assert operation["summary"], name
        for status, response in operation["responses"].items():
            assert response.get("$ref") or response["description"], (name, status)


def test_every_operation_describes_the_body_of_its_response() -> None:
    for entry in ENDPOINTS:
        assert bool(entry.response) != bool(entry.body), entry.route


@pytest.mark.parametrize("entry", ENDPOINTS, ids=lambda entry: str(entry.module))
def test_operation_declares_the_query_parameters_that_its_handler_reads(
    entry: Endpoint,
) -> None:
    names = [parameter.name for parameter in entry.query]
    assert sorted(names) == sorted(query_names.names_read(entry.module))


def test_values_of_status_parameters_are_those_of_the_domain_model() -> None:
    assert tuple(OrderStatus) == ORDER_STATUSES
    statuses = {
        entry.module: parameter.values
        for entry in ENDPOINTS
        for parameter in entry.query
        if parameter.name == "status"
    }
    assert statuses == {
        "staff_catalog.list_products": tuple(ProductStatus),
        "staff_orders.list_orders": tuple(OrderStatus),
        "staff_pricing.list_promotions": tuple(PromotionStatus),
    }


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('request.query.get("a", 1)', {"a"}),
        ('request.query["a"]', {"a"}),
        ('query = request.query\nquery.get("a"), query.get("b")', {"a", "b"}),
        (
            """from shop.pricing.schemas.price_lists import market_from_query
market_from_query(request.query)""",
            {"country", "currency"},
        ),
        ("pass", set()),
    ],
)
def test_names_read_from_the_query_are_found(source: str, names: set[str]) -> None:
    assert query_names.names_in(ast.parse(source)) == names


@pytest.mark.parametrize(
    "source",
    [
        "print(*request.query)",
        "request.query.get(name)",
        "request.query[name]",
        "dict(query=request.query)",
    ],
)
def test_use_of_the_query_that_is_no_read_is_detected(source: str) -> None:
    with pytest.raises(query_names.UnknownUse):
        query_names.names_in(ast.parse(source))


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"properties": {"a": {"type": "string"}}}, "Planted.a"),
        ({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, "Planted.a"),
        ({"properties": {"a": {"$ref": "#/components/schemas/Bare"}}}, "Planted.a"),
    ],
)
def test_field_without_description_is_detected(schema: dict[str, Any], field: str) -> None:
    assert list(fields_without_description({"Planted": schema, "Bare": {}})) == [field]


def test_described_field_is_accepted() -> None:
    described = {"a": {"type": "string", "description": "A name."}}
    reference = {"b": {"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}]}}
    schemas = {"Planted": {"properties": described | reference}, "Other": {"description": "It."}}
    assert list(fields_without_description(schemas)) == []


@pytest.mark.parametrize(
    "schema", [{"type": "object"}, {"type": "object", "additionalProperties": True}]
)
def test_open_object_is_detected(schema: dict[str, Any]) -> None:
    assert list(open_objects({"a": [schema]}, "$")) == ["$.a[0]"]
    assert list(open_objects({"type": "object", "properties": {}}, "$")) == []


def test_typed_map_is_accepted() -> None:
    units_by_sku = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert list(open_objects(units_by_sku, "$")) == []
    values = {"type": "object", "additionalProperties": {"type": "object"}}
    assert list(open_objects(values, "$")) == ["$.additionalProperties"]


def test_body_without_example_is_detected() -> None:
    bare = {"properties": {"a": {"type": "string"}}}
    assert list(bodies_without_example({"PlantedBody": bare, "PlantedView": bare})) == [
        "PlantedBody"
    ]
