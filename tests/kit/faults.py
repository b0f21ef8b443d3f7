"""What can go wrong between the shop and AWS, at a call of one's choosing.

:class:`Wire` stands in for botocore's HTTP session, so it sees boto3 and PynamoDB alike, and every
attempt the SDK makes of a call is a place of its own. Only the thread that entered it is disturbed.
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
    """The process died here. Not an ``Exception``: nobody catches it, as nobody catches a kill."""


class Fault(StrEnum):
    """One way for a call to go wrong."""

    CRASH_BEFORE = "crash before"
    """The process dies before the call leaves it."""
    CRASH_AFTER = "crash after"
    """The call is done; the process dies before it hears so."""
    ANSWER_LOST = "answer lost"
    """The call is done, its answer is lost, and the SDK makes it again."""
    CUT_OFF = "cut off"
    """The call is done, and from then on nothing can be reached: the process goes on and fails."""
    UNREACHABLE = "unreachable"
    """Nothing can be reached from here on."""
    THROTTLED = "throttled"
    """Refused once for the rate; the SDK makes it again."""
    BUSY = "busy"
    """Refused for the rate however often the SDK tries, this call only."""
    CONFLICT = "conflict"
    """Cancelled, since another transaction holds one of the items; the SDK does not try again."""
    LATE = "late"
    """Stuck on its way: the SDK gives it up and makes it again, and then it arrives after all."""


READ_FAULTS = (
    Fault.CRASH_BEFORE,
    Fault.ANSWER_LOST,
    Fault.UNREACHABLE,
    Fault.THROTTLED,
    Fault.BUSY,
)
WRITE_FAULTS = tuple(fault for fault in Fault if fault is not Fault.CONFLICT)
_READS = ("Get", "BatchGet", "Query", "Scan", "List", "Describe", "Receive")


@dataclass(frozen=True)
class Call:
    """One attempt on the wire. ``number`` counts from 0 since the wire was entered."""

    number: int
    service: str
    operation: str
    about: tuple[str, ...] = ()
    """The tables (or the queue) it is about, in order; a transaction names one for each item."""

    @property
    def reads(self) -> bool:
        return self.operation.startswith(_READS)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What can befall this kind of call. Losing a read's answer for good equals not asking."""
        if self.reads:
            return READ_FAULTS
        if self.service.startswith("DynamoDB"):
            return (*WRITE_FAULTS, Fault.CONFLICT)
        return WRITE_FAULTS

    def __str__(self) -> str:
        return f"{self.number}:{self.operation}({'+'.join(self.about)})"


Send = Callable[[], AWSResponse]
Meanwhile = Callable[[Call], None]
"""What somebody else does while this call has not left yet."""


@dataclass
class FaultInjector:
    """The way of a thread to AWS. ``plan`` says which attempts go wrong, and how; a fault that
    cannot befall the attempt of its number strikes the next one that it can befall.

    ``meanwhile`` is run before the attempt of that number, on an undisturbed wire: somebody else
    acts while this process stalls. :meth:`arrive` delivers what was late.
    """

    plan: Mapping[int, Fault] = field(default_factory=dict)
    meanwhile: Mapping[int, Meanwhile] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    struck: list[tuple[Call, Fault]] = field(default_factory=list)
    """The faults that came to pass."""
    _late: list[Send] = field(default_factory=list)
    _due: list[Fault] = field(default_factory=list)
    _dead: bool = False
    _busy: str | None = None

    def __enter__(self) -> "FaultInjector":
        _stack().append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _stack().remove(self)

    def arrive(self) -> None:
        """What was stuck arrives now."""
        late, self._late = self._late, []
        with undisturbed():
            for send in late:
                send()

    def heal(self) -> None:
        """The network is back: another process begins."""
        self._dead, self._busy = False, None

    def carry(self, request: Any, send: Send) -> AWSResponse:
        """Take one attempt to AWS, or not."""
        call = _read(len(self.calls), request)
        self.calls.append(call)
        if call.number in self.meanwhile:
            with undisturbed():
                self.meanwhile[call.number](call)
        if call.number in self.plan:
            self._due.append(self.plan[call.number])
        if self._dead:
            raise EndpointConnectionError(endpoint_url=request.url)
        fault = next((each for each in self._due if each in call.faults), None)
        if fault is not None:
            self._due.remove(fault)
            self.struck.append((call, fault))
        if self._busy == _identity(request):
            return _refused(request.url, call, Fault.THROTTLED)
        self._busy = None
        if fault is None:
            return send()
        return self._gone_wrong(fault, call, request, send)

    def _gone_wrong(self, fault: Fault, call: Call, request: Any, send: Send) -> AWSResponse:
        match fault:
            case Fault.CRASH_BEFORE:
                raise Crash(str(call))
            case Fault.CRASH_AFTER:
                send()
                raise Crash(str(call))
            case Fault.ANSWER_LOST:
                send()
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.CUT_OFF:
                send()
                self._dead = True
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.UNREACHABLE:
                self._dead = True
                raise EndpointConnectionError(endpoint_url=request.url)
            case Fault.LATE:
                self._late.append(send)
                raise ReadTimeoutError(endpoint_url=request.url)
            case Fault.BUSY:
                self._busy = _identity(request)
                return _refused(request.url, call, Fault.THROTTLED)
            case Fault.THROTTLED | Fault.CONFLICT:
                return _refused(request.url, call, fault)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Calls made inside are neither counted nor hindered: they are another process's."""
    stack = _stack()
    hidden, stack[:] = list(stack), []
    try:
        yield
    finally:
        stack[:] = hidden


