"""Adapter for HTTP endpoints: an API Gateway event in, a response out, every error mapped.

A handler function takes one :class:`Request`. This module parses the event, authenticates the
caller and turns errors into responses: a UCP error response on a route of a UCP capability,
``application/problem+json`` (RFC 9457) on any other. An exception that is no domain error is a
fault of the application: it is logged with its stack trace and answered with 500.
"""

import base64
import hmac
import json
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from aws_lambda_powertools import Logger

from shop.entrypoints import ucp
from shop.entrypoints.authorization import Caller, authenticate
from shop.entrypoints.fault_mapping import (
    as_unavailable,
    http_status,
    log_fields,
    problem_document,
)
from shop.entrypoints.request_body import (
    BODY_LIMIT,
    parse_body,
    query_from,
    raw_body,
    validate_body,
)
from shop.kernel.errors import InvalidRequest, NotFound, ShopError
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotentRequest

if TYPE_CHECKING:
    from pydantic import BaseModel  # a handler without schemas starts without pydantic

__all__ = [
    "BODY_LIMIT",
    "Caller",
    "LambdaHandler",
    "Request",
    "Response",
    "endpoint",
    "log",
    "parse_body",
    "raise_if_disabled",
    "required_setting",
    "validate_body",
]

log = Logger()

Body = TypeVar("Body")


@frozen(slots=False)
class Request(Generic[Body]):
    """A parsed and authenticated request.

    ``caller.customer`` is the id of the signed-in customer or ``None``. ``received_at`` is the only
    instant (UTC) that the request uses. ``raw_body`` are the exact bytes, for signatures.
    """

    body: Body
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name. API Gateway joins the values of a repeated header with commas."""
    caller: Caller
    received_at: datetime
    raw_body: bytes = b""
    idempotency_key: str | None = None
    fingerprint: str = ""
    """SHA-256 of method, path and body, to detect a reused key with a different request."""
    source_ip: str = ""
    negotiated: ucp.Negotiated = field(default_factory=ucp.Negotiated)
    method: str = ""
    url: str = ""
    """The path as requested, with its ids."""

    @property
    def required_idempotency_key(self) -> str:
        """The idempotency key. Raises :class:`InvalidRequest` if the request has none."""
        if self.idempotency_key is None:
            raise InvalidRequest(
                "This request needs an Idempotency-Key header, so that a retry is safe.",
                code="idempotency_key_missing",
                path="Idempotency-Key",
            )
        return self.idempotency_key

    @property
    def channel(self) -> str:
        """The channel that the client states. Raises InvalidRequest for an unknown one."""
        if self.negotiated.platform:
            return "agent"
        channel = self.headers.get("shop-channel", "").strip(" \t").lower() or "web"
        if channel not in ("web", "app"):
            detail = "Shop-Channel must be web or app. A platform sends UCP-Agent instead."
            raise InvalidRequest(detail, code="channel_unknown", path="Shop-Channel")
        return channel

    @property
    def idempotent(self) -> IdempotentRequest:
        """This request with its scoped idempotency key.

        Raises :class:`InvalidRequest` without an idempotency key.
        """
        guest_ip = self.source_ip if self.caller.customer is None else None
        key = ucp.scoped_key(
            self.required_idempotency_key, self.method, self.url, self.negotiated.platform, guest_ip
        )
        return IdempotentRequest(self.caller.owner, key, self.fingerprint, self.received_at)


@frozen(slots=False)
class Response:
    """A response with its own status or headers, or with a body that is not JSON.

    A ``str`` or ``bytes`` body is sent unchanged if ``headers`` contain a Content-Type.
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
    """Decorate a handler function of an HTTP endpoint.

    ``body`` is the schema of the JSON body; with ``optional``, an absent body counts as ``{}``.
    ``capability`` is the UCP capability of the response, whose envelope is added here. ``status``
    is the status of a successful response, ``body_limit`` the maximum size of a body in bytes.

    The handler function returns a pydantic model, a mapping or a :class:`Response`. Members under
    ``ucp`` in its payload (``payment_handlers`` of a checkout, ``status`` of an error) override
    those of the envelope.
    """

    def decorate(function: HandlerFunction) -> LambdaHandler:
        @log.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            headers = headers_from(event)
            request_id = request_id_from(event, headers)
            log.set_correlation_id(request_id)
            negotiated = ucp.Negotiated()
            try:
                request = _request_from(event, headers, body_limit)
                # Before the body: an old platform gets version_unsupported, not unknown fields.
                if capability is not None:
                    negotiated = ucp.negotiate_capabilities(headers.get("ucp-agent"), capability)
                # After authentication and before any read or write of the handler function.
                raise_if_disabled()
                parsed = _parse_body(body, request.raw_body, headers, optional)
                request = replace(request, body=parsed, negotiated=negotiated)
                response = _success_response(function(request), status, capability, negotiated)
            except ShopError as error:
                response = _error_response(error, capability, negotiated)
            except Exception as error:
                response = _fault_response(error, capability, negotiated)
            response["headers"]["Request-Id"] = request_id
            return response

        return handler

    return decorate


def raise_if_disabled() -> None:
    """Raise :class:`~shop.kernel.kill_switches.FeatureDisabled` if a switch of the handler is off.

    The states are cached in memory, so a request reads nothing.
    """
    switches = os.environ.get("SWITCHES")
    if switches:
        from shop.storage.kill_switches import (
            switch_cache,  # lazy: only some handlers have switches
        )

        switch_cache().states().raise_if_disabled(switches.split(","))


