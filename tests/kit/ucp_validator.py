"""Validation of responses against UCP, by two implementations of the specification.

One is the ``ucp-sdk`` package (its pydantic models, in strict mode). The other is the JSON schemas
of the release in ``infra/ucp`` (Apache-2.0, published three days before it). If they differ, the
package is right; they agree on every example in the specification's text.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
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

from infra.openapi_ucp import BASE, SCHEMAS

VERSION = "2026-08-25"
FULFILLMENT = "dev.ucp.shopping.fulfillment"


class Rule(NamedTuple):
    """How a kind of response is validated."""

    model: type[BaseModel] | None
    schema: str
    envelope: type[BaseModel] | None = None
    """The model of ``ucp``; the models of whole responses accept one of many there."""
    capability: str | None = None
    """The root capability that the envelope must contain."""


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
    """Return the body if it is valid UCP. Raises AssertionError with every problem."""
    problems = ucp_problems(kind, body)
    if problems:
        text = json.dumps(body, indent=1, ensure_ascii=False)[:4000]
        raise AssertionError(
            f"invalid UCP {kind}:\n" + "\n".join(f"  - {each}" for each in problems) + f"\n{text}"
        )
    return body


def ucp_problems(kind: str, body: Any) -> list[str]:
    """Return every problem of a response; ``kind`` is a key of :data:`RULES`."""
    if kind == "checkout" and FULFILLMENT in _capabilities(body):
        kind = "checkout with fulfillment"
    rule = RULES[kind]
    return [*_by_package(rule, body), *_by_schema(rule, body), *_by_prose(rule, body)]


def _capabilities(body: Any) -> Mapping[str, Any]:
    envelope = body.get("ucp") if isinstance(body, Mapping) else None
    capabilities = envelope.get("capabilities") if isinstance(envelope, Mapping) else None
    return capabilities if isinstance(capabilities, Mapping) else {}


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
    for error in _validator(rule.schema).iter_errors(body):
        yield f"schema: {error.json_path}: {error.message[:300]}"


@lru_cache
def _validator(schema: str) -> Draft202012Validator:
    """Return the validator of a schema; it is built once per process."""
    return Draft202012Validator(
        {"$ref": BASE + schema}, registry=_schemas(), format_checker=FormatChecker()
    )


@lru_cache(maxsize=1)
def _schemas() -> Registry[Any]:
    read = (json.loads(path.read_text()) for path in SCHEMAS.rglob("*.json"))
    registry = Registry[Any]().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in read
    )
    # Crawled once; otherwise, every reference would search for identifiers and anchors again.
    return registry.crawl()


def _by_prose(rule: Rule, body: Any) -> Iterable[str]:
    """Check rules that the specification states only in prose."""
    if rule.model is None or not isinstance(body, Mapping):
        return
    envelope = body.get("ucp")
    if not isinstance(envelope, Mapping):
        return
    if envelope.get("version") != VERSION:
        yield f"prose: ucp.version is {envelope.get('version')!r} instead of {VERSION}"
    if rule.capability is not None:
        capabilities = _capabilities(body)
        if rule.capability not in capabilities:
            yield f"prose: ucp.capabilities lacks {rule.capability}"
        family = rule.capability.removeprefix("dev.ucp.shopping.")
        for name in capabilities:
            root = name.removeprefix("dev.ucp.shopping.")
            if root in _ROOTS and root != family:
                yield f"prose: ucp.capabilities contains {name} of another kind of response"
    escalated = "status" in body and body["status"] == "requires_escalation"
    if escalated and not body.get("continue_url"):
        yield "prose: a checkout that requires escalation lacks a continue_url"


_ROOTS = frozenset({"cart", "checkout", "order", "catalog.search", "catalog.lookup"})
