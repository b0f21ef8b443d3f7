"""The doorframe of an HTTP endpoint: an API Gateway event in, an answer out, every refusal mapped.

A door is a function of one :class:`Request`; this module reads the event for it, checks who is
asking, and gives each class of refusal its status, once. A refusal on a route that speaks for a
UCP capability is answered as a UCP error response, any other as ``application/problem+json``
(RFC 9457). What is not a refusal is a fault of ours: it is logged with its trace and answered 500.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ValidationError

from shop.edge import ucp
from shop.edge.access import Caller, caller_of
from shop.kernel.errors import (
    Conflict,
    DependencyFailed,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from shop.kernel.idempotency import Ask

log = Logger()

BODY_LIMIT = 256 * 1024
"""Bytes of a request body that are read; an order of 1,000 lines needs about 60 KB."""

STATUS_OF: dict[type[Refusal], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Unprocessable: 422,
    DependencyFailed: 424,
    TooMany: 429,
    Unavailable: 503,
}

Body = TypeVar("Body")


@dataclass(frozen=True)
class Request(Generic[Body]):
    """What a door needs to know of a request.

    ``caller.customer`` is the signed-in customer's id or ``None``; ``at`` is the one instant at
    which the request happens, UTC; ``raw`` are the exact bytes of the body, for signatures.
    """

    body: Body
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    caller: Caller
    at: datetime
    raw: bytes = b""
    idempotency_key: str | None = None
    fingerprint: str = ""
    """SHA-256 of method, path and body: tells whether a reused key came with the same request."""
    source_ip: str = ""
    negotiated: ucp.Negotiated = field(default_factory=ucp.Negotiated)

    @property
    def key(self) -> str:
        """The idempotency key of a route that demands one."""
        if self.idempotency_key is None:
            raise Invalid(
                "this call changes something: send an Idempotency-Key header, so that a retry is safe",
                code="idempotency_key_missing",
                path="Idempotency-Key",
            )
        return self.idempotency_key

    @property
    def ask(self) -> Ask:
        """This request as something to be done once. Raises Invalid without an idempotency key."""
        return Ask(self.caller.owner, self.key, self.fingerprint, self.at)


@dataclass(frozen=True)
class Answer:
    """An answer with more to say than its body: a status, headers, or a body that is not JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Door = Callable[[Request[Any]], Any]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def endpoint(
    body: type[BaseModel] | None = None, *, capability: str | None = None, status: int = 200
) -> Callable[[Door], Handler]:
    """Hang a door in its frame.

    ``body`` is the pydantic class that the JSON body must fit; ``capability`` the UCP capability
    the answer speaks for (the envelope is added here, the door returns the payload); ``status``
    the status of the ordinary answer. A door returns a pydantic model, a dict, or an :class:`Answer`.
    """

    def hang(door: Door) -> Handler:
        @log.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            log.set_correlation_id(_header(event, "request-id") or event["requestContext"]["requestId"])
            negotiated = ucp.Negotiated()
            try:
                if capability is not None:
                    negotiated = ucp.negotiate(_header(event, "ucp-agent"), capability)
                request = _read(event, body, negotiated)
                answer = door(request)
            except Refusal as refusal:
                return _refused(refusal, capability, negotiated)
            except Exception:
                log.exception("unexpected")
                return _fault(capability, negotiated)
            return _answered(answer, status, capability, negotiated)

        return handler

    return hang


def _header(event: Mapping[str, Any], name: str) -> str | None:
    value = (event.get("headers") or {}).get(name)
    return value if isinstance(value, str) else None


def _read(
    event: dict[str, Any], body: type[BaseModel] | None, negotiated: ucp.Negotiated
) -> Request[Any]:
    raw = _raw_body(event)
    http = event["requestContext"]["http"]
    caller = caller_of(event)
    parsed: Any = None
    if body is not None:
        parsed = parse(body, raw)
    key = _header(event, "idempotency-key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Invalid(
            "an idempotency key has 1 to 255 printable ASCII characters",
            code="idempotency_key_invalid",
            path="Idempotency-Key",
        )
    path = event.get("pathParameters") or {}
    for name, value in path.items():
        if not (1 <= len(value) <= 128 and value.isprintable()):
            raise NotFound(f"there is nothing under this {name}", path=name)
    return Request(
        body=parsed,
        path=path,
        query=dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
        headers={k.lower(): v for k, v in (event.get("headers") or {}).items()},
        caller=caller,
        at=datetime.now(UTC),
        raw=raw,
        idempotency_key=key,
        fingerprint=ucp.fingerprint(http["method"], event.get("rawPath", http["path"]), raw),
        source_ip=http.get("sourceIp", ""),
        negotiated=negotiated,
    )


