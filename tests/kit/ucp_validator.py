"""Is an answer good UCP? Two readings of the specification must both say so.

One is the ``ucp-sdk`` package (its pydantic models, read strictly), the other the JSON schemas of
the release, which lie beside this file (``tests/kit/ucp``, Apache-2.0, as they were published three
days before it). Where both differ the package is right; they agree on every example of the
specification's text.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel, ValidationError
from referencing import Registry, Resource
from ucp_sdk.models.schemas import profile, ucp  # type: ignore[import-untyped]
from ucp_sdk.models.schemas.common.types import error_response  # type: ignore[import-untyped]
from ucp_sdk.models.schemas.shopping import (  # type: ignore[import-untyped]
    cart,
    catalog_lookup,
    catalog_search,
    checkout,
    fulfillment,
    order,
)

VERSION = "2026-08-25"
SCHEMAS = Path(__file__).parent / "ucp" / "schemas"
BASE = "https://ucp.dev/schemas/"
FULFILLMENT = "dev.ucp.shopping.fulfillment"


class Rule(NamedTuple):
    """How a kind of answer is judged."""

    model: type[BaseModel] | None
    schema: str
    envelope: type[BaseModel] | None = None
    """The model of ``ucp``; the big models only ask for one of many there."""
    capability: str | None = None
    """The root capability that the envelope must name."""


RULES: Mapping[str, Rule] = {
    "cart": Rule(cart.Cart, "shopping/cart.json", ucp.ResponseCartSchema, "dev.ucp.shopping.cart"),
    "checkout": Rule(
        checkout.Checkout,
        "shopping/checkout.json",
        ucp.ResponseCheckoutSchema,
        "dev.ucp.shopping.checkout",
    ),
    "checkout with fulfillment": Rule(
        fulfillment.Checkout,
        "shopping/fulfillment.json#/$defs/dev.ucp.shopping.checkout",
        ucp.ResponseCheckoutSchema,
        "dev.ucp.shopping.checkout",
    ),
    "order": Rule(
        order.Order, "shopping/order.json", ucp.ResponseOrderSchema, "dev.ucp.shopping.order"
    ),
    "catalog_search": Rule(
        catalog_search.SearchResponse,
        "shopping/catalog_search.json#/$defs/search_response",
        ucp.ResponseCatalogSchema,
        "dev.ucp.shopping.catalog.search",
    ),
    "catalog_lookup": Rule(
        catalog_lookup.LookupResponse,
        "shopping/catalog_lookup.json#/$defs/lookup_response",
        ucp.ResponseCatalogSchema,
        "dev.ucp.shopping.catalog.lookup",
    ),
    "catalog_product": Rule(
        catalog_lookup.GetProductResponse,
        "shopping/catalog_lookup.json#/$defs/get_product_response",
        ucp.ResponseCatalogSchema,
        "dev.ucp.shopping.catalog.lookup",
    ),
    "error": Rule(error_response.ErrorResponse, "common/types/error_response.json", ucp.Error),
    "profile": Rule(
        profile.BusinessSchema, "profile.json#/$defs/business_schema", ucp.BusinessSchema
    ),
    "platform_profile": Rule(
        profile.PlatformSchema, "profile.json#/$defs/platform_schema", ucp.PlatformSchema
    ),
    "mcp_result": Rule(None, "transports/mcp_tool_call.json#/$defs/response"),
    "mcp_error": Rule(None, "transports/jsonrpc.json#/$defs/error_response"),
}


def assert_valid_ucp(kind: str, body: Any) -> Any:
    """Give the answer back if it is good UCP; raise ``AssertionError`` with all that is wrong."""
    wrong = ucp_problems(kind, body)
    if wrong:
        text = json.dumps(body, indent=1, ensure_ascii=False)[:4000]
        raise AssertionError(
            f"not a good UCP {kind}:\n" + "\n".join(f"  - {line}" for line in wrong) + f"\n{text}"
        )
    return body


def ucp_problems(kind: str, body: Any) -> list[str]:
    """All that is wrong with an answer of a kind (a key of :data:`RULES`); empty: it is good."""
    if kind == "checkout" and FULFILLMENT in _capabilities(body):
        kind = "checkout with fulfillment"
    rule = RULES[kind]
    return [*_by_package(rule, body), *_by_schema(rule, body), *_by_prose(rule, body)]


def _capabilities(body: Any) -> Mapping[str, Any]:
    envelope = body.get("ucp") if isinstance(body, Mapping) else None
    named = envelope.get("capabilities") if isinstance(envelope, Mapping) else None
    return named if isinstance(named, Mapping) else {}


def _by_package(rule: Rule, body: Any) -> Iterable[str]:
    parts = [("", rule.model, body)]
    if isinstance(body, Mapping) and "ucp" in body:
        parts.append(("ucp.", rule.envelope, body["ucp"]))
    for where, model, part in parts:
        if model is None:
            continue
        try:
            model.model_validate_json(json.dumps(part), strict=True)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                path = where + ".".join(str(step) for step in problem["loc"])
                yield f"package: {path}: {problem['msg']}"


def _by_schema(rule: Rule, body: Any) -> Iterable[str]:
    validator = Draft202012Validator(
        {"$ref": BASE + rule.schema}, registry=_schemas(), format_checker=FormatChecker()
    )
    for error in validator.iter_errors(body):
        yield f"schema: {error.json_path}: {error.message[:300]}"


@lru_cache(maxsize=1)
def _schemas() -> Registry[Any]:
    read = (json.loads(path.read_text()) for path in SCHEMAS.rglob("*.json"))
    return Registry[Any]().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in read
    )


def _by_prose(rule: Rule, body: Any) -> Iterable[str]:
    """What the specification says in words only."""
    if rule.model is None or not isinstance(body, Mapping):
        return
    envelope = body.get("ucp")
    if not isinstance(envelope, Mapping):
        return
    if envelope.get("version") != VERSION:
        yield f"prose: ucp.version is {envelope.get('version')!r}, not the release spoken"
    if rule.capability is not None:
        named = _capabilities(body)
        if rule.capability not in named:
            yield f"prose: ucp.capabilities does not name {rule.capability}"
        family = rule.capability.removeprefix("dev.ucp.shopping.")
        for name in named:
            root = name.removeprefix("dev.ucp.shopping.")
            if root in _ROOTS and root != family:
                yield f"prose: ucp.capabilities names {name}, which this answer is not about"
    escalated = "status" in body and body["status"] == "requires_escalation"
    if escalated and not body.get("continue_url"):
        yield "prose: a checkout that requires escalation has a continue_url"


_ROOTS = frozenset({"cart", "checkout", "order", "catalog.search", "catalog.lookup"})
