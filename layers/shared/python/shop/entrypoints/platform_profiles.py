"""A platform's profile: fetched from wherever its agent says, so fetched with care.

The address comes from a stranger. It is only followed over https, to addresses of the public
internet, without redirects, within two seconds and 128 KiB; the address that was checked is the
one that is connected to, so that a name cannot be turned to another address in between. (On a
developer's machine, and only there, a profile may also lie on the loopback interface.)
Source: UCP, "Identity & Authentication", section Profile Requirements, Fetching.
"""

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shop.kernel.errors import DependencyFailed, InvalidRequest, ShopError, Unprocessable

TIMEOUT_SECONDS = 2.0
"""Seconds in all: name look-up, connection, and the last byte."""
MAX_PROFILE_BYTES = 128 * 1024
"""Bytes. UCP asks not to set it lower; documented profiles are below 5 KiB."""
MIN_CACHE_SECONDS = 60.0
"""Seconds a profile is kept at least, whatever its Cache-Control says."""
MAX_CACHE_SECONDS = 3600.0
"""Seconds it is kept at most: a platform that takes a capability back is heard within the hour."""
STALE_IF_ERROR_SECONDS = 600.0
"""Seconds after that for which an unreachable platform is still served by what it said last."""
FAILURE_CACHE_SECONDS = 10.0
"""Seconds for which a failure is remembered, so that a broken platform costs one attempt."""
MAX_CACHED_PROFILES = 128
"""Profiles kept at once, the least recently used goes first: strangers cannot fill the memory."""
MAX_URL_LENGTH = 2048


class PlatformProfile(NamedTuple):
    """What a platform says of itself, as far as it matters here."""

    version: str
    capabilities: Mapping[str, frozenset[str]]
    """Versions by name, of the capabilities that were asked about."""


# --------------------------------------------------------------------- what a profile looks like

_Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Name = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+$"
    ),
]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Entity(_Shape):
    version: _Version
    spec: str
    id: str = ""
    config: dict[str, Any] = Field(default_factory=dict)


class _Service(_Entity):
    transport: Literal["rest", "mcp", "embedded"]
    schema_: str = Field(alias="schema")
    endpoint: str = ""


class _AgentCard(_Entity):
    transport: Literal["a2a"]
    schema_: str = Field("", alias="schema")
    endpoint: str = ""


class _Capability(_Entity):
    schema_: str = Field(alias="schema")
    extends: _Name | Annotated[list[_Name], Field(min_length=1)] = "root.capability"


class _Instrument(_Shape):
    type: str


class _Handler(_Entity):
    id: str
    schema_: str = Field(alias="schema")
    available_instruments: list[_Instrument] = Field([_Instrument(type="any")], min_length=1)


class _Ucp(_Shape):
    version: _Version
    status: Literal["success", "error"] = "success"
    map_order: dict[str, list[str]] = Field(default_factory=dict)
    services: dict[_Name, list[Annotated[_Service | _AgentCard, Field(discriminator="transport")]]]
    capabilities: dict[_Name, list[_Capability]] = Field(default_factory=dict)
    payment_handlers: dict[_Name, list[_Handler]]


class _Key(_Shape):
    """A public key. Kinds that are not known here are let be: they are of no use, and no harm."""

    model_config = ConfigDict(strict=True, extra="allow")
    kid: str
    kty: str

    @model_validator(mode="after")
    def _whole_and_public(self) -> "_Key":
        extra = self.model_extra or {}
        members = set(extra)
        missing = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}.get(self.kty, set()) - members
        if missing:
            raise PydanticCustomError("key", "a key of this type carries more members")
        paired = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}.get(str(extra.get("crv")))
        if paired is not None and extra.get("alg", paired) != paired:
            raise PydanticCustomError("key", "the algorithm is not one of this curve")
        if members & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
            raise PydanticCustomError("key", "it publishes a private key")
        return self


class _Document(_Shape):
    ucp: _Ucp
    keys: list[_Key] = Field(default_factory=list)