def _raw_body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise Invalid("the body is not readable", code="body_unreadable") from None
    else:
        raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > BODY_LIMIT:
        raise TooLarge(f"the body has {len(raw)} bytes; {BODY_LIMIT} are read at most")
    return raw


def parse(shape: type[BaseModel], raw: bytes) -> BaseModel:
    """Read a JSON body into its shape. Raises :class:`Invalid` naming every field that is wrong."""
    if not raw.strip():
        raise Invalid("a JSON body is needed", code="body_missing", path="$")
    try:
        data = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not JSON: {error}", code="json_malformed", path="$") from None
    return shaped(shape, data)


def shaped(shape: type[BaseModel], data: Any) -> BaseModel:
    """Read parsed JSON into its shape, strictly: ``"2"`` is not 2. Raises :class:`Invalid`."""
    try:
        return shape.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        problems = tuple(
            Problem(_CODES.get(e["type"], e["type"]), e["msg"], _json_path(e["loc"]))
            for e in error.errors(include_url=False, include_input=False)
        )
        detail = f"{len(problems)} field(s) are not right" if len(problems) > 1 else problems[0].detail
        raise Invalid(detail, problems=problems[:50]) from None
    except (ValueError, UnicodeError):
        raise Invalid("the body holds text that is not Unicode", code="text_invalid", path="$") from None


_CODES = {"missing": "missing", "extra_forbidden": "unknown_field", "json_invalid": "json_malformed"}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _json_path(where: tuple[int | str, ...]) -> str:
    path = "$"
    for part in where:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier():
            path += f".{part}"
        else:
            path += f"[{json.dumps(part)}]"
    return path


def status_of(refusal: type[Refusal]) -> int:
    """The HTTP status of a class of refusal: that of its nearest listed ancestor."""
    for ancestor in refusal.__mro__:
        if ancestor in STATUS_OF:
            return STATUS_OF[ancestor]
    raise LookupError(f"{refusal.__name__} has no status")


def _answered(
    answer: Any, status: int, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    headers: dict[str, str] = {}
    if isinstance(answer, Answer):
        status, headers, answer = answer.status, dict(answer.headers), answer.body
    if isinstance(answer, BaseModel):
        answer = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    if capability is not None and isinstance(answer, dict) and "ucp" not in answer:
        answer = {"ucp": ucp.envelope(negotiated, capability), **answer}
    return _response(status, answer, headers, "application/json")


def _refused(
    refusal: Refusal, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    status = status_of(type(refusal))
    log.info("refused", extra={"code": refusal.code, "status": status})
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shop"'
    if status in (429, 503):
        headers["Retry-After"] = "5"
    if capability is not None:
        return _response(
            ucp.status_for(refusal, status),
            ucp.refusal_body(refusal, negotiated),
            headers,
            "application/json",
        )
    body = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "code": refusal.code,
        "detail": refusal.detail,
        "errors": [
            {"code": p.code, "detail": p.detail, **({"path": p.path} if p.path else {})}
            for p in refusal.problems
        ],
    }
    return _response(status, body, headers, "application/problem+json")


def _fault(capability: str | None, negotiated: ucp.Negotiated) -> dict[str, Any]:
    if capability is not None:
        return _response(500, ucp.fault_body(negotiated), {}, "application/json")
    body = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "fault"}
    return _response(500, body, {}, "application/problem+json")


def _response(status: int, body: Any, headers: Mapping[str, str], kind: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": kind, "Cache-Control": "no-store", **headers},
        "body": "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "isBase64Encoded": False,
    }


_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    424: "Failed Dependency",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def setting(name: str) -> str:
    """A setting that must be there: a missing one stops the cold start, with its name."""
    return os.environ[name]
