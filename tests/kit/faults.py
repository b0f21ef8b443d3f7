"""Injection of faults into calls from the shop to AWS.

:class:`FaultInjector` takes the place of botocore's HTTP session. It therefore sees the calls of
boto3 and PynamoDB, and each of the SDK's attempts has a number of its own. Only the thread that
entered it is affected.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from unittest.mock import patch

import botocore.endpoint
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota


class Crash(BaseException):
    """The process is killed here. Not an ``Exception``, because no code catches a kill."""


class Fault(StrEnum):
    """One way in which a call fails."""

    CRASH_BEFORE = "crash before"
    """The process dies before it sends the call."""
    CRASH_AFTER = "crash after"
    """The call succeeds; the process dies before it receives the response."""
    RESPONSE_LOST = "response lost"
    """The call succeeds, its response is lost, and the SDK retries."""
    DISCONNECTED = "disconnected"
    """The call succeeds, its response is lost, and every later call of the process fails."""
    UNREACHABLE = "unreachable"
    """This call and every later one fail without reaching AWS."""
    THROTTLED = "throttled"
    """The call is throttled once, and the SDK retries."""
    ALWAYS_THROTTLED = "always throttled"
    """All attempts of this call are throttled; other calls succeed."""
    CONFLICT = "conflict"
    """Cancelled because another transaction holds an item; the SDK does not retry."""
    LATE = "late"
    """The call times out, the SDK retries, and the first attempt arrives afterwards."""


READ_FAULTS = (
    Fault.CRASH_BEFORE,
    Fault.RESPONSE_LOST,
    Fault.UNREACHABLE,
    Fault.THROTTLED,
    Fault.ALWAYS_THROTTLED,
)
WRITE_FAULTS = tuple(fault for fault in Fault if fault is not Fault.CONFLICT)
_READS = ("Get", "BatchGet", "Query", "Scan", "List", "Describe", "Receive")


@dataclass(frozen=True)
class Call:
    """One attempt of a call. ``number`` counts from 0 since the injector was entered."""

    number: int
    service: str
    operation: str
    resources: tuple[str, ...] = ()
    """Its tables or its queue, in order; a transaction names a table per item."""

    @property
    def reads(self) -> bool:
        return self.operation.startswith(_READS)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults that can happen to this kind of call.

        A read whose response never arrives equals one that was never sent.
        """
        if self.reads:
            return READ_FAULTS
        if self.service.startswith("DynamoDB"):
            return (*WRITE_FAULTS, Fault.CONFLICT)
        return WRITE_FAULTS

    def __str__(self) -> str:
        return f"{self.number}:{self.operation}({'+'.join(self.resources)})"


Send = Callable[[], AWSResponse]
ConcurrentAction = Callable[[Call], None]
"""Action of another process before this call is sent."""


@dataclass
class FaultInjector:
    """Sends a thread's calls to AWS, and injects faults.

    ``plan`` maps attempt numbers to faults. A fault that cannot happen to its attempt happens to
    the next possible one. ``concurrent`` maps attempt numbers to actions of another process, which
    run without faults while this process waits. :meth:`deliver_late_calls` delivers late attempts.
    """

    plan: Mapping[int, Fault] = field(default_factory=dict)
    concurrent: Mapping[int, ConcurrentAction] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    applied: list[tuple[Call, Fault]] = field(default_factory=list)
    """Faults that took effect."""
    _late: list[Send] = field(default_factory=list)
    _due: list[Fault] = field(default_factory=list)
    _disconnected: bool = False
    _throttled: str | None = None

    def __enter__(self) -> "FaultInjector":
        _stack().append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _stack().remove(self)

    def deliver_late_calls(self) -> None:
        """Deliver the attempts that were late."""
        late, self._late = self._late, []
        with without_faults():
            for send in late:
                send()

    def reconnect(self) -> None:
        """Restore the network, as for a new process."""
        self._disconnected, self._throttled = False, None

    def send(self, request: Any, forward: Send) -> AWSResponse:
        """Send one attempt to AWS, or let it fail."""
        call = _parse_call(len(self.calls), request)
        self.calls.append(call)
        if call.number in self.concurrent:
            with without_faults():
                self.concurrent[call.number](call)
        if call.number in self.plan:
            self._due.append(self.plan[call.number])
        # A fault due while the network is down waits for the next call that gets through.
        if self._disconnected:
            raise EndpointConnectionError(endpoint_url=request.url)
        fault = next((each for each in self._due if each in call.faults), None)
        if fault is not None:
            self._due.remove(fault)
            self.applied.append((call, fault))
        if self._throttled == _identity(request):
            return _error_response(request.url, call, Fault.THROTTLED)
        self._throttled = None
        if fault is None:
            return forward()
        return self._fail(fault, call, request, forward)

    def _fail(self, fault: Fault, call: Call, request: Any, forward: Send) -> AWSResponse:
        match fault:
            case Fault.CRASH_BEFORE:
                raise Crash(str(call))
            case Fault.CRASH_AFTER:
                forward()
                raise Crash(str(call))
            case Fault.RESPONSE_LOST:
                forward()
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.DISCONNECTED:
                forward()
                self._disconnected = True
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.UNREACHABLE:
                self._disconnected = True
                raise EndpointConnectionError(endpoint_url=request.url)
            case Fault.LATE:
                self._late.append(forward)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.ALWAYS_THROTTLED:
                self._throttled = _identity(request)
                return _error_response(request.url, call, Fault.THROTTLED)
            case Fault.THROTTLED | Fault.CONFLICT:
                return _error_response(request.url, call, fault)