# ------------------------------------------------------------------------------------- requests


def headers_from(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request by lower-case name."""
    headers = event.get("headers") or {}
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def source_address(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Return the IP address of the client.

    A request through CloudFront comes from one of its shared addresses. CloudFront therefore sends
    the client's address, with a key that only CloudFront knows. Without the key the header is
    ignored: API Gateway is reachable by anyone, and a client must not choose its address.
    """
    key = os.environ.get("EDGE_KEY", "")
    if key and hmac.compare_digest(headers.get("shop-edge", "").encode(), key.encode()):
        return headers.get("shop-viewer", "")
    return str(event["requestContext"]["http"].get("sourceIp") or "")


_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def request_id_from(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Return the id for log lines and the response: the caller's if valid, else API Gateway's."""
    request_id = headers.get("request-id", "")
    if _REQUEST_ID.fullmatch(request_id):
        return request_id
    return str(event["requestContext"]["requestId"])


def _request_from(event: Mapping[str, Any], headers: Mapping[str, str], limit: int) -> Request[Any]:
    """Return the request without its parsed body. Raises the errors of everything but the body."""
    raw = raw_body(event, limit)
    http = event["requestContext"]["http"]
    caller = authenticate(event)
    key = headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            "The idempotency key must have 1 to 255 printable ASCII characters.",
            code="idempotency_key_invalid",
            path="Idempotency-Key",
        )
    # An HTTP API decodes every escape sequence of a path except this one.
    path = {
        n: _pasted(v.replace("%25", "%")) for n, v in (event.get("pathParameters") or {}).items()
    }
    for name, value in path.items():
        # No id of the application has such a form: the same 404 as for an unknown id.
        if not (1 <= len(value) <= 128 and value.isprintable()):
            raise NotFound(f"No object has this {name}. Check it.", path=name)
    method, url = http["method"], event.get("rawPath") or http["path"]
    return Request(
        body=None,
        path=path,
        query=query_from(event),
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


def _pasted(value: str) -> str:
    """Return a value of a path without the invisible characters and blanks of a pasted text.

    Control characters stay: no id has them.
    """
    if value.isprintable():
        return value
    from shop.kernel.text_folding import clean  # lazy: few requests have such a path

    is_text = all(c.isprintable() or unicodedata.category(c) in ("Cf", "Zs") for c in value)
    return clean(value) if is_text else value


def _parse_body(
    schema: "type[BaseModel] | None", raw: bytes, headers: Mapping[str, str], optional: bool
) -> "BaseModel | None":
    if schema is None:
        return None
    media_type = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if raw and media_type != "application/json":
        raise InvalidRequest(
            "Send the body as JSON, with Content-Type: application/json.",
            code="content_type_unsupported",
            path="Content-Type",
        )
    return parse_body(schema, b"{}" if optional and not raw.strip() else raw)


# ------------------------------------------------------------------------------------ responses


def _success_response(
    result: Any, status: int, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    headers: Mapping[str, str] = {}
    if isinstance(result, Response):
        status, headers, result = result.status, result.headers, result.body
    # Duck typing: isinstance() would import pydantic into handlers without schemas.
    if hasattr(result, "model_dump"):
        result = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    if capability is not None and isinstance(result, Mapping):
        envelope = ucp.envelope(negotiated, capability, result.get("ucp"))
        result = {
            **ucp.strip_unsupported_extensions(result, negotiated, capability),
            "ucp": envelope,
        }
    return respond(status, result, headers)


def _error_response(
    error: ShopError, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    status = http_status(type(error))
    log.info("rejected", extra={"code": error.code, "status": status})
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shop"'
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "retry_after_seconds", 5))
    if capability is not None:
        payload = ucp.error_body(error, negotiated, capability)
        return respond(ucp.ucp_http_status(error, status), payload, headers)
    body = problem_document(error, status)
    return respond(status, body, {"Content-Type": "application/problem+json", **headers})


def _fault_response(
    error: Exception, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    """Log a fault and return 503 if it is transient, else 500 without a detail of the fault."""
    unavailable = as_unavailable(error)
    log.error("dependency unavailable" if unavailable else "unexpected", extra=log_fields(error))
    if unavailable:
        return _error_response(unavailable, capability, negotiated)
    if capability is not None:
        return respond(500, ucp.fault_body(negotiated, capability))
    body = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "code": "fault",
        "detail": "An internal error occurred. It has been logged.",
    }
    return respond(500, body, {"Content-Type": "application/problem+json"})


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a response for API Gateway. It is not cacheable unless ``headers`` allow it."""
    names = {name.lower() for name in headers or ()}
    all_headers = {name: value for name, value in _HEADERS.items() if name.lower() not in names}
    all_headers.update(headers or {})
    if isinstance(body, bytes):
        text = base64.b64encode(body).decode("ascii")
    elif body is None:
        text = ""
    elif isinstance(body, str) and "content-type" in names:
        text = body
    else:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return {
        "statusCode": status,
        "headers": all_headers,
        "body": text,
        "isBase64Encoded": isinstance(body, bytes),
    }


_HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def required_setting(name: str) -> str:
    """Return an environment variable; if it is missing, the cold start fails with its name."""
    return os.environ[name]
