"""docs/openapi.json is complete: every field has a description, every body an exact schema."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from functions.all import FEATURES
from functions.manifest import Endpoint
from functions.query_parameters import ORDER_STATUSES
from infra.openapi_ucp import PREFIX
from shop.catalog.model import ProductStatus
from shop.orders.model import OrderStatus
from shop.pricing.model.promotions import PromotionStatus
from tests.contracts import query_names

DOCUMENT: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text("utf-8")
)
SCHEMAS: Mapping[str, Any] = {
    name: schema
    for name, schema in DOCUMENT["components"]["schemas"].items()
    if not name.startswith(PREFIX)
}
"""The shop's own schemas; tests/contracts/test_openapi_ucp.py is about those of UCP."""

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
    "$.OpenApiDocument": "the OpenAPI Specification defines it",
    "$.JsonRpcRequest.properties.params": "each method of MCP has its own",
    "$.JsonRpcResult.properties.result": "each method of MCP has its own",
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
        "staff_orders.sum_orders": tuple(OrderStatus),
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


# ----------------------------------------------------------------------------- fields of responses


def definitions_of(document: Mapping[str, Any], *, responses: bool) -> set[str]:
    """Return the names of the definitions that successful responses, or request bodies, reach."""
    pending: list[Any] = []
    for _, operation in operations(document):
        bodies = operation["responses"] if responses else operation.get("requestBody", {})
        pending.append(
            {status: each for status, each in bodies.items() if status < "4"}
            if responses
            else bodies
        )
    found = set[str]()
    while pending:
        names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(pending.pop())))
        pending += [document["components"]["schemas"][name] for name in names - found]
        found |= names
    return found


def required_nulls(schemas: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """Yield every field that a schema requires although it may be null."""
    for name in sorted(names):
        fields = schemas[name].get("properties", {})
        for field in schemas[name].get("required", ()):
            if {"type": "null"} in fields.get(field, {}).get("anyOf", ()):
                yield f"{name}.{field}"


def test_response_requires_no_field_that_is_left_out_when_it_is_null() -> None:
    sent = definitions_of(DOCUMENT, responses=False)
    returned = definitions_of(DOCUMENT, responses=True)
    assert len(returned - sent) > 50
    assert list(required_nulls(SCHEMAS, (returned - sent) & SCHEMAS.keys())) == []


def test_required_null_is_detected() -> None:
    tracking = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = {"properties": {"url": tracking, "id": {"type": "string"}}, "required": ["url", "id"]}
    assert list(required_nulls({"Shipment": schema}, ["Shipment"])) == ["Shipment.url"]


def test_fields_that_belong_together_are_fields_of_their_schema() -> None:
    together = {
        name: schema["dependentRequired"]
        for name, schema in SCHEMAS.items()
        if "dependentRequired" in schema
    }
    assert {"LocationBody", "LocationView", "BackorderTermsView"} <= together.keys()
    for name, dependent in together.items():
        named = {*dependent, *(field for fields in dependent.values() for field in fields)}
        assert named <= SCHEMAS[name]["properties"].keys(), name


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("POST /mcp", "415"),
        ("POST /mcp", "413"),
        ("POST /gift-cards/balance", "404"),
        ("POST /staff/gift-cards/void", "404"),
        ("GET /staff/stock-levels", "404"),
        ("POST /staff/imports", "422"),
    ],
)
def test_errors_that_a_route_returns_are_declared(operation: str, status: str) -> None:
    declared = dict(operations(DOCUMENT))
    assert operation in declared, sorted(declared)
    assert status in declared[operation]["responses"]


def test_errors_of_mcp_are_those_of_json_rpc() -> None:
    responses = dict(operations(DOCUMENT))["POST /mcp"]["responses"]
    errors = {status: each for status, each in responses.items() if status >= "4"}
    assert errors
    for status, error in errors.items():
        assert error == {"$ref": f"#/components/responses/JsonRpc{status}"}