def parse_profile(raw: bytes, wanted: Collection[str]) -> PlatformProfile:
    """Read a profile document. Raises :class:`Unprocessable` where it does not fit UCP's schema.

    A capability whose ``schema`` is not served by the owner of its name counts as not there.
    """
    try:
        ucp = _Document.model_validate_json(raw).ucp
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"])[:200] or "the document"
        raise _malformed(f"{path}: {first['msg']}") from None
    return PlatformProfile(
        ucp.version,
        {
            name: frozenset(c.version for c in entries if owns_namespace(name, c.schema_))
            for name, entries in ucp.capabilities.items()
            if name in wanted
        },
    )


def owns_namespace(name: str, schema: str) -> bool:
    """Tell whether a schema's host owns the namespace of a name (UCP, "Authority Binding")."""
    if not _is_plain(schema):
        return False
    try:
        url = urlsplit(schema)
        host = (url.hostname or "").rstrip(".")
    except ValueError:
        return False
    if url.scheme != "https" or "@" in url.netloc or "." not in host or _is_address(host):
        return False
    authority = ".".join(reversed(host.lower().split(".")))
    return name == authority or name.startswith(authority + ".")


def _is_plain(url: str) -> bool:
    """Tell whether all readers of URLs see the same one: no blanks, backslashes, other scripts."""
    return re.fullmatch(r"[!-\[\]-~]+", url) is not None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # What inet_aton takes for an address (0x7f.1, 127.1) ends in a number; a domain does not.
        return re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rsplit(".", 1)[-1].lower()) is not None
    return True


# ------------------------------------------------------------------------------- the way there


class Fetched(NamedTuple):
    """A document and the seconds it may be kept."""

    raw: bytes
    keep: float


def fetch(url: str, *, loopback: bool) -> Fetched:
    """Get a document from a stranger's address.

    ``loopback`` allows the machine itself, with or without TLS. Raises :class:`Invalid` for an
    address that is not followed, :class:`DependencyFailed` for one that does not answer well.
    """
    target = _target(url, loopback=loopback)
    opened: list[http.client.HTTPConnection] = []
    outcome: list[Fetched | BaseException] = []

    def work() -> None:
        try:
            outcome.append(_get(target, loopback=loopback, opened=opened))
        except BaseException as error:
            outcome.append(error)

    # A thread, because nothing else bounds a name look-up or a server that sends a byte a second.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(TIMEOUT_SECONDS)
    if not outcome:
        for connection in opened:
            _hang_up(connection)
        raise _unreachable(f"no answer within {TIMEOUT_SECONDS:g} seconds")
    if isinstance(outcome[0], ShopError):
        raise outcome[0]
    if isinstance(outcome[0], (OSError, http.client.HTTPException)):
        raise _unreachable(type(outcome[0]).__name__)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _target(url: str, *, loopback: bool) -> SplitResult:
    if len(url) > MAX_URL_LENGTH or not _is_plain(url):
        raise _not_followed("it is not a URL")
    try:
        target = urlsplit(url)
        port = target.port
    except ValueError:
        raise _not_followed("it is not a URL") from None
    if target.scheme not in (("https", "http") if loopback else ("https",)):
        raise _not_followed("it must be an https URL")
    if "@" in target.netloc or not target.hostname or port == 0:
        raise _not_followed("it must name a host, and nothing but a host and a port")
    return target


def _get(
    target: SplitResult, *, loopback: bool, opened: list[http.client.HTTPConnection]
) -> Fetched:
    host = target.hostname or ""
    port = target.port or (443 if target.scheme == "https" else 80)
    addresses = _addresses(host, port)
    here = all(address.is_loopback for address in addresses)
    if not (here and loopback):
        if target.scheme != "https":
            raise _not_followed("it must be an https URL")
        if not all(_is_public(address) for address in addresses):
            raise _not_followed("its host is not on the public internet")
    connection = _Pinned(target.scheme == "https", host, port, str(addresses[0]))
    opened.append(connection)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        wishes = {"Accept": "application/json", "Connection": "close"}
        connection.request("GET", path, headers=wishes)
        response = connection.getresponse()
        if not 200 <= response.status < 300:
            raise _unreachable(f"it answers {response.status}")
        raw = response.read(MAX_PROFILE_BYTES + 1)
        if len(raw) > MAX_PROFILE_BYTES:
            raise _malformed(f"it is larger than {MAX_PROFILE_BYTES // 1024} KiB")
        return Fetched(raw, _keep(response.getheader("Cache-Control", "")))
    finally:
        connection.close()


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _addresses(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise _unreachable("its host's name cannot be looked up just now") from None
        raise _not_followed("its host does not exist") from None
    except UnicodeError:
        raise _not_followed("its host is not a name") from None
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _is_public(address: _Address) -> bool:
    """Tell whether an address is on the public internet, also one that IPv6 wraps up."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever the host's name resolves to by now."""

    def __init__(self, secure: bool, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self._secure = secure
        self._address = address
        self.default_port = 443 if secure else 80

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), timeout=TIMEOUT_SECONDS)
        if self._secure:
            self.sock = _tls().wrap_socket(self.sock, server_hostname=self.host)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):  # it was closed meanwhile
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def _keep(cache_control: str) -> float:
    message = re.findall(r"(?i)\b(s-maxage|max-age)\s*=\s*\"?([0-9]{1,9})", cache_control)
    ages = {name.lower(): int(seconds) for name, seconds in message}
    return min(
        max(float(ages.get("s-maxage", ages.get("max-age", 0))), MIN_CACHE_SECONDS),
        MAX_CACHE_SECONDS,
    )


