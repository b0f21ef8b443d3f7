"""UCP's schemas in docs/openapi.json: complete, without another address, equal to the release."""

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel
from referencing import Registry, Resource

from infra.openapi_page import OPENAPI_FILE
from infra.openapi_ucp import BASE, PREFIX, SCHEMAS, UcpSchemas, component_name

DOCUMENT: Mapping[str, Any] = json.loads(OPENAPI_FILE.read_text("utf-8"))
COMPONENTS: Mapping[str, Any] = DOCUMENT["components"]["schemas"]
FILES = sorted(path.relative_to(SCHEMAS).as_posix() for path in SCHEMAS.rglob("*.json"))

MOVED = {
    "shopping/payment.json": "common/types/payment.json",
    "shopping/split_payments.json": "common/payment_split_payments.json",
    **{
        f"shopping/types/{name}.json": f"common/types/{name}.json"
        for name in ("available_payment_instrument", "payment_credential", "payment_instrument")
    },
}
"""Files of payments that the release has in ``common``."""
RENAMED = {
    "UcpConstraintExpressionValueConstraint": "ValueConstraint1",
    "UcpEmbeddedConfig": "EmbeddedTransportConfig",
    "UcpLocationDestination": "BusinessLocationDestination",
}
"""Models that the package names after the title of their schema."""


def references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)


def test_document_refers_only_to_itself() -> None:
    resource = Resource.from_contents(DOCUMENT, default_specification=_specification())
    resolver = Registry[Any]().with_resource("", resource).resolver()
    for reference in set(references(DOCUMENT)):
        assert reference.startswith("#/"), reference
        resolver.lookup(reference)


def _specification() -> Any:
    from referencing.jsonschema import DRAFT202012  # lazy: one test needs it

    return DRAFT202012


def test_reference_to_another_address_is_detected() -> None:
    assert list(references({"a": [{"$ref": "https://ucp.dev/schemas/ucp.json"}]})) == [
        "https://ucp.dev/schemas/ucp.json"
    ]


def test_component_contains_the_published_schema() -> None:
    published = json.loads((SCHEMAS / "common/types/link.json").read_text())
    assert COMPONENTS["UcpLink"]["properties"].keys() == published["properties"].keys()
    assert COMPONENTS["UcpLink"]["required"] == published["required"]


def test_notes_on_requests_are_left_out() -> None:
    assert not any("ucp_request" in json.dumps(schema) for schema in COMPONENTS.values())


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("shopping/cart.json", "UcpCart"),
        ("shopping/types/line_item.json", "UcpLineItem"),
        ("ucp.json#/$defs/version", "UcpVersion"),
        ("shopping/fulfillment.json#/$defs/dev.ucp.shopping.checkout", "UcpFulfillmentCheckout"),
    ],
)
def test_component_is_named_after_file_and_definition(address: str, name: str) -> None:
    assert component_name(BASE + address) == name


def test_unknown_schema_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        UcpSchemas().reference("shopping/teleport.json")
    with pytest.raises(KeyError):
        UcpSchemas().reference("ucp.json#/$defs/teleport")


def test_two_schemas_with_one_name_are_an_error() -> None:
    schemas = UcpSchemas()
    schemas.reference("shopping/cart.json")
    with pytest.raises(ValueError, match="UcpCart would be both"):
        schemas.reference("common/cart.json")


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/carts/{id}", {"discounts", "loyalty"}),
        ("/checkout-sessions/{id}", {"discounts", "fulfillment", "loyalty", "payment"}),
    ],
)
def test_response_has_the_members_of_the_extensions(path: str, members: set[str]) -> None:
    response = DOCUMENT["paths"][path]["get"]["responses"]["200"]
    schema, error = response["content"]["application/json"]["schema"]["oneOf"]
    _, *extensions = schema["allOf"]
    assert {name for part in extensions for name in part["properties"]} == members
    assert error == {"$ref": "#/components/schemas/UcpErrorResponse"}


# ----------------------------------------------------------------- comparison with the release


def models_of(file: str) -> Mapping[str, type[BaseModel]]:
    """Return the models of the package for a file, by name."""
    path = MOVED.get(file, file).removesuffix(".json").replace("/", ".")
    module = importlib.import_module(f"ucp_sdk.models.schemas.{path}")
    return {
        name: model
        for name, model in vars(module).items()
        if isinstance(model, type)
        and issubclass(model, BaseModel)
        and model.__module__ == module.__name__
    }


def fields_of_schema(schema: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the names of the fields, and of the required ones."""
    parts = [schema, *schema.get("allOf", ())]
    names = {name for part in parts for name in part.get("properties", {})}
    return names, {name for part in parts for name in part.get("required", ())} & names


def fields_of_model(model: type[BaseModel]) -> tuple[set[str], set[str]]:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return set(fields), {name for name, field in fields.items() if field.is_required()}


def used_schemas() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield file, name and content of each object schema that the document contains."""
    for file in FILES:
        contents = json.loads((SCHEMAS / file).read_text())
        definitions = {f"#/$defs/{name}": each for name, each in contents.get("$defs", {}).items()}
        for pointer, schema in {"": contents, **definitions}.items():
            name = component_name(BASE + file + pointer)
            if name in COMPONENTS and fields_of_schema(schema)[0]:
                yield file, name, schema


USED = list(used_schemas())
REQUIRED_ONLY_IN_THE_PACKAGE = {
    "UcpConstraintExpressionValueConstraint": {"enum"},
    "UcpProfileBusinessSchema": {"ucp"},
}
"""Fields that the schema requires in one branch of ``anyOf``, or through a reference."""


@pytest.mark.parametrize(("file", "name", "schema"), USED, ids=[name for _, name, _ in USED])
def test_fields_are_those_of_the_release(file: str, name: str, schema: Mapping[str, Any]) -> None:
    published, required = fields_of_schema(schema)
    models = models_of(file)
    own = name.removeprefix(PREFIX)
    names = [RENAMED.get(name, own), own.removeprefix(_stem(file))]
    model = next(models[each] for each in names if each in models)
    fields, required_fields = fields_of_model(model)
    assert published <= fields
    if "allOf" not in schema:
        assert fields <= published
    extra = REQUIRED_ONLY_IN_THE_PACKAGE.get(name, set())
    assert required_fields & published == required | extra


def _stem(file: str) -> str:
    return component_name(BASE + file).removeprefix(PREFIX)