@contextmanager
def without_faults() -> Iterator[None]:
    """Make calls as another process: they are neither counted nor disturbed."""
    stack = _stack()
    hidden, stack[:] = list(stack), []
    try:
        yield
    finally:
        stack[:] = hidden


class Double(Protocol):
    """A service simulated in this process. Faults apply to its calls as to all others."""

    def __call__(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Run the operation; return the HTTP status and the JSON response."""


@contextmanager
def fault_injection(doubles: Mapping[str, Double] | None = None) -> Iterator[None]:
    """Enable :class:`FaultInjector` in this process.

    ``doubles`` are keyed by the service name in the target header, or by the start of a REST path.
    Under an injector, the SDK does not pause between attempts, and its retry quota is unlimited.
    """
    send = URLLib3Session.send
    acquire = RetryQuota.acquire
    known = doubles or {}

    def send_through_injector(session: URLLib3Session, request: Any) -> AWSResponse:
        stack = _stack()
        service, operation = _target(request)
        double = known.get(service)

        def respond() -> AWSResponse:
            if double is None:
                return send(session, request)
            status, body = double(operation, _body(request))
            return _response(request.url, status, body)

        return stack[-1].send(request, respond) if stack else respond()

    class FakeTime:
        @staticmethod
        def sleep(seconds: float) -> None:
            if not _stack():
                time.sleep(seconds)

    def always_granted(quota: RetryQuota, amount: int) -> bool:
        return True if _stack() else bool(acquire(quota, amount))

    with (
        patch.object(URLLib3Session, "send", send_through_injector),
        patch.object(botocore.endpoint, "time", FakeTime),
        patch.object(RetryQuota, "acquire", always_granted),
    ):
        yield


_thread = threading.local()


def _stack() -> list[FaultInjector]:
    if not hasattr(_thread, "stack"):
        _thread.stack = []
    stack: list[FaultInjector] = _thread.stack
    return stack


def _identity(request: Any) -> str:
    """Identify a call: the same for all its attempts."""
    return f"{_header(request, 'X-Amz-Target')}\n{request.url}\n{_text(request.body)}"


def _parse_call(number: int, request: Any) -> Call:
    service, operation = _target(request)
    return Call(number, service, operation, tuple(_resources(_body(request))))


def _target(request: Any) -> tuple[str, str]:
    """Return service and operation, from the target header or from a REST method and path."""
    service, _, operation = _header(request, "X-Amz-Target").rpartition(".")
    if service:
        return service, operation
    path = request.url.split("/", 3)[-1].partition("?")[0]
    return path.partition("/")[2].partition("/")[0], f"{request.method} {path}"


def _body(request: Any) -> dict[str, Any]:
    try:
        body = json.loads(_text(request.body) or "{}")
    except ValueError:
        return {}  # a binary body, of S3 for example, names no table
    return body if isinstance(body, dict) else {}


def _resources(body: Mapping[str, Any]) -> Iterator[str]:
    if "TableName" in body:
        yield str(body["TableName"])
    if "QueueUrl" in body:
        yield str(body["QueueUrl"]).rsplit("/", 1)[-1]
    if isinstance(body.get("RequestItems"), dict):
        yield from body["RequestItems"]
    for item in body.get("TransactItems", ()):
        for action in item.values():
            yield str(action["TableName"])


def _header(request: Any, name: str) -> str:
    value = request.headers.get(name) or ""
    return value.decode() if isinstance(value, bytes) else str(value)


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body or "")


def _error_response(url: str, call: Call, fault: Fault) -> AWSResponse:
    """Return AWS's error response for a throttled or conflicting call."""
    details: dict[str, Any] = {}
    if fault is Fault.THROTTLED:
        kind = "ThrottlingException"
    elif call.operation == "TransactWriteItems":
        conflict = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        kind = "TransactionCanceledException"
        others = [{"Code": "None"} for _ in call.resources[1:]]
        details = {"CancellationReasons": [conflict, *others]}
    else:
        kind = "TransactionConflictException"
    body = {"__type": f"{call.service}#{kind}", "message": f"{kind} (injected)", **details}
    return _response(url, 400, body)


def _response(url: str, status: int, body: Mapping[str, Any]) -> AWSResponse:
    headers = HTTPHeaders.from_dict(
        {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "double"}
    )
    return AWSResponse(url, status, headers, _Content(json.dumps(body).encode()))


class _Content:
    """The stream that :class:`AWSResponse` reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content
