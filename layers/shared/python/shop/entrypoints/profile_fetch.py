"""Fetching a document from a URL that a stranger chose, without server-side request forgery.

A URL is followed only over https and only to addresses of the public internet: without redirects,
within two seconds, up to 128 KiB. The connection goes to the address that was checked, so a name
that resolves differently the second time (DNS rebinding) gains nothing. On a developer's machine
only, the document may also be on the loopback interface.

An error does not help to explore a network. A port that is closed, silent or speaks another
protocol has one text, as has a name that is unknown, without an address or private.
Source: UCP, "Identity & Authentication", section Profile Requirements, Fetching.
"""

import contextlib
import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from shop.kernel.errors import DependencyFailed, InvalidRequest, ShopError, Unprocessable

TIMEOUT_SECONDS = 2.0
"""In total: name resolution, connection, and the last byte."""
MAX_PROFILE_BYTES = 128 * 1024
"""UCP requires at least this limit; documented profiles are below 5 KiB."""
MAX_RESPONSE_BYTES = MAX_PROFILE_BYTES + 16 * 1024
"""The whole response: status line, headers, chunk sizes, document and trailers."""
MIN_CACHE_SECONDS = 60.0
"""A profile is cached at least this long, whatever its Cache-Control header is."""
MAX_CACHE_SECONDS = 3600.0
"""A profile is cached at most this long: withdrawn capabilities take effect within the hour."""
MAX_URL_LENGTH = 2048


class FetchedDocument(NamedTuple):
    """A document and the seconds for which it may be cached."""

    raw: bytes
    max_age: float


def fetch(url: str, *, loopback: bool) -> FetchedDocument:
    """Fetch a document from an untrusted URL.

    ``loopback`` allows the loopback interface, with or without TLS. Raises :class:`InvalidRequest`
    for a URL that is not followed, :class:`DependencyFailed` for a failed request, and
    :class:`Unprocessable` for a document that is too large.
    """
    target = _parse_url(url, loopback=loopback)
    connections: list[http.client.HTTPConnection] = []
    outcome: list[FetchedDocument | BaseException] = []

    def work() -> None:
        try:
            outcome.append(_get(target, loopback=loopback, connections=connections))
        except BaseException as error:  # re-raised by the caller's thread
            outcome.append(error)

    # A thread: nothing else limits name resolution, or a server that sends one byte per second.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(TIMEOUT_SECONDS)
    if not outcome:
        # Closing the socket also ends the thread, which would otherwise wait for the server.
        for connection in connections:
            _shut_down(connection)
        raise _unreachable(_NO_RESPONSE)
    result = outcome[0]
    if isinstance(result, ShopError):
        raise result
    if isinstance(result, (OSError, http.client.HTTPException)):
        # Refused, reset, timed out, no TLS, no HTTP: a difference would show which port is open.
        raise _unreachable(_NO_RESPONSE)
    if isinstance(result, BaseException):
        raise result
    return result


def is_plain_url(url: str) -> bool:
    """Return whether all URL parsers agree on a URL: no spaces, backslashes or non-ASCII."""
    return re.fullmatch(r"[!-\[\]-~]+", url) is not None


def _parse_url(url: str, *, loopback: bool) -> SplitResult:
    if len(url) > MAX_URL_LENGTH or not is_plain_url(url):
        raise _not_followed("it is not a URL")
    try:
        target = urlsplit(url)
        port = target.port
    except ValueError:
        raise _not_followed("it is not a URL") from None
    if target.scheme not in (("https", "http") if loopback else ("https",)):
        raise _not_followed("it must be an https URL")
    if "@" in target.netloc or not target.hostname or port == 0:
        raise _not_followed("its authority must be a host, or a host and a port")
    return target


def _get(
    target: SplitResult, *, loopback: bool, connections: list[http.client.HTTPConnection]
) -> FetchedDocument:
    host = target.hostname or ""
    port = target.port or (443 if target.scheme == "https" else 80)
    addresses = _resolve(host, port)
    is_local = all(address.is_loopback for address in addresses)
    if not (is_local and loopback):
        if target.scheme != "https":
            raise _not_followed("it must be an https URL")
        # All of them: one private address among public ones is enough for an attack.
        if not all(_is_public(address) for address in addresses):
            raise _not_followed(_NOT_PUBLIC)
    connection = _PinnedConnection(target.scheme == "https", host, port, str(addresses[0]))
    connections.append(connection)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        headers = {"Accept": "application/json", "Connection": "close"}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        if not 200 <= response.status < 300:
            raise _unreachable(f"its status is {response.status}")
        # One byte more than allowed, to distinguish the maximum size from a larger document.
        raw = response.read(MAX_PROFILE_BYTES + 1)
        if len(raw) > MAX_PROFILE_BYTES:
            raise malformed_profile(_TOO_LARGE)
        return FetchedDocument(raw, _cache_seconds(response.getheader("Cache-Control", "")))
    finally:
        connection.close()


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _resolve(host: str, port: int) -> list[_Address]:
    try:
        results = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise _unreachable("its host name cannot be resolved at the moment") from None
        raise _not_followed(_NOT_PUBLIC) from None
    except UnicodeError:
        raise _not_followed("its host is not a valid name") from None
    addresses = [ipaddress.ip_address(str(result[4][0]).partition("%")[0]) for result in results]
    if not addresses:
        raise _not_followed(_NOT_PUBLIC)
    return addresses


