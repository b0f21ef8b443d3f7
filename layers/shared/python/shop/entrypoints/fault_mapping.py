"""Mapping of errors: domain errors to HTTP, AWS faults to domain errors, faults to log fields."""

import re
import traceback
from collections.abc import Iterator
from typing import Any

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
    UnsupportedMediaType,
)

HTTP_STATUS_BY_ERROR: dict[type[ShopError], int] = {
    InvalidRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    Unprocessable: 422,
    DependencyFailed: 424,
    RateLimited: 429,
    Unavailable: 503,
}


def http_status(error: type[ShopError]) -> int:
    """Return the HTTP status of an error class: that of its nearest listed ancestor.

    Raises ``LookupError`` for a class without one.
    """
    for ancestor in error.__mro__:
        if ancestor in HTTP_STATUS_BY_ERROR:
            return HTTP_STATUS_BY_ERROR[ancestor]
    raise LookupError(f"{error.__name__} has no HTTP status.")


_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    424: "Failed Dependency",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def problem_document(error: ShopError, status: int) -> dict[str, Any]:
    """Return the problem document (RFC 9457) of a domain error, with each of its problems."""
    return {
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


_TRANSIENT_ERROR_CODES = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_CONNECTION_ERRORS = frozenset(
    {"ConnectTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "ReadTimeoutError"}
)
"""Class names of botocore, so that handlers without AWS clients need not import it."""


def as_unavailable(error: BaseException) -> Unavailable | None:
    """Return the domain error for a transient AWS fault, or ``None`` for any other fault.

    A request whose idempotency key cannot be stored is rejected, never processed without it. Either
    nothing was written, or it was written together with its key. Source: UCP, "Replay Protection",
    on storage failure.
    """
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        if code in _TRANSIENT_ERROR_CODES or type(cause).__name__ in _CONNECTION_ERRORS:
            return Unavailable("High demand. Please try again.", code="contention")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    # Causes may form a cycle, so each one is visited once.
    visited: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in visited:
        visited.append(cause)
        yield cause
        chained = getattr(cause, "cause", None)  # PynamoDB has its own attribute for chaining
        if not isinstance(chained, BaseException):
            chained = cause.__cause__ or cause.__context__
        cause = chained


_REDACTIONS = (
    (re.compile(r"input_value=.*?, input_type", re.DOTALL), "input_value=…, input_type"),
    (re.compile(r"[^\s@'\"<>(]{1,64}@[^\s@'\"<>)]+"), "…@…"),
    (re.compile(r"\b(?:Bearer|Basic)\s+\S+", re.IGNORECASE), "Bearer …"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "…"),
    (re.compile(r"\b(?:whsec|sk|rk|tok)_\w+"), "…"),
    (re.compile(r"(?<![\w-])(?!\d{4}-\d\d-\d\d)\+?\d[\d \-()]{6,40}\d"), "…"),
)
"""Request values, email addresses, credentials, tokens, secrets, phone and card numbers."""

MAX_TRACE_LENGTH = 6000
"""Characters of a stack trace that are logged: its end, where the fault is."""


def log_fields(error: BaseException) -> dict[str, Any]:
    """Return the log fields of a fault: its class and its stack trace without personal data."""
    text = "".join(traceback.format_exception(error))
    # Shorten before redacting, so that the patterns run over a bounded text.
    if len(text) > MAX_TRACE_LENGTH:
        text = "…" + text[-MAX_TRACE_LENGTH:].partition(" ")[2]
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return {"fault": type(error).__name__, "trace": text}
