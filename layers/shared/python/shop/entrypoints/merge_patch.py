"""PUT and PATCH of one resource, by one declaration.

A PATCH has a JSON Merge Patch (RFC 7396) as its body. The handler reads the resource as staff read
it, merges the patch into it, and validates the result by the schema of the PUT. The same function
then writes it, under the same condition on the version. See docs/adr/merge-patch.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shop.entrypoints.http import LambdaHandler, Request, Response, endpoint, validate_body
from shop.entrypoints.request_body import parse_json
from shop.kernel.errors import InvalidRequest, Problem, UnsupportedMediaType
from shop.kernel.frozen import frozen
from shop.kernel.optimistic_locking import check_version, require_version

if TYPE_CHECKING:
    from pydantic import BaseModel

PATCH_TYPES = ("application/merge-patch+json", "application/json")
"""Media types of a patch."""
CHANGE_FIELDS = ("version", "reason")
"""Fields of a request that describe the change and not the resource: each request states them."""

Document = dict[str, Any]


@frozen(slots=False, kw_only=True)
class EditableResource:
    """A resource that staff replace by PUT and change by PATCH.

    ``read`` returns the current resource, in the form in which ``replace`` returns the new one.
    Its request has the patch as its body. ``replace`` writes the resource from a whole body.
    """

    schema: "type[BaseModel]"
    """The body of the PUT."""
    read: Callable[[Request[Any]], Any]
    replace: Callable[[Request[Any]], Any]
    read_only: tuple[str, ...]
    """Fields of the resource that only the shop sets. A patch that names one is rejected."""
    first_version: int = 1
    """0 for a resource that exists, or has defaults, before its first change."""
    parse: Callable[[Any, Request[Any]], object] | None = None
    """Validates a body whose fields the domain model knows, and the schema does not."""
    adjust: Callable[[Document, Document, Mapping[str, Any]], None] | None = None
    """Changes the merged document in place, by the current one and the patch, where a field depends
    on another one."""


def put_endpoint(resource: EditableResource) -> LambdaHandler:
    """Return the handler that replaces the resource."""
    return endpoint(resource.schema)(resource.replace)


def patch_endpoint(resource: EditableResource) -> LambdaHandler:
    """Return the handler that changes fields of the resource."""

    @endpoint()
    def handler(request: Request[Any]) -> Any:
        return _change(resource, replace(request, body=parse_patch(request)))

    return handler


def parse_patch(request: Request[Any]) -> Document:
    """Return the patch of a request.

    Raises UnsupportedMediaType, and InvalidRequest for a body that is not a JSON object.
    """
    stated = request.headers.get("content-type", PATCH_TYPES[0])
    if stated.partition(";")[0].strip().lower() not in PATCH_TYPES:
        raise UnsupportedMediaType(
            f"Send the patch as JSON, with Content-Type: {PATCH_TYPES[0]}.", path="Content-Type"
        )
    if not request.raw_body.strip():
        raise InvalidRequest("A JSON body is required.", code="body_missing", path="$")
    patch = parse_json(request.raw_body)
    if not isinstance(patch, dict):
        raise InvalidRequest(
            'Must be an object with the fields to change, such as {"title": "Mug"}.',
            code="wrong_type",
            path="$",
        )
    return patch


def merge(target: Any, patch: Any, *, keep_absent: bool = False) -> Any:
    """Return the target with the patch merged into it (RFC 7396); neither is changed.

    ``keep_absent`` keeps a null for a member that the target does not have.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is not None:
            merged[name] = merge(merged.get(name), value, keep_absent=keep_absent)
        elif name in merged or not keep_absent:
            merged.pop(name, None)
        else:
            merged[name] = None
    return merged


def _change(resource: EditableResource, request: Request[Document]) -> Any:
    """Apply a patch; one that changes nothing writes nothing.

    Raises InvalidRequest, VersionConflict, and what reading and replacing the resource raise.
    """
    patch = request.body
    _reject_read_only(patch, resource.read_only)
    current = resource.read(request)
    document = _document(current)
    stored = _sendable(resource.schema, document)
    merged: Document = merge(stored, patch)
    if resource.adjust is not None:
        resource.adjust(merged, stored, patch)
    _reject_unknown_nulls(resource, stored, request)
    body: Any = validate_body(resource.schema, merged)
    if resource.parse is not None:
        resource.parse(body, request)
    expected = require_version(
        request.headers.get("if-match"), body.version, minimum=resource.first_version
    )
    # The patch was merged into this version: the write must not accept another one.
    check_version("this object", document["version"], expected)
    if {name: merged[name] for name in merged if name not in CHANGE_FIELDS} == stored:
        return current
    return resource.replace(replace(request, body=body))


def _document(result: Any) -> Document:
    view = result.body if isinstance(result, Response) else result
    document: Document = view.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


def _sendable(schema: "type[BaseModel]", document: Document) -> Document:
    """Return the fields of a response that a PUT may send back, without those of the change."""
    is_open = schema.model_config.get("extra") == "allow"
    return {
        name: value
        for name, value in document.items()
        if name not in CHANGE_FIELDS and (is_open or name in schema.model_fields)
    }


def _reject_read_only(patch: Document, read_only: tuple[str, ...]) -> None:
    problems = [
        Problem("field_read_only", f"Only the shop sets {name}. Remove it.", f"$.{name}")
        for name in read_only
        if name in patch
    ]
    if problems:
        raise InvalidRequest(problems[0].detail, code="field_read_only", problems=problems)


def _reject_unknown_nulls(
    resource: EditableResource, stored: Document, request: Request[Document]
) -> None:
    """Reject unknown fields that the patch removes: the merged document does not show them."""
    merged = merge(stored, request.body, keep_absent=True)
    if merged == merge(stored, request.body):
        return
    try:
        body = validate_body(resource.schema, merged)
        if resource.parse is not None:
            resource.parse(body, request)
    except InvalidRequest as error:
        # Only names are checked here: a field that must not be null may still be absent.
        unknown = [problem for problem in error.problems if problem.code == "unknown_field"]
        if unknown:
            raise InvalidRequest(
                unknown[0].detail, code="unknown_field", problems=unknown
            ) from None