class Double(Protocol):
    """A service that is answered here instead of at the endpoint; the wire treats it like any."""

    def __call__(self, operation: str, said: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Do what is asked; return the HTTP status and the JSON of the answer."""


@contextmanager
def faulty(doubles: Mapping[str, Double] | None = None) -> Iterator[None]:
    """Wires work while this is entered. The SDK's pauses between attempts are left out on them.

    ``doubles`` are by the service's name in the target header, or by the start of a REST path.
    """
    send = URLLib3Session.send
    acquire = RetryQuota.acquire
    known = doubles or {}

    def through(session: URLLib3Session, request: Any) -> AWSResponse:
        stack = _stack()
        service, operation = _target(request)
        double = known.get(service)

        def carried() -> AWSResponse:
            if double is None:
                return send(session, request)
            status, said = double(operation, _body(request))
            return _answer(request.url, status, said)

        return stack[-1].carry(request, carried) if stack else carried()

    class Clock:
        @staticmethod
        def sleep(seconds: float) -> None:
            if not _stack():
                time.sleep(seconds)

    def granted(quota: RetryQuota, amount: int) -> bool:
        return True if _stack() else bool(acquire(quota, amount))

    with (
        patch.object(URLLib3Session, "send", through),
        patch.object(botocore.endpoint, "time", Clock),
        patch.object(RetryQuota, "acquire", granted),
    ):
        yield


_here = threading.local()


def _stack() -> list[FaultInjector]:
    if not hasattr(_here, "stack"):
        _here.stack = []
    stack: list[FaultInjector] = _here.stack
    return stack


def _identity(request: Any) -> str:
    """The same for every attempt of a call."""
    return f"{_header(request, 'X-Amz-Target')}\n{request.url}\n{_text(request.body)}"


def _read(number: int, request: Any) -> Call:
    service, operation = _target(request)
    return Call(number, service, operation, tuple(_about(_body(request))))


def _target(request: Any) -> tuple[str, str]:
    """Service and operation: from the target header or, of a REST call, from method and path."""
    service, _, operation = _header(request, "X-Amz-Target").rpartition(".")
    if service:
        return service, operation
    path = request.url.split("/", 3)[-1].partition("?")[0]
    return path.partition("/")[2].partition("/")[0], f"{request.method} {path}"


def _body(request: Any) -> dict[str, Any]:
    try:
        read = json.loads(_text(request.body) or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _about(body: Mapping[str, Any]) -> Iterator[str]:
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


def _refused(url: str, call: Call, fault: Fault) -> AWSResponse:
    """What AWS answers when it refuses."""
    if fault is Fault.THROTTLED:
        kind, more = "ThrottlingException", {}
    elif call.operation == "TransactWriteItems":
        held = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
        kind = "TransactionCanceledException"
        more = {"CancellationReasons": [held, *({"Code": "None"} for _ in call.about[1:])]}
    else:
        kind, more = "TransactionConflictException", {}
    said = {"__type": f"{call.service}#{kind}", "message": f"{kind} (injected)", **more}
    return _answer(url, 400, said)


def _answer(url: str, status: int, said: Mapping[str, Any]) -> AWSResponse:
    headers = HTTPHeaders.from_dict(
        {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "double"}
    )
    return AWSResponse(url, status, headers, _Raw(json.dumps(said).encode()))


class _Raw:
    """What :class:`AWSResponse` reads its content from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content
