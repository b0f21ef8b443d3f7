"""Write docs/openapi.json from the manifest entries and their schemas, and docs/errors.md.

    python -m infra.openapi           # write both
    python -m infra.openapi --check   # fail if a committed document is not the generated one

The schemas are imported by the names in the manifests, at run time and only here: no stack imports
the shop. Responses that UCP defines refer to its published schemas.
"""

import argparse
import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from functions.all import FEATURES
from functions.manifest import Access, Endpoint, Feature
from functions.query_parameters import QueryParameter
from infra.error_codes import ERRORS_FILE, errors_page
from infra.openapi_schemas import describe
from infra.stages import LOCAL

OPENAPI_FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"

UCP_SCHEMAS = "https://ucp.dev/schemas/"

SIGNED_IN = {Access.CUSTOMER: "customer", Access.STAFF: "staff", Access.SHOPPER: "customer"}

ERROR_DESCRIPTIONS = {
    400: "The request is malformed or has an invalid value",
    401: "The credentials are missing, expired or forged",
    403: "The caller is known and not allowed to do this",
    404: "The resource does not exist for this caller",
    409: "The resource's state does not allow this, or the key came with another request",
    413: "The body exceeds 256 KiB",
    422: "A referenced document is invalid or has another version",
    424: "A referenced document could not be fetched",
    429: "The caller sent too many requests",
    503: "A provider of the shop is down: retry later",
}

PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with a code for programs and each invalid field",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "URI of the error's type."},
        "title": {"type": "string", "description": "Meaning of the status, in words."},
        "status": {"type": "integer", "description": "HTTP status of the response."},
        "code": {"type": "string", "description": "Code of the error, listed in docs/errors.md."},
        "detail": {"type": "string", "description": "Problem, place and remedy, in words."},
        "errors": {
            "type": "array",
            "description": "Every invalid field, if there are several.",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "code": {"type": "string", "description": "Code of the error."},
                    "detail": {"type": "string", "description": "Problem and remedy, in words."},
                    "path": {
                        "type": "string",
                        "description": "RFC 9535 JSONPath of the field, or name of the header.",
                    },
                },
            },
        },
    },
}


PARAMETERS: dict[str, Any] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Makes a retry safe: the same key and request return the same "
        "response for 24 hours",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "OptionalIdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key and request return the same response for 24 hours; "
        "the key with another request is an error (409 idempotency_key_reused)",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": 'The version that was read, such as `"3"`, where the body does '
        "not name it. If it changed meanwhile, the request fails (409 stale)",
        "schema": {"type": "string"},
    },
    "UcpAgent": {
        "name": "UCP-Agent",
        "in": "header",
        "required": False,
        "description": 'The platform\'s profile: `profile="https://…"`',
        "schema": {"type": "string"},
    },
}


def build_openapi(features: Iterable[Feature] = FEATURES) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of every route of any stage."""
    features = tuple(features)
    entries = [(f, x) for f in features for x in f.functions if isinstance(x, Endpoint)]
    schemas, definitions = _schemas_of(entry for _, entry in entries)
    paths: dict[str, dict[str, Any]] = {}
    for feature, entry in sorted(entries, key=lambda pair: (pair[1].path, pair[1].method)):
        operation = _operation(feature, entry, schemas)
        paths.setdefault(openapi_path(entry), {})[entry.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Doorbuster",
            "version": _version(),
            "description": "Shopping follows UCP 2026-08-25; the other routes use plain JSON.",
        },
        "servers": [{"url": LOCAL.public_url, "description": "make up"}],
        "tags": [
            {"name": f.name, "description": _first_sentence(f)} for f in features if _has_routes(f)
        ],
        "paths": paths,
        "components": _components(definitions),
    }


def _components(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas, responses, parameters and security schemes that operations refer to."""
    return {
        "schemas": {"Problem": PROBLEM} | dict(sorted(definitions.items())),
        "responses": {
            **{f"Problem{s}": _problem(s, ucp=False) for s in ERROR_DESCRIPTIONS},
            **{f"Ucp{s}": _problem(s, ucp=True) for s in ERROR_DESCRIPTIONS},
        },
        "parameters": PARAMETERS,
        "securitySchemes": _security_schemes(),
    }


def _security_schemes() -> dict[str, Any]:
    return {
        "customer": _bearer("Access token of a customer"),
        "staff": _bearer("Access token of a member of staff; the groups are in x-groups"),
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "webhook-signature",
            "description": "Standard Webhooks, with webhook-id and webhook-timestamp",
        },
    }


def openapi_path(entry: Endpoint) -> str:
    """Return the path in OpenAPI's notation, which cannot mark a parameter with slashes."""
    return entry.path.replace("+}", "}")


def _operation(
    feature: Feature, entry: Endpoint, schemas: dict[tuple[str, str], dict[str, Any]]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": entry.module,
        "tags": [feature.name],
        "summary": entry.summary,
        "security": _security(entry),
    }
    if entry.groups:
        operation["x-groups"] = list(entry.groups)
    if feature.stages is not None:
        operation["x-stages"] = sorted(feature.stages)
    if parameters := list(_parameters(entry)):
        operation["parameters"] = parameters
    if entry.request:
        body = {"schema": schemas[entry.request, "validation"]}
        needed = not entry.bodiless
        operation["requestBody"] = {"required": needed, "content": {"application/json": body}}
    operation["responses"] = {str(entry.status): _success(entry, schemas)} | {
        str(status): {
            "$ref": f"#/components/responses/{'Ucp' if entry.capability else 'Problem'}{status}"
        }
        for status in _error_statuses(entry)
    }
    return operation


