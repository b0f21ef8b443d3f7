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

from shop.edge import ucp
from shop.edge.access import Caller, caller_of
from shop.edge.body import parse, shaped
from shop.edge.faults import supplier_down, told
from shop.kernel.errors import (
    Conflict,
    DependencyFailed,
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import Ask

if TYPE_CHECKING:
    from pydantic import BaseModel  # a door without shapes does without pydantic

__all__ = [
    "BODY_LIMIT",
    "STATUS_OF",
    "Answer",
    "Caller",
    "Handler",
    "Request",
    "cacheable",
    "endpoint",
    "log",
    "obey",
    "parse",
    "setting",
    "shaped",
    "status_of",
]

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
    at: datetime
    raw: bytes = b""
    idempotency_key: str | None = None
    fingerprint: str = ""
    """SHA-256 of method, path and body: tells whether a reused key came with the same request."""
    source_ip: str = ""
    negotiated: ucp.Negotiated = field(default_factory=ucp.Negotiated)
    method: str = ""
    url: str = ""
    """The path as it was asked for, with its ids in it."""

    @property
    def key(self) -> str:
        """The idempotency key of a route that demands one."""
        if self.idempotency_key is None:
            raise Invalid(
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
        said = self.headers.get("shop-channel", "").strip().lower()
        return said if said in ("web", "app") else "web"

    @property
    def ask(self) -> Ask:
        """This request as something to be done once. Raises Invalid without an idempotency key."""
        guest_at = self.source_ip if self.caller.customer is None else None
        key = ucp.scoped_key(self.key, self.method, self.url, self.negotiated.platform, guest_at)
        return Ask(self.caller.owner, key, self.fingerprint, self.at)


@frozen(slots=False)
class Answer:
    """An answer with more to say than its body: a status, headers, or a body that is not JSON.

    A ``str`` or ``bytes`` body goes out as it is when ``headers`` name a Content-Type for it.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Door = Callable[[Request[Any]], Any]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def endpoint(
    body: "type[BaseModel] | None" = None,
    *,
    optional: bool = False,
    capability: str | None = None,
    status: int = 200,
    body_limit: int = BODY_LIMIT,
) -> Callable[[Door], Handler]:
    """Hang a door in its frame.

    ``body`` is the pydantic class that the JSON body must fit, with ``optional`` no body is as
    good as an empty object; ``capability`` the UCP capability
    the answer speaks for (the envelope is added here, the door returns the payload); ``status``
    the status of the ordinary answer; ``body_limit`` the bytes of a body that are read. A door
    returns a pydantic model, a mapping, or an :class:`Answer`. What a UCP payload itself holds
    under ``ucp`` (the ``payment_handlers`` of a checkout, a ``status`` of ``error``) is laid over
    the envelope.
    """

    def hang(door: Door) -> Handler:
        @log.inject_lambda_context(clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            headers = headers_of(event)
            request_id = request_id_of(event, headers)
            log.set_correlation_id(request_id)
            negotiated = ucp.Negotiated()
            try:
                request = _arrived(event, headers, body_limit)
                if capability is not None:
                    negotiated = ucp.negotiate(headers.get("ucp-agent"), capability)
                obey()
                read = _read(body, request.raw, headers, optional)
                request = replace(request, body=read, negotiated=negotiated)
                answer = _answered(door(request), status, capability, negotiated)
            except Refusal as refusal:
                answer = _refused(refusal, capability, negotiated)
            except Exception as error:
                down = supplier_down(error)
                log.error("supplier down" if down else "unexpected", extra=told(error))
                if down:
                    answer = _refused(down, capability, negotiated)
                else:
                    answer = _fault(capability, negotiated)
            answer["headers"]["Request-Id"] = request_id
            return answer

        return handler

    return hang


def obey() -> None:
    """Refuse what staff switched off, before anything is read or written for it.

    Raises :class:`~shop.kernel.switches.SwitchedOff`. Costs no read: the board is in memory.
    """
    switches = os.environ.get("SWITCHES")
    if switches:
        from shop.storage.switchboard import switchboard  # only doors with a switch have the table

        switchboard().board().obey(switches.split(","))


# ------------------------------------------------------------------------------------- reading


def headers_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers by lower-case name."""
    sent = event.get("headers") or {}
    return {str(name).lower(): value for name, value in sent.items() if isinstance(value, str)}


def address_of(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The address that asks. A request that the CDN passes on comes from the CDN's own, which many
    share and which changes, so the CDN names its viewer, and shows a key that it alone knows: the
    API's own address stays open to everybody, and nobody may name themselves there.
    """
    key = os.environ.get("EDGE_KEY", "")
    if key and hmac.compare_digest(headers.get("shop-edge", "").encode(), key.encode()):
        return headers.get("shop-viewer", "")
    return str(event["requestContext"]["http"].get("sourceIp") or "")


_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def request_id_of(event: Mapping[str, Any], headers: Mapping[str, str]) -> str:
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
        raise Invalid("the body is not readable", code="body_unreadable", path="$") from None
    if len(raw) > limit:
        raise _too_large(limit)
    if not encoded and _lost_bytes(event, text, len(raw)):
        said = (
            "the body holds bytes that are not UTF-8, and they were lost on their way here; "
            "send UTF-8, or a file under a Content-Type that is not text"
        )
        raise Invalid(said, code="text_invalid", path="$")
    return raw


def _lost_bytes(event: Mapping[str, Any], text: str, size: int) -> bool:
    """Whether a U+FFFD came into the body on its way: then it has not the length that was sent.

    Nothing promises what a gateway makes of bytes in a text type that are no text. A U+FFFD that
    was sent as one is a character like any other.
    """
    if "\ufffd" not in text:
        return False
    sent = headers_of(event).get("content-length", "")
    return sent.isdecimal() and int(sent[:20]) != size


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is too large: {limit} bytes are read at most", path="$")


def _arrived(event: Mapping[str, Any], headers: Mapping[str, str], limit: int) -> Request[Any]:
    raw = raw_body(event, limit)
    http = event["requestContext"]["http"]
    caller = caller_of(event)
    key = headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Invalid(
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
        at=datetime.now(UTC),
        raw=raw,
        idempotency_key=key,
        fingerprint=ucp.fingerprint(method, url, raw),
        method=method,
        url=url,
        source_ip=address_of(event, headers),
    )


def _read(
    shape: "type[BaseModel] | None", raw: bytes, headers: Mapping[str, str], optional: bool
) -> "BaseModel | None":
    if shape is None:
        return None
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if raw and kind != "application/json":
        raise Invalid(
            "send the body as JSON, with Content-Type: application/json",
            code="content_type_unsupported",
            path="Content-Type",
        )
    return parse(shape, b"{}" if optional and not raw.strip() else raw)


# ----------------------------------------------------------------------------------- answering


def status_of(refusal: type[Refusal]) -> int:
    """The HTTP status of a class of refusal: that of its nearest listed ancestor."""
    for ancestor in refusal.__mro__:
        if ancestor in STATUS_OF:
            return STATUS_OF[ancestor]
    raise LookupError(f"{refusal.__name__} has no status")


def cacheable(request: Request[Any], body: Any, *, seconds: int) -> Answer:
    """An answer anybody may keep, with ``Cache-Control`` and ``ETag``; 304 where it is known."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": f"public, max-age={seconds}", "ETag": tag}
    known = request.headers.get("if-none-match", "").split(",")
    if {tag, "*"} & {one.strip().removeprefix("W/") for one in known}:
        return Answer(None, 304, headers)
    return Answer(body, 200, headers)


def _answered(
    answer: Any, status: int, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    headers: Mapping[str, str] = {}
    if isinstance(answer, Answer):
        status, headers, answer = answer.status, answer.headers, answer.body
    if hasattr(answer, "model_dump"):
        answer = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    if capability is not None and isinstance(answer, Mapping):
        said = ucp.envelope(negotiated, capability, answer.get("ucp"))
        answer = {**ucp.spoken(answer, negotiated, capability), "ucp": said}
    return respond(status, answer, headers)


def _refused(
    refusal: Refusal, capability: str | None, negotiated: ucp.Negotiated
) -> dict[str, Any]:
    status = status_of(type(refusal))
    log.info("refused", extra={"code": refusal.code, "status": status})
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shop"'
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(refusal, "retry_after", 5))
    if capability is not None:
        said = ucp.refusal_body(refusal, negotiated, capability)
        return respond(ucp.status_for(refusal, status), said, headers)
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
    return respond(status, body, {"Content-Type": "application/problem+json", **headers})


def _fault(capability: str | None, negotiated: ucp.Negotiated) -> dict[str, Any]:
    if capability is not None:
        return respond(500, ucp.fault_body(negotiated, capability))
    body = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "fault"}
    return respond(500, body, {"Content-Type": "application/problem+json"})


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Write an answer as API Gateway wants it. Nothing is to be kept unless ``headers`` say so."""
    names = {name.lower() for name in headers or ()}
    said = {name: value for name, value in _HEADERS.items() if name.lower() not in names}
    said.update(headers or {})
    encoded = isinstance(body, bytes)
    if isinstance(body, bytes):
        text = base64.b64encode(body).decode("ascii")
    elif body is None:
        text = ""
    elif isinstance(body, str) and "content-type" in names:
        text = body
    else:
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return {"statusCode": status, "headers": said, "body": text, "isBase64Encoded": encoded}


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


def setting(name: str) -> str:
    """A setting that must be there: a missing one stops the cold start, with its name."""
    return os.environ[name]
