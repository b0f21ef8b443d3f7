"""What is said of a fault in the log, and which faults are a supplier's and pass by themselves."""

import re
import traceback
from collections.abc import Iterator
from typing import Any

from shop.kernel.errors import Unavailable

_BUSY = frozenset(
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
_NO_ANSWER = frozenset(
    {"ConnectTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "ReadTimeoutError"}
)


def as_unavailable(error: BaseException) -> Unavailable | None:
    """The refusal that stands for a fault of AWS's that a retry will find gone, if it is one.

    Where a key cannot be stored the request is refused, not waved through: nothing was written, or
    it was written with its key. Source: UCP, "Replay Protection", on storage failure.
    """
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        if code in _BUSY or type(cause).__name__ in _NO_ANSWER:
            return Unavailable("the shop is very busy; try again in a moment", code="busy")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        inner = getattr(cause, "cause", None)  # PynamoDB's way of chaining
        if not isinstance(inner, BaseException):
            inner = cause.__cause__ or cause.__context__
        cause = inner


_PRIVATE = (
    (re.compile(r"input_value=.*?, input_type", re.DOTALL), "input_value=…, input_type"),
    (re.compile(r"[^\s@'\"<>(]{1,64}@[^\s@'\"<>)]+"), "…@…"),
    (re.compile(r"\b(?:Bearer|Basic)\s+\S+", re.IGNORECASE), "Bearer …"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "…"),
    (re.compile(r"\b(?:whsec|sk|rk|tok)_\w+"), "…"),
    (re.compile(r"(?<![\w-])(?!\d{4}-\d\d-\d\d)\+?\d[\d \-()]{6,40}\d"), "…"),
)


MAX_TRACE_LENGTH = 6000
"""Characters of a trace that are logged: its end, which is where the fault is."""


def log_fields(error: BaseException) -> dict[str, Any]:
    """A fault as members of a log line: its class and trace, what looks personal blotted out."""
    text = "".join(traceback.format_exception(error))
    if len(text) > MAX_TRACE_LENGTH:
        text = "…" + text[-MAX_TRACE_LENGTH:].partition(" ")[2]
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    return {"fault": type(error).__name__, "trace": text}