def _success(entry: Endpoint, schemas: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return the ordinary response: a schema, or the body in words."""
    if entry.response:
        content = {entry.media_type: {"schema": schemas[entry.response, "serialization"]}}
        return {"description": "Success", "content": content}
    if not entry.body:
        raise ValueError(f"{entry.route}: declare the response class, or the body in words.")
    success: dict[str, Any] = {"description": entry.body}
    if entry.media_type:
        success["content"] = {entry.media_type: {}}
    return success


def _query_parameter(parameter: QueryParameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.type}
    if parameter.values:
        schema["enum"] = list(parameter.values)
    for name in ("default", "minimum", "maximum"):
        if (value := getattr(parameter, name)) is not None:
            schema[name] = value
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def _parameters(entry: Endpoint) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{([^}+]+)\+?\}", entry.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        }
    for parameter in entry.query:
        yield _query_parameter(parameter)
    if entry.requires_idempotency_key:
        yield {"$ref": "#/components/parameters/IdempotencyKey"}
    if entry.accepts_idempotency_key:
        yield {"$ref": "#/components/parameters/OptionalIdempotencyKey"}
    if entry.versioned:
        yield {"$ref": "#/components/parameters/IfMatch"}
    if entry.capability:
        yield {"$ref": "#/components/parameters/UcpAgent"}


def _security(entry: Endpoint) -> list[dict[str, list[str]]]:
    if entry.access is Access.WEBHOOK:
        return [{"signature": []}]
    if entry.access is Access.PUBLIC:
        return []
    signed_in: dict[str, list[str]] = {SIGNED_IN[entry.access]: []}
    return [{}, signed_in] if entry.access is Access.SHOPPER else [signed_in]


def _error_statuses(entry: Endpoint) -> Iterator[int]:
    writes = entry.method != "GET"
    yield 400
    if entry.access is not Access.PUBLIC:
        yield 401
    if entry.access is Access.STAFF or entry.capability:
        yield 403
    if "{" in entry.path or entry.capability:
        yield 404
    if writes:
        yield 409
        yield 413
    if entry.capability:
        yield 422
        yield 424
    yield 429
    yield 503


def _schemas_of(
    entries: Iterable[Endpoint],
) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, Any]]:
    """Return schemas by (name in the manifest, mode), and the definitions they refer to."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    wanted: list[tuple[str, JsonSchemaMode]] = []
    schemas: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        for name, mode in _named(entry):
            if name.startswith("ucp:"):
                schemas[name, mode] = {"$ref": UCP_SCHEMAS + name.removeprefix("ucp:")}
            elif (name, mode) not in wanted:
                wanted.append((name, mode))
                models.append((_model(name), mode))
    found, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")
    for (name, mode), (model, _) in zip(wanted, models, strict=True):
        schemas[name, mode] = found[model, mode]
    return schemas, describe(schema.get("$defs", {}), _classes(model for model, _ in models))


def _classes(models: Iterable[type[BaseModel]]) -> dict[str, type]:
    """Return every pydantic class that the models contain, by the name of its definition."""
    found: dict[str, type] = {}
    pending = list(models)
    while pending:
        model = pending.pop()
        if found.get(model.__name__) is model:
            continue
        found[model.__name__] = model
        model.model_rebuild()
        for field in model.model_fields.values():
            pending += _models_in(field.annotation)
    return found


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the pydantic classes in a type such as ``list[Line] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]


def _named(entry: Endpoint) -> Iterator[tuple[str, JsonSchemaMode]]:
    if entry.request:
        yield entry.request, "validation"
    if entry.response:
        yield entry.response, "serialization"


def _model(name: str) -> type[BaseModel]:
    module, _, attribute = name.partition(":")
    model = getattr(importlib.import_module(module), attribute)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{name} is not a pydantic class")
    return model


def _problem(status: int, *, ucp: bool) -> dict[str, Any]:
    schema = (
        f"{UCP_SCHEMAS}common/types/error_response.json" if ucp else "#/components/schemas/Problem"
    )
    kind = "application/json" if ucp else "application/problem+json"
    return {
        "description": ERROR_DESCRIPTIONS[status],
        "content": {kind: {"schema": {"$ref": schema}}},
    }


def _bearer(description: str) -> dict[str, str]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": description,
    }


def _has_routes(feature: Feature) -> bool:
    return any(isinstance(entry, Endpoint) for entry in feature.functions)


def _first_sentence(feature: Feature) -> str:
    """Return the first line of the manifest's docstring."""
    manifest = importlib.import_module(f"functions.{feature.name}.manifest")
    return (manifest.__doc__ or feature.name).strip().splitlines()[0]


def _version() -> str:
    project = (OPENAPI_FILE.parents[1] / "pyproject.toml").read_text()
    found = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    return found[1] if found else "0"


def text() -> str:
    return json.dumps(build_openapi(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.openapi", description="Write both documents.")
    parser.add_argument("--check", action="store_true", help="only compare; fail on a difference")
    check = parser.parse_args(arguments).check
    documents = ((OPENAPI_FILE, text()), (ERRORS_FILE, errors_page()))
    if check:
        return max(_compare(file, new) for file, new in documents)
    for file, new in documents:
        print(f"docs/{file.name}: {file.write_text(new)} characters")
    return 0


def _compare(file: Path, new: str) -> int:
    """Return 0 if the committed document is the generated one; print the difference if not."""
    old = file.read_text() if file.is_file() else ""
    if old == new:
        return 0
    difference = unified_diff(
        old.splitlines(), new.splitlines(), "committed", "generated", lineterm="", n=2
    )
    print("\n".join(islice(difference, 60)), file=sys.stderr)
    print(f"docs/{file.name} differs from the source: make openapi writes it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