_UNICAST_IPV6 = ipaddress.ip_network("2000::/3")
"""The one part of IPv6 that IANA assigns to networks of the internet. Outside it are site-local
addresses (fec0::/10), NAT64, and IPv4 addresses in the form of IPv6."""
_SPECIAL = tuple(
    ipaddress.ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments, such as TURN and PCP anycast
        "192.31.196.0/24",  # AS112: answers for private zones
        "192.52.193.0/24",  # multicast tunnels (AMT)
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "192.175.48.0/24",  # AS112
        "2001::/23",  # protocol assignments: Teredo, AMT, AS112, ORCHID, drone ids, benchmarks
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, returned
        "3fff::/20",  # documentation
    )
)
"""Blocks of IANA's special-purpose registries of which Python calls some addresses global:
https://www.iana.org/assignments/iana-ipv4-special-registry
https://www.iana.org/assignments/iana-ipv6-special-registry"""


def _is_public(address: _Address) -> bool:
    """Return whether an address belongs to an ordinary host of the public internet."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST_IPV6:
        return False
    if any(address in block for block in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class _CountedStream(io.RawIOBase):
    """The bytes of a response as they arrive; an error ends a response that is too long."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._left = MAX_RESPONSE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        received = self._stream.readinto(buffer)
        self._left -= received or 0
        if self._left < 0:
            raise malformed_profile(f"{_TOO_LARGE}, with all headers {_MAX_RESPONSE}")
        return received

    def close(self) -> None:
        self._stream.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    """A response whose headers and trailers count too: http.client reads any number of them."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_CountedStream(sock.makefile("rb", buffering=0)))


class _PinnedConnection(http.client.HTTPConnection):
    """A connection to a checked address, whatever its host name resolves to by now."""

    response_class = _LimitedResponse

    def __init__(self, secure: bool, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self._secure = secure
        self._address = address
        self.default_port = 443 if secure else 80

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), timeout=TIMEOUT_SECONDS)
        if self._secure:
            self.sock = _tls_context().wrap_socket(self.sock, server_hostname=self.host)


@lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _shut_down(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):  # the server may have closed it in the meantime
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def _cache_seconds(cache_control: str) -> float:
    """Return the seconds to cache a document; ``s-maxage`` outranks ``max-age`` (RFC 9111)."""
    directives = re.findall(r"(?i)\b(s-maxage|max-age)\s*=\s*\"?([0-9]{1,9})", cache_control)
    ages = {name.lower(): int(seconds) for name, seconds in directives}
    return min(
        max(float(ages.get("s-maxage", ages.get("max-age", 0))), MIN_CACHE_SECONDS),
        MAX_CACHE_SECONDS,
    )


_NO_RESPONSE = (
    f"there is no response within {TIMEOUT_SECONDS:g} seconds, or it is not valid HTTP over TLS"
)
_NOT_PUBLIC = "its host must exist and have public addresses only"
_TOO_LARGE = f"it must be at most {MAX_PROFILE_BYTES // 1024} KiB"
_MAX_RESPONSE = f"{MAX_RESPONSE_BYTES // 1024} KiB"


def _not_followed(reason: str) -> InvalidRequest:
    detail = f"The profile URL in UCP-Agent is not followed: {reason}."
    return InvalidRequest(detail, code="invalid_profile_url", path="UCP-Agent")


def _unreachable(reason: str) -> DependencyFailed:
    detail = f"The platform's profile cannot be fetched: {reason}."
    return DependencyFailed(detail, code="profile_unreachable", path="UCP-Agent")


def malformed_profile(reason: str) -> Unprocessable:
    """Return the error for a profile that was fetched and is not valid."""
    detail = f"The platform's profile is not valid: {reason}."
    return Unprocessable(detail, code="profile_malformed", path="UCP-Agent")
