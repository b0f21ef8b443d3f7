"""Comparison of a response with docs/openapi.json: status, headers and body."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from functions.manifest import Endpoint
from infra.openapi import openapi_path
from infra.openapi_page import OPENAPI_FILE
from tests.kit.shop import ApiResponse

DOCUMENT: Mapping[str, Any] = json.loads(OPENAPI_FILE.read_text("utf-8"))


def operation_of(entry: Endpoint) -> Mapping[str, Any]:
    operation: Mapping[str, Any] = DOCUMENT["paths"][openapi_path(entry)][entry.method.lower()]
    return operation


def problems_of(entry: Endpoint, response: ApiResponse) -> Iterator[str]:
    """Yield every difference between a response and its declaration."""
    declared = operation_of(entry)["responses"].get(str(response.status))
    if declared is None:
        yield f"status: {response.status} is not declared"
        return
    declared = resolved(declared)
    headers = {name.lower(): value for name, value in response.headers.items()}
    media_type = headers.pop("content-type", "")
    yield from _header_problems(declared.get("headers", {}), headers)
    content = declared.get("content")
    if content is None:
        if response.text:
            yield f"body: the response must be empty, but it is {response.text[:200]}"
        return
    (declared_type, media), *_ = content.items()
    if media_type.partition(";")[0] != declared_type:
        yield f"media type: {media_type} instead of {declared_type}"
    body = response.json if declared_type.endswith("json") else response.text
    yield from _body_problems(media["schema"], body)


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference to a component refers to, or the node itself."""
    if "$ref" not in node:
        return node
    _, section, name = node["$ref"].removeprefix("#/").split("/")
    target: Mapping[str, Any] = DOCUMENT["components"][section][name]
    return target


def _header_problems(declared: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
    named = {name.lower(): resolved(header) for name, header in declared.items()}
    # Only API Gateway's own response leaves these out, and no test receives one.
    own = {name.lower() for name, header in declared.items() if "/Own" in header.get("$ref", "")}
    for name in sorted(headers.keys() - named.keys()):
        yield f"header: {name} is not declared"
    for name, header in named.items():
        if name not in headers:
            if header["required"] or name in own:
                yield f"header: {name} is missing"
            continue
        integer = header["schema"].get("type") == "integer"
        value: Any = int(headers[name]) if integer else headers[name]
        for error in Draft202012Validator(header["schema"]).iter_errors(value):
            yield f"header: {name}: {error.message}"


def _body_problems(schema: Mapping[str, Any], body: Any) -> Iterator[str]:
    for error in validator(json.dumps(schema)).iter_errors(body):
        yield f"body: {error.json_path}: {error.message[:300]}"


@cache
def validator(schema: str) -> Draft202012Validator:
    """Return the validator of a schema of the document, built once per process."""
    whole = {**json.loads(schema), "components": DOCUMENT["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker())