# ------------------------------------------------------------------------------- what is known


class _Known(NamedTuple):
    profile: PlatformProfile
    fresh_until: float
    served_until: float


class _Failed(NamedTuple):
    kind: type[ShopError]
    detail: str
    code: str
    until: float


class ProfileCache:
    """The profiles of platforms that asked lately. One per Lambda environment.

    What failed is remembered apart from what is known, so that rubbish pushes no platform out.
    """

    def __init__(
        self,
        wanted: Collection[str],
        *,
        fetch: Callable[[str], Fetched],
        clock: Callable[[], float] = time.monotonic,
        kept: int = MAX_CACHED_PROFILES,
    ) -> None:
        self._wanted = wanted
        self._fetch = fetch
        self._clock = clock
        self._kept = kept
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._failed: OrderedDict[str, _Failed] = OrderedDict()

    def get(self, url: str) -> PlatformProfile:
        """The profile at an address, fetched or remembered.

        Raises :class:`Invalid` (``invalid_profile_url``), :class:`DependencyFailed`
        (``profile_unreachable``) or :class:`Unprocessable` (``profile_malformed``).
        """
        now = self._clock()
        known = self._known.get(url)
        if known is not None and now < known.fresh_until:
            self._known.move_to_end(url)
            return known.profile
        failed = self._failed.get(url)
        if failed is not None and now < failed.until:
            raise failed.kind(failed.detail, code=failed.code, path="UCP-Agent")
        try:
            fetched = self._fetch(url)
            profile = parse_profile(fetched.raw, self._wanted)
        except ShopError as refusal:
            away = isinstance(refusal, DependencyFailed)
            if away and known is not None and now < known.served_until:
                self._remember(url, known._replace(fresh_until=now + FAILURE_CACHE_SECONDS))
                return known.profile
            self._known.pop(url, None)
            self._failed[url] = _Failed(
                type(refusal), refusal.detail, refusal.code, now + FAILURE_CACHE_SECONDS
            )
            _trim(self._failed, self._kept)
            raise
        self._failed.pop(url, None)
        fresh_until = now + fetched.keep
        self._remember(url, _Known(profile, fresh_until, fresh_until + STALE_IF_ERROR_SECONDS))
        return profile

    def _remember(self, url: str, known: _Known) -> None:
        self._known[url] = known
        self._known.move_to_end(url)
        _trim(self._known, self._kept)


def _trim(store: OrderedDict[str, Any], size: int) -> None:
    while len(store) > size:
        store.popitem(last=False)


def _not_followed(reason: str) -> InvalidRequest:
    message = f"the profile URL in UCP-Agent is not followed: {reason}"
    return InvalidRequest(message, code="invalid_profile_url", path="UCP-Agent")


def _unreachable(reason: str) -> DependencyFailed:
    message = f"the platform's profile cannot be fetched: {reason}"
    return DependencyFailed(message, code="profile_unreachable", path="UCP-Agent")


def _malformed(reason: str) -> Unprocessable:
    message = f"the platform's profile is not valid: {reason}"
    return Unprocessable(message, code="profile_malformed", path="UCP-Agent")
