"""Write docs/openapi.json from the manifest entries and their schemas, and docs/errors.md.

    python -m infra.openapi           # write both
    python -m infra.openapi --check   # fail if a committed document is not the generated one

The schemas are imported by the names in the manifests, at run time and only here: no stack imports
the shop. Responses that UCP defines have its published schemas (:mod:`infra.openapi_ucp`).
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
from functions.manifest import Endpoint, Feature
from infra.error_codes import ERRORS_FILE, errors_page
from infra.openapi_components import components
from infra.openapi_page import OPENAPI_FILE
from infra.openapi_parameters import parameters_of, path_names
from infra.openapi_patches import PatchSchemas
from infra.openapi_responses import responses_of, security_of
from infra.openapi_schemas import describe
from infra.openapi_ucp import UcpSchemas
from infra.stages import LOCAL

UCP_ERROR = "common/types/error_response.json"
PATCH_MEDIA_TYPES = ("application/merge-patch+json", "application/json")


def build_openapi(features: Iterable[Feature] = FEATURES) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of every route of any stage."""
    features = tuple(features)
    entries = [(f, x) for f in features for x in f.functions if isinstance(x, Endpoint)]
    ucp = UcpSchemas()
    schemas, definitions = _schemas_of((entry for _, entry in entries), ucp)
    _add_patches((entry for _, entry in entries), schemas, definitions)
    error = ucp.reference(UCP_ERROR)
    paths: dict[str, dict[str, Any]] = {}
    for feature, entry in sorted(entries, key=lambda pair: (pair[1].path, pair[1].method)):
        operation = _operation(feature, entry, schemas, error)
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
        "components": components(definitions | ucp.components, error),
    }


def openapi_path(entry: Endpoint) -> str:
    """Return the path in OpenAPI's notation, which cannot mark a parameter with slashes."""
    return entry.path.replace("+}", "}")


def _operation(
    feature: Feature,
    entry: Endpoint,
    schemas: dict[tuple[str, str], dict[str, Any]],
    error: dict[str, Any],
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": entry.module,
        "tags": [feature.name],
        "summary": entry.summary,
        "security": security_of(entry),
    }
    if entry.groups:
        operation["x-groups"] = list(entry.groups)
    if feature.stages is not None:
        operation["x-stages"] = sorted(feature.stages)
    if parameters := list(parameters_of(entry)):
        operation["parameters"] = parameters
    if content := _request_content(entry, schemas):
        operation["requestBody"] = {"required": not entry.bodiless, "content": content}
    success = schemas.get((entry.response or "", "serialization"))
    operation["responses"] = responses_of(entry, success or _schema_of_other_body(entry), error)
    return operation


def _request_content(
    entry: Endpoint, schemas: dict[tuple[str, str], dict[str, Any]]
) -> dict[str, Any]:
    if entry.request and entry.method == "PATCH":
        schema = schemas[f"patch:{entry.request}", "validation"]
        return {media_type: {"schema": schema} for media_type in PATCH_MEDIA_TYPES}
    if entry.request:
        return {"application/json": {"schema": schemas[entry.request, "validation"]}}
    if entry.invokes:
        return {"application/json": {"schema": {"$ref": "#/components/schemas/JsonRpcRequest"}}}
    return {media_type: {"schema": _file_schema(media_type)} for media_type in entry.file_types}


def _file_schema(media_type: str) -> dict[str, Any]:
    """Return the schema of a file: YAML is described as the value that it contains."""
    if media_type.endswith("yaml"):
        return {"description": "List of products; an entry that cannot be imported is reported."}
    return {"type": "string", "format": "binary"}


def _schema_of_other_body(entry: Endpoint) -> dict[str, Any] | None:
    """Return the schema of a body that no class of the shop describes."""
    if entry.invokes:
        members = ("JsonRpcResult", "JsonRpcError")
        return {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in members]}
    if entry.media_type == "application/problem+json":
        return {"$ref": "#/components/schemas/Problem"}
    if entry.media_type == "application/json" and not entry.response:
        return {"$ref": "#/components/schemas/OpenApiDocument"}
    return None


def _schemas_of(
    entries: Iterable[Endpoint], ucp: UcpSchemas
) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, Any]]:
    """Return schemas by (name in the manifest, mode), and the definitions they refer to."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    wanted: list[tuple[str, JsonSchemaMode]] = []
    schemas: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        for name, mode in _named(entry):
            if name.startswith("ucp:"):
                schemas[name, mode] = ucp.response(name.removeprefix("ucp:"))
            elif (name, mode) not in wanted:
                wanted.append((name, mode))
                models.append((_model(name), mode))
    found, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")
    for (name, mode), (model, _) in zip(wanted, models, strict=True):
        schemas[name, mode] = found[model, mode]
    definitions = schema.get("$defs", {})
    requests = _reachable(
        definitions, (s for (_, mode), s in schemas.items() if mode == "validation")
    )
    for name in definitions.keys() - requests:
        _omit_nulls(definitions[name])
    return schemas, describe(definitions, _classes(model for model, _ in models))


def _add_patches(
    entries: Iterable[Endpoint],
    schemas: dict[tuple[str, str], dict[str, Any]],
    definitions: dict[str, Any],
) -> None:
    """Add the schema of the body of every PATCH, derived from that of its PUT."""
    patches = PatchSchemas(definitions)
    for entry in entries:
        if entry.request and entry.method == "PATCH":
            schemas[f"patch:{entry.request}", "validation"] = patches.reference(
                schemas[entry.request, "validation"], tuple(path_names(entry))
            )


def _reachable(definitions: dict[str, Any], roots: Iterable[Any]) -> set[str]:
    """Return the names of the definitions that these schemas refer to, directly or not."""
    found: set[str] = set()
    pending = list(roots)
    while pending:
        names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(pending.pop())))
        pending += [definitions[name] for name in names - found]
        found |= names
    return found


def _omit_nulls(schema: dict[str, Any]) -> None:
    """Require no field that may be null: a response leaves such a field out instead."""
    nullable = {
        name
        for name, field in schema.get("properties", {}).items()
        if any(one.get("type") == "null" for one in field.get("anyOf", ()))
    }
    required = [name for name in schema.get("required", ()) if name not in nullable]
    if required:
        schema["required"] = required
    else:
        schema.pop("required", None)


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
