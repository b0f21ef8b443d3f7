"""The doorframe of an HTTP endpoint: an API Gateway event in, an answer out, every refusal mapped.

A door is a function of one :class:`Request`; this module reads the event for it, checks who is
asking, and gives each class of refusal its status, once. A refusal on a route that speaks for a
UCP capability is answered as a UCP error response, any other as ``application/problem+json``
(RFC 9457). What is not a refusal is a fault of ours: it is logged with its trace and answered 500.
"""

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qsl

from aws_lambda_powertools import Logger

from shop.entrypoints import ucp
from shop.entrypoints.authorization import Caller, authenticate
from shop.entrypoints.fault_mapping import as_unavailable, log_fields
from shop.entrypoints.request_body import parse_body, validate_body
from shop.kernel.errors import (
    Conflict,
    DependencyFailed,
    Forbidden,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ShopError,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotentRequest

if TYPE_CHECKING:
    from pydantic import BaseModel  # a door without shapes does without pydantic

__all__ = [
    "BODY_LIMIT",
    "HTTP_STATUS_BY_ERROR",
    "Caller",
    "LambdaHandler",
    "Request",
    "Response",
    "cacheable",
    "endpoint",
    "http_status",
    "log",
    "parse_body",
    "raise_if_disabled",
    "required_setting",
    "validate_body",
]

log = Logger()

BODY_LIMIT = 256 * 1024
"""Bytes of a request body that are read; an order of 1,000 lines needs about 60 KB."""

HTTP_STATUS_BY_ERROR: dict[type[ShopError], int] = {
    InvalidRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PayloadTooLarge: 413,
    Unprocessable: 422,
    DependencyFailed: 424,
    RateLimited: 429,
    Unavailable: 503,
}

Body = TypeVar("Body")


@frozen(slots=False)
class Request(Generic[Body]):
    """What a door needs to know of a request.

    ``caller.customer`` is the signed-in customer's id or ``None``; ``at`` is the one instant at
    which the request happens, UTC; ``raw`` are the exact bytes of the body, for signatures.
    """

    body: Body
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name; a header that came several times is joined with commas by the gateway."""
    caller: Caller
    received_at: datetime
    raw_body: bytes = b""
    idempotency_key: str | None = None
    fingerprint: str = ""
    """SHA-256 of method, path and body: tells whether a reused key came with the same request."""
    source_ip: str = ""
    negotiated: ucp.Negotiated = field(default_factory=ucp.Negotiated)
    method: str = ""
    url: str = ""
    """The path as it was asked for, with its ids in it."""

    @property
    def required_idempotency_key(self) -> str:
        """The idempotency key of a route that demands one."""
        if self.idempotency_key is None:
            raise InvalidRequest(
                "this call changes something: send an Idempotency-Key header,"
                " so that a retry is safe",
                code="idempotency_key_missing",
                path="Idempotency-Key",
            )
        return self.idempotency_key

    @property
    def channel(self) -> str:
        """Where the shop is sold through: a platform that names itself, the app, or the pages."""
        if self.negotiated.platform:
            return "agent"
        message = self.headers.get("shop-channel", "").strip().lower()
        return message if message in ("web", "app") else "web"

    @property
    def idempotent(self) -> IdempotentRequest:
        """This request as something to be done once. Raises Invalid without an idempotency key."""
        guest_at = self.source_ip if self.caller.customer is None else None
        key = ucp.scoped_key(
            self.required_idempotency_key, self.method, self.url, self.negotiated.platform, guest_at
        )
        return IdempotentRequest(self.caller.owner, key, self.fingerprint, self.received_at)


@frozen(slots=False)
class Response:
    """An answer with more to say than its body: a status, headers, or a body that is not JSON.

    A ``str`` or ``bytes`` body goes out as it is when ``headers`` name a Content-Type for it.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


HandlerFunction = Callable[[Request[Any]], Any]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def endpoint(
    body: "type[BaseModel] | None" = None,
    *,
    optional: bool = False,
    capability: str | None = None,
    status: int = 200,
    body_limit: int = BODY_LIMIT,
) -> Callable[[HandlerFunction], LambdaHandler]:
    """Hang a door in its frame.

    ``body`` is the pydantic class that the JSON body must fit, with ``optional`` no body is as
    good as an empty object; ``capability`` the UCP capability
    the answer speaks for (the envelope is added here, the door returns the payload); ``status``
    the status of the ordinary answer; ``body_limit`` the bytes of a body that are read. A door
    returns a pydantic model, a mapping, or an :class:`Answer`. What a UCP payload itself holds
    under ``ucp`` (the ``payment_handlers`` of a checkout, a ``status`` of ``error``) is laid over
    the envelope.
    """

    def hang(door: HandlerFunction) -> LambdaHandler:
        @log.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            headers = headers_from(event)
            request_id = request_id_from(event, headers)
            log.set_correlation_id(request_id)
            negotiated = ucp.Negotiated()
            try:
                request = _arrived(event, headers, body_limit)
                if capability is not None:
                    negotiated = ucp.negotiate_capabilities(headers.get("ucp-agent"), capability)
                raise_if_disabled()
                read = _read(body, request.raw_body, headers, optional)
                request = replace(request, body=read, negotiated=negotiated)
                answer = _answered(door(request), status, capability, negotiated)
            except ShopError as refusal:
                answer = _refused(refusal, capability, negotiated)
            except Exception as error:
                down = as_unavailable(error)
                log.error("supplier down" if down else "unexpected", extra=log_fields(error))
                if down:
                    answer = _refused(down, capability, negotiated)
                else:
                    answer = _fault(capability, negotiated)
            answer["headers"]["Request-Id"] = request_id
            return answer

        return handler

    return hang


def raise_if_disabled() -> None:
    """Refuse what staff switched off, before anything is read or written for it.

    Raises :class:`~shop.kernel.kill_switches.FeatureDisabled`. Costs no read: the board is in memory.
    """
    switches = os.environ.get("SWITCHES")
    if switches:
        from shop.storage.kill_switches import (
            switch_cache,  # only doors with a switch have the table
        )

        switch_cache().states().raise_if_disabled(switches.split(","))


# ------------------------------------------------------------------------------------- reading


def headers_from(event: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers by lower-case name."""
    sent = event.get("headers") or {}
    return {str(name).lower(): value for name, value in sent.items() if isinstance(value, str)}


def source_address(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The address that asks. A request that the CDN passes on comes from the CDN's own, which many
    share and which changes, so the CDN names its viewer, and shows a key that it alone knows: the
    API's own address stays open to everybody, and nobody may name themselves there.
    """
    key = os.environ.get("EDGE_KEY", "")
    if key and hmac.compare_digest(headers.get("shop-edge", "").encode(), key.encode()):
        return headers.get("shop-viewer", "")
    return str(event["requestContext"]["http"].get("sourceIp") or "")


_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def request_id_from(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The id that log lines and the answer carry: the caller's, where it is a sensible one."""
    sent = headers.get("request-id", "")
    if _REQUEST_ID.fullmatch(sent):
        return sent
    return str(event["requestContext"]["requestId"])


def raw_body(event: Mapping[str, Any], limit: int = BODY_LIMIT) -> bytes:
    """The exact bytes of the body. Raises :class:`Invalid` or :class:`TooLarge`."""
    text = event.get("body") or ""
    if len(text) > limit * 4 // 3 + 4:
        raise _too_large(limit)
    try:
        encoded = event.get("isBase64Encoded")
        raw = base64.b64decode(text, validate=True) if encoded else text.encode()
    except ValueError:
        raise InvalidRequest("the body is not readable", code="body_unreadable", path="$") from None
    if len(raw) > limit:
        raise _too_large(limit)
    if not encoded and _lost_bytes(event, text, len(raw)):
        message = (
            "the body holds bytes that are not UTF-8, and they were lost on their way here; "
            "send UTF-8, or a file under a Content-Type that is not text"
        )
        raise InvalidRequest(message, code="text_invalid", path="$")
    return raw


def _lost_bytes(event: Mapping[str, Any], text: str, size: int) -> bool:
    """Whether a U+FFFD came into the body on its way: then it has not the length that was sent.

    Nothing promises what a gateway makes of bytes in a text type that are no text. A U+FFFD that
    was sent as one is a character like any other.
    """
    if "\ufffd" not in text:
        return False
    sent = headers_from(event).get("content-length", "")
    return sent.isdecimal() and int(sent[:20]) != size


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is too large: {limit} bytes are read at most", path="$")


def _arrived(event: Mapping[str, Any], headers: Mapping[str, str], limit: int) -> Request[Any]:
    raw = raw_body(event, limit)
    http = event["requestContext"]["http"]
    caller = authenticate(event)
    key = headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            "an idempotency key has 1 to 255 printable ASCII characters",
            code="idempotency_key_invalid",
            path="Idempotency-Key",
        )
    # An HTTP API undoes every escape of a path but this one.
    path = {n: v.replace("%25", "%") for n, v in (event.get("pathParameters") or {}).items()}
    for name, value in path.items():
        if not (1 <= len(value) <= 128 and value.isprintable()):
            raise NotFound(f"there is nothing under this {name}", path=name)
    method, url = http["method"], event.get("rawPath") or http["path"]
    return Request(
        body=None,
        path=path,
        query=dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
        headers=headers,
        caller=caller,
        received_at=datetime.now(UTC),
        raw_body=raw,
        idempotency_key=key,
        fingerprint=ucp.payload_hash(method, url, raw),
        method=method,
        url=url,
        source_ip=source_address(event, headers),
    )


def _read(
    shape: "type[BaseModel] | None", raw: bytes, headers: Mapping[str, str], optional: bool
) -> "BaseModel | None":
    if shape is None:
        return None
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if raw and kind != "application/json":
        raise InvalidRequest(
            "send the body as JSON, with Content-Type: application/json",
            code="content_type_unsupported",
            path="Content-Type",
        )
    return parse_body(shape, b"{}" if optional and not raw.strip() else raw)


# ----------------------------------------------------------------------------------- answering


def http_status(refusal: type[ShopError]) -> int:
    """The HTTP status of a class of refusal: that of its nearest listed ancestor."""
    for ancestor in refusal.__mro__:
        if ancestor in HTTP_STATUS_BY_ERROR:
            return HTTP_STATUS_BY_ERROR[ancestor]
    raise LookupError(f"{refusal.__name__} has no status")


def cacheable(request: Request[Any], body: Any, *, seconds: int) -> Response:
    """An answer anybody may keep, with ``Cache-Control`` and ``ETag``; 304 where it is known."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": f"public, max-age={seconds}", "ETag": tag}
    known = request.headers.get("if-none-match", "").split(",")
    if {tag, "*"} & {one.strip().removeprefix("W/") for one in known}:
        return Response(None, 304, headers)
    return Response(body, 200, headers)


def _answered(
    answer: Any, status: int, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    headers: Mapping[str, str] = {}
    if isinstance(answer, Response):
        status, headers, answer = answer.status, answer.headers, answer.body
    if hasattr(answer, "model_dump"):
        answer = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    if capability is not None and isinstance(answer, Mapping):
        message = ucp.envelope(negotiated, capability, answer.get("ucp"))
        answer = {
            **ucp.strip_unsupported_extensions(answer, negotiated, capability),
            "ucp": message,
        }
    return respond(status, answer, headers)


def _refused(
    error: ShopError, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    status = http_status(type(error))
    log.info("refused", extra={"code": error.code, "status": status})
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shop"'
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "retry_after", 5))
    if capability is not None:
        message = ucp.error_body(error, negotiated, capability)
        return respond(ucp.ucp_http_status(error, status), message, headers)
    body = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "code": error.code,
        "detail": error.detail,
        "errors": [
            {"code": p.code, "detail": p.detail, **({"path": p.path} if p.path else {})}
            for p in error.problems
        ],
    }
    return respond(status, body, {"Content-Type": "application/problem+json", **headers})


def _fault(capability: str | None, negotiated: ucp.Negotiated) -> dict[str, Any]:
    if capability is not None:
        return respond(500, ucp.fault_body(negotiated, capability))
    body = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "fault"}
    return respond(500, body, {"Content-Type": "application/problem+json"})


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Write an answer as API Gateway wants it. Nothing is to be kept unless ``headers`` say so."""
    names = {name.lower() for name in headers or ()}
    message = {name: value for name, value in _HEADERS.items() if name.lower() not in names}
    message.update(headers or {})
    encoded = isinstance(body, bytes)
    if isinstance(body, bytes):
        text = base64.b64encode(body).decode("ascii")
    elif body is None:
        text = ""
    elif isinstance(body, str) and "content-type" in names:
        text = body
    else:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return {"statusCode": status, "headers": message, "body": text, "isBase64Encoded": encoded}


_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
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


def required_setting(name: str) -> str:
    """A setting that must be there: a missing one stops the cold start, with its name."""
    return os.environ[name]
