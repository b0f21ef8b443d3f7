"""Profiles of UCP platforms: their schema, and a cache of those that were fetched recently.

A profile is fetched from the URL that a platform's agent sends; see
:mod:`shop.entrypoints.profile_fetch`.
"""

import ipaddress
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shop.entrypoints.profile_fetch import FetchedDocument, is_plain_url, malformed_profile
from shop.kernel.errors import DependencyFailed, ShopError

STALE_IF_ERROR_SECONDS = 600.0
"""Seconds after its expiry for which a profile is used while its platform is unreachable."""
FAILURE_CACHE_SECONDS = 10.0
"""Seconds for which a failure is cached, so that a broken platform costs one attempt."""
MAX_CACHED_PROFILES = 128
"""Cached profiles; the least recently used is evicted, so strangers cannot fill the memory."""


class PlatformProfile(NamedTuple):
    """The parts of a platform's profile that negotiation needs."""

    version: str
    capabilities: Mapping[str, frozenset[str]]
    """Versions by name, of the requested capabilities only."""


# --------------------------------------------------------------------------------------- schema

_Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Name = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+$"
    ),
]


class _Schema(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Entity(_Schema):
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


class _Instrument(_Schema):
    type: str


class _PaymentHandler(_Entity):
    id: str
    schema_: str = Field(alias="schema")
    available_instruments: list[_Instrument] = Field([_Instrument(type="any")], min_length=1)


class _UcpMember(_Schema):
    version: _Version
    status: Literal["success", "error"] = "success"
    map_order: dict[str, list[str]] = Field(default_factory=dict)
    services: dict[_Name, list[Annotated[_Service | _AgentCard, Field(discriminator="transport")]]]
    capabilities: dict[_Name, list[_Capability]] = Field(default_factory=dict)
    payment_handlers: dict[_Name, list[_PaymentHandler]]


_ALG_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}


class _PublicKey(_Schema):
    """A public key. Unknown key types are accepted: nothing uses them."""

    model_config = ConfigDict(strict=True, extra="allow")
    kid: str
    kty: str

    @model_validator(mode="after")
    def _complete_and_public(self) -> "_PublicKey":
        extra = self.model_extra or {}
        members = set(extra)
        missing = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}.get(self.kty, set()) - members
        if missing:
            raise PydanticCustomError("profile_malformed", "A key of this type needs more members.")
        expected_alg = _ALG_BY_CURVE.get(str(extra.get("crv")))
        if expected_alg is not None and extra.get("alg", expected_alg) != expected_alg:
            raise PydanticCustomError("profile_malformed", "The algorithm does not fit the curve.")
        if members & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
            raise PydanticCustomError(
                "profile_malformed", "The key must not contain private members."
            )
        return self


class _ProfileDocument(_Schema):
    ucp: _UcpMember
    keys: list[_PublicKey] = Field(default_factory=list)


def parse_profile(raw: bytes, capabilities: Collection[str]) -> PlatformProfile:
    """Parse a profile document and return the named capabilities.

    Raises :class:`Unprocessable` if it does not match UCP's schema. A capability has no version if
    its ``schema`` is not served by the owner of its name.
    """
    try:
        ucp = _ProfileDocument.model_validate_json(raw).ucp
    except ValidationError as error:
        from shop.entrypoints.field_errors import field_error  # lazy: few profiles are malformed

        first = error.errors(include_url=False, include_input=False)[0]
        # Cut: the path holds names that the platform chose.
        path = ".".join(str(part) for part in first["loc"])[:200] or "the document"
        raise malformed_profile(f"{path}: {field_error(first).sentence.rstrip('.')}") from None
    return PlatformProfile(
        ucp.version,
        {
            name: frozenset(c.version for c in entries if owns_namespace(name, c.schema_))
            for name, entries in ucp.capabilities.items()
            if name in capabilities
        },
    )


def owns_namespace(name: str, schema: str) -> bool:
    """Return whether the host of a schema owns a name's namespace (UCP, "Authority Binding")."""
    if not is_plain_url(schema):
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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # inet_aton also accepts addresses such as 0x7f.1 and 127.1. They end in a number, as no
        # domain name does.
        return re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)", host.rsplit(".", 1)[-1].lower()) is not None
    return True


# ---------------------------------------------------------------------------------------- cache


class _CachedProfile(NamedTuple):
    profile: PlatformProfile
    fresh_until: float
    usable_until: float


class _CachedFailure(NamedTuple):
    error_class: type[ShopError]
    detail: str
    code: str
    until: float


class ProfileCache:
    """Profiles of recent platforms; one cache per Lambda environment.

    Failures are cached separately, so that invalid URLs evict no valid profile.
    """

    def __init__(
        self,
        capabilities: Collection[str],
        *,
        fetch: Callable[[str], FetchedDocument],
        clock: Callable[[], float] = time.monotonic,
        max_profiles: int = MAX_CACHED_PROFILES,
    ) -> None:
        self._capabilities = capabilities
        self._fetch = fetch
        self._clock = clock
        self._max_profiles = max_profiles
        self._profiles: OrderedDict[str, _CachedProfile] = OrderedDict()
        self._failures: OrderedDict[str, _CachedFailure] = OrderedDict()

    def get(self, url: str) -> PlatformProfile:
        """Return the profile at a URL, cached or fetched.

        Raises :class:`InvalidRequest` (``invalid_profile_url``), :class:`DependencyFailed`
        (``profile_unreachable``) or :class:`Unprocessable` (``profile_malformed``).
        """
        now = self._clock()
        cached = self._profiles.get(url)
        if cached is not None and now < cached.fresh_until:
            self._profiles.move_to_end(url)
            return cached.profile
        failure = self._failures.get(url)
        if failure is not None and now < failure.until:
            raise failure.error_class(failure.detail, code=failure.code, path="UCP-Agent")
        try:
            document = self._fetch(url)
            profile = parse_profile(document.raw, self._capabilities)
        except ShopError as error:
            unreachable = isinstance(error, DependencyFailed)
            # An outage of the platform must not stop its customers; an invalid profile may.
            if unreachable and cached is not None and now < cached.usable_until:
                retry_at = now + FAILURE_CACHE_SECONDS
                self._store(url, cached._replace(fresh_until=retry_at))
                return cached.profile
            self._profiles.pop(url, None)
            self._failures[url] = _CachedFailure(
                type(error), error.detail, error.code, now + FAILURE_CACHE_SECONDS
            )
            _evict(self._failures, self._max_profiles)
            raise
        self._failures.pop(url, None)
        fresh_until = now + document.max_age
        usable_until = fresh_until + STALE_IF_ERROR_SECONDS
        self._store(url, _CachedProfile(profile, fresh_until, usable_until))
        return profile

    def _store(self, url: str, cached: _CachedProfile) -> None:
        self._profiles[url] = cached
        self._profiles.move_to_end(url)
        _evict(self._profiles, self._max_profiles)


def _evict(cache: OrderedDict[str, Any], max_size: int) -> None:
    """Remove the oldest entries beyond ``max_size``."""
    while len(cache) > max_size:
        cache.popitem(last=False)
