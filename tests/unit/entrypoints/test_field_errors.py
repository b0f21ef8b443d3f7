"""Errors of fields: every pydantic error has a code and a sentence of the shop."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticKnownError
from pydantic_core._pydantic_core import list_all_errors
from pydantic_core.core_schema import ErrorType

from functions.all import FEATURES
from functions.manifest import Endpoint
from infra.openapi import _model
from shop.cart.schemas import CartRequest
from shop.catalog.schemas.storefront import MAX_QUERY_LENGTH, SearchRequest
from shop.credits.schemas import GiftCardBody
from shop.entrypoints import request_body
from shop.entrypoints.field_errors import (
    FIELD_ERRORS,
    PATTERN_ERRORS,
    FieldError,
    field_error,
)
from shop.entrypoints.platform_profiles import _ProfileDocument
from shop.entrypoints.request_body import parse_body
from shop.inventory.schemas.backorders import BackorderTermsBody
from shop.inventory.schemas.locations import LocationBody
from shop.inventory.schemas.movements import MovementRequest
from shop.kernel.errors import InvalidRequest
from shop.orders.schemas.carrier import CarrierEvent, CarrierMessage
from shop.payments.schemas import PaymentEvent, StripeEvent

TYPES_OF_SCHEMAS: dict[str, set[str]] = {
    "any": set(),
    "bool": {"bool_type"},
    "date": {
        "date_type",
        "date_parsing",
        "date_from_datetime_parsing",
        "date_from_datetime_inexact",
    },
    "datetime": {
        "datetime_type",
        "datetime_parsing",
        "datetime_from_date_parsing",
        "datetime_object_invalid",
    },
    "default": set(),
    "definition-ref": set(),
    "definitions": set(),
    "dict": {"dict_type"},
    "enum": {"enum"},
    "float": {"float_type", "float_parsing"},
    "function-after": set(),
    "function-before": set(),
    "int": {"int_type", "int_parsing", "int_parsing_size", "int_from_float"},
    "list": {"list_type"},
    "literal": {"literal_error"},
    "model": {"model_type", "model_attributes_type"},
    "model-field": {"missing"},
    "model-fields": {"extra_forbidden"},
    "no-info": set(),
    "nullable": set(),
    "str": {"string_type", "string_unicode"},
    "tagged-union": {"union_tag_invalid", "union_tag_not_found"},
    "union": set(),
}
"""Error types that a schema of each kind can raise. A new kind has to be added with its types."""

TYPES_OF_CONSTRAINTS = {
    ("list", "min_length"): "too_short",
    ("list", "max_length"): "too_long",
    ("dict", "max_length"): "too_long",
    ("str", "min_length"): "string_too_short",
    ("str", "max_length"): "string_too_long",
    ("str", "pattern"): "string_pattern_mismatch",
    ("int", "ge"): "greater_than_equal",
    ("int", "le"): "less_than_equal",
    ("float", "ge"): "greater_than_equal",
    ("float", "le"): "less_than_equal",
    ("float", "allow_inf_nan"): "finite_number",
    ("datetime", "tz_constraint"): "timezone_aware",
}
CONSTRAINTS = {
    *("min_length", "max_length", "pattern", "ge", "gt", "le", "lt", "multiple_of"),
    *("allow_inf_nan", "tz_constraint", "now_op", "max_digits"),
}


def request_schemas() -> list[type[BaseModel]]:
    """Return every class that a request body, a webhook or a platform profile is parsed into."""
    names = {
        function.request
        for feature in FEATURES
        for function in feature.functions
        if isinstance(function, Endpoint) and function.request
    }
    models = [_model(name) for name in sorted(names) if not name.startswith("ucp:")]
    return [*models, CarrierEvent, CarrierMessage, PaymentEvent, StripeEvent, _ProfileDocument]


def core_schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every core schema within another one."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield node
        for name, inner in node.items():
            if name not in ("metadata", "serialization"):
                yield from core_schemas(inner)
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from core_schemas(inner)


def all_core_schemas() -> list[dict[str, Any]]:
    found = []
    for model in request_schemas():
        model.model_rebuild()
        found += list(core_schemas(model.__pydantic_core_schema__))
    return found


def test_every_error_that_a_schema_can_raise_has_a_sentence() -> None:
    raised = {"json_invalid", "string_pattern_mismatch"}
    for schema in all_core_schemas():
        raised |= TYPES_OF_SCHEMAS[schema["type"]]
        for constraint in CONSTRAINTS & schema.keys():
            raised.add(TYPES_OF_CONSTRAINTS[schema["type"], constraint])
    assert raised - {"string_pattern_mismatch"} <= FIELD_ERRORS.keys()


def test_every_pattern_of_a_schema_has_a_sentence() -> None:
    patterns = {schema["pattern"] for schema in all_core_schemas() if "pattern" in schema}
    assert patterns == set(PATTERN_ERRORS)


ALL_ERRORS: dict[str, Any] = {error["type"]: error for error in list_all_errors()}


def raised_by_pydantic(error_type: str, context: dict[str, Any]) -> ErrorDetails:
    """Return the details of an error as pydantic reports it for an invalid value."""

    def fail(_: Any) -> Any:
        raise PydanticKnownError(error_type, context or None)  # type: ignore[arg-type]

    with pytest.raises(ValidationError) as error:
        TypeAdapter(Annotated[str, BeforeValidator(fail)]).validate_python("secret")
    (details,) = error.value.errors()
    return details


def test_pydantic_lists_the_errors_that_its_types_name() -> None:
    assert ALL_ERRORS.keys() == set(get_args(ErrorType))
    assert ALL_ERRORS.keys() - {"string_pattern_mismatch"} == FIELD_ERRORS.keys()


@pytest.mark.parametrize("error_type", sorted(ALL_ERRORS))
def test_every_error_of_pydantic_has_a_sentence_of_the_shop(error_type: str) -> None:
    context = dict(ALL_ERRORS[error_type].get("example_context") or {})
    if "error" in context:
        context["error"] = ValueError("secret") if context["error"] is None else "secret"
    details = raised_by_pydantic(error_type, context)
    assert details["type"] == error_type

    code, sentence = field_error(details)

    assert re.fullmatch(r"[A-Z].*\.", sentence)
    assert sentence != details["msg"].rstrip(".") + "."
    parts = ("{", "}", "secret", "Input should", "Value error")
    assert [part for part in parts if part in sentence] == []
    assert re.fullmatch(r"[a-z_]+", code)
    assert code not in ALL_ERRORS.keys() - {"missing"}


@pytest.mark.parametrize(
    ("error_type", "context", "sentence"),
    [
        ("url_too_long", {"max_length": 1}, "Must be a URL of at most 1 character."),
        ("decimal_max_digits", {"max_digits": 1}, "Must have at most 1 digit."),
        (
            "decimal_max_places",
            {"decimal_places": 2},
            "Must have at most 2 digits after the decimal point.",
        ),
        ("url_scheme", {"expected_schemes": "'https'"}, "Must be a URL that begins with 'https'."),
    ],
)
def test_a_sentence_states_the_limit(
    error_type: str, context: dict[str, Any], sentence: str
) -> None:
    assert field_error(raised_by_pydantic(error_type, context)).sentence == sentence


def test_every_sentence_belongs_to_an_error_of_pydantic() -> None:
    assert set(FIELD_ERRORS) <= set(get_args(ErrorType))


def test_no_validator_chooses_a_code_that_is_an_error_type_of_pydantic() -> None:
    """Both arrive as the type of an error, so the text of the validator would be lost."""
    layer = Path(request_body.__file__).parents[1]
    sources = "\n".join(file.read_text("utf-8") for file in layer.rglob("*.py"))
    chosen = set(re.findall(r'PydanticCustomError\(\s*"(\w+)"', sources))
    assert chosen, "no validator was found"
    assert chosen.isdisjoint(get_args(ErrorType))


@pytest.mark.parametrize("error", [*FIELD_ERRORS.values(), *PATTERN_ERRORS.values()])
def test_each_text_is_a_sentence(error: FieldError) -> None:
    assert re.fullmatch(r"[A-Z].*\.", error.sentence)


CART_LINE = {"item": {"id": "mug.1"}, "quantity": 1}
CARD = {"amount": 500, "currency": "USD", "reason": "Goodwill"}
TERMS = {"kind": "back_order", "limit": 1, "ships_from": "2026-12-15"}
EVENT = {
    "id": "evt_1",
    "tracking_number": "1Z999AA1",
    "status": "in_transit",
    "occurred_at": "2026-11-30T09:15:00Z",
}
ONE_OF_KINDS = (
    "Must be one of 'adjust', 'receive', 'expect', 'return', 'set_aside', 'release', 'write_off',"
    " 'safety_stock'."
)
TIME = "Must be a time with its UTC offset, such as 2026-12-31T23:59:59Z."


@pytest.mark.parametrize(
    ("schema", "body", "path", "code", "detail"),
    [
        (CartRequest, [], "$", "wrong_type", "Must be an object."),
        (CartRequest, {"line_items": {}}, "$.line_items", "wrong_type", "Must be a list."),
        (CartRequest, {"line_items": []}, "$.line_items", "missing", "Must have at least 1 item."),
        (
            CartRequest,
            {"line_items": [CART_LINE] * 2_001},
            "$.line_items",
            "too_many",
            "Must have at most 2000 items.",
        ),
        (
            CartRequest,
            {"line_items": [{**CART_LINE, "secret": 1}]},
            "$.line_items[0].secret",
            "unknown_field",
            "This field is unknown. Remove it.",
        ),
        (
            CartRequest,
            {"line_items": [{**CART_LINE, "quantity": 0}]},
            "$.line_items[0].quantity",
            "out_of_range",
            "Must be 1 or more.",
        ),
        (
            CartRequest,
            {"line_items": [{**CART_LINE, "quantity": "2"}]},
            "$.line_items[0].quantity",
            "wrong_type",
            "Must be a whole number.",
        ),
        (
            CartRequest,
            {"line_items": [{**CART_LINE, "item": {"id": ""}}]},
            "$.line_items[0].item.id",
            "text_invalid",
            "Must have at least 1 character.",
        ),
        (
            SearchRequest,
            {"context": {"address_country": "XX"}},
            "$.context.address_country",
            "country_unknown",
            "Country must be an ISO 3166-1 code such as US or DE, or a name such as Germany.",
        ),
        (
            CartRequest,
            {"line_items": [CART_LINE], "context": {"currency": 5}},
            "$.context.currency",
            "wrong_type",
            "Must be a string.",
        ),
        (
            SearchRequest,
            {"query": "x" * 10_000},
            "$.query",
            "text_invalid",
            f"Must have at most {MAX_QUERY_LENGTH} characters.",
        ),
        (
            GiftCardBody,
            {**CARD, "currency": "secret"},
            "$.currency",
            "currency_unknown",
            "Must be an ISO 4217 currency code, such as USD or EUR.",
        ),
        (GiftCardBody, {**CARD, "expires": "secret"}, "$.expires", "time_invalid", TIME),
        (GiftCardBody, {**CARD, "expires": []}, "$.expires", "time_invalid", TIME),
        (
            GiftCardBody,
            {**CARD, "expires": "2026-12-31T00:00:00"},
            "$.expires",
            "time_invalid",
            "Must include a UTC offset, such as Z or +01:00.",
        ),
        (
            BackorderTermsBody,
            {**TERMS, "ships_from": "2026-02-30"},
            "$.ships_from",
            "time_invalid",
            "Must be a date, such as 2026-12-31.",
        ),
        (
            BackorderTermsBody,
            {**TERMS, "kind": "secret"},
            "$.kind",
            "value_unknown",
            "Must be 'back_order' or 'pre_order'.",
        ),
        (MovementRequest, {"kind": "secret"}, "$.kind", "value_unknown", ONE_OF_KINDS),
        (MovementRequest, {}, "$.kind", "missing", "This field is required."),
        (
            LocationBody,
            {"country": "US", "latitude": 91},
            "$.latitude",
            "out_of_range",
            "Must be 90 or less.",
        ),
        (
            LocationBody,
            {"country": "US", "latitude": "secret"},
            "$.latitude",
            "wrong_type",
            "Must be a number.",
        ),
        (
            LocationBody,
            {"country": "US", "ships": "yes"},
            "$.ships",
            "wrong_type",
            "Must be true or false.",
        ),
        (
            CarrierEvent,
            {**EVENT, "id": "se cret"},
            "$.id",
            "id_invalid",
            "Must be 1 to 100 printable ASCII characters without spaces.",
        ),
    ],
)
def test_error_of_a_body_has_the_code_and_the_sentence(
    schema: type[BaseModel], body: Any, path: str, code: str, detail: str
) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_body(schema, json.dumps(body).encode())
    (problem,) = error.value.problems
    assert (problem.code, problem.detail, problem.path) == (code, detail, path)


class Odd(BaseModel):
    """A schema with errors that the shop's schemas cannot raise."""

    text: str | None = None
    code: Annotated[str, StringConstraints(pattern="^x$")] | None = None

    @field_validator("text")
    @classmethod
    def _number(cls, text: str) -> str:
        return str(int(text))


@pytest.mark.parametrize("body", [{"text": "secret"}, {"code": "secret"}])
def test_unknown_error_has_a_sentence_without_input(body: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_body(Odd, json.dumps(body).encode())
    assert error.value.code == "format_invalid"
    assert error.value.detail == "This value is invalid. See docs/openapi.json."
