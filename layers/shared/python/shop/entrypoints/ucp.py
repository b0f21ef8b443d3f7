"""The Universal Commerce Protocol at the door: what the shop speaks, negotiation, envelope, errors.

:data:`CAPABILITIES` is the one list of what the shop can do: the business profile advertises it,
negotiation intersects it with the platform's, and the envelope of an answer is drawn from it.
Source: UCP 2026-08-25, "Discovery, Governance, and Negotiation".
"""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shop.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ShopError,
    Unprocessable,
)
from shop.kernel.frozen import frozen

if TYPE_CHECKING:
    from shop.entrypoints.platform_profiles import ProfileCache

VERSION = "2026-08-25"
"""The release that is spoken, the only one: an older platform hears ``version_unsupported``."""

SPEC = f"https://ucp.dev/{VERSION}"

CHECKOUT = "dev.ucp.shopping.checkout"
CART = "dev.ucp.shopping.cart"
ORDER = "dev.ucp.shopping.order"
CATALOG_SEARCH = "dev.ucp.shopping.catalog.search"
CATALOG_LOOKUP = "dev.ucp.shopping.catalog.lookup"
FULFILLMENT = "dev.ucp.shopping.fulfillment"
DISCOUNT = "dev.ucp.shopping.discount"
LOYALTY = "dev.ucp.common.loyalty"
SPLIT_PAYMENTS = "dev.ucp.shopping.split_payments"


@frozen(slots=False)
class Capability:
    """Something the shop can do. ``extends`` names the parents of an extension."""

    spec: str
    schema: str
    extends: tuple[str, ...] = ()
    versions: frozenset[str] = frozenset({VERSION})
    members: tuple[str, ...] = ()
    """What an extension adds to the answers of its parents: left out for who does not speak it."""
    config: Mapping[str, Any] | None = None
    """What the capability's own schema wants told of it."""


COMBINATIONS = [
    [
        {"types": ["gift_card", "store_credit", "loyalty"], "max": 5},
        {"types": ["token", "card"], "max": 1},
    ]
]
"""Credits, and at most one instrument for the rest, which stands last."""


CAPABILITIES: Mapping[str, Capability] = {
    CATALOG_SEARCH: Capability("shopping/catalog/search", "shopping/catalog_search.json"),
    CATALOG_LOOKUP: Capability("shopping/catalog/lookup", "shopping/catalog_lookup.json"),
    CART: Capability("shopping/cart", "shopping/cart.json"),
    CHECKOUT: Capability("shopping/checkout", "shopping/checkout.json"),
    FULFILLMENT: Capability(
        "fulfillment", "shopping/fulfillment.json", extends=(CHECKOUT,), members=("fulfillment",)
    ),
    DISCOUNT: Capability(
        "discount", "shopping/discount.json", extends=(CART, CHECKOUT), members=("discounts",)
    ),
    LOYALTY: Capability(
        "loyalty", "common/loyalty.json", extends=(CART, CHECKOUT), members=("loyalty",)
    ),
    SPLIT_PAYMENTS: Capability(
        "payment/split-payments",
        "shopping/split_payments.json",
        extends=(CHECKOUT,),
        config={"allowed_combinations": COMBINATIONS},
    ),
    ORDER: Capability("shopping/order", "shopping/order.json"),
}


@frozen(slots=False)
class Negotiated:
    """What shop and platform agreed on for one request: versions by capability.

    ``platform`` is the address of its profile; a client of our own has none.
    """

    version: str = VERSION
    capabilities: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""

    def supports(self, capability: str) -> bool:
        """Tell whether the platform understands a capability, an extension for example."""
        return capability in self.capabilities


# --------------------------------------------------------------------------------- negotiation


def negotiate_capabilities(agent: str | None, capability: str) -> Negotiated:
    """Agree with the platform that the ``UCP-Agent`` header names.

    The header may be left out: then it is a client of our own, which knows all we can do. Raises
    :class:`Invalid` (``invalid_profile_url``), :class:`DependencyFailed` (``profile_unreachable``)
    or :class:`Unprocessable` (``profile_malformed``, ``version_unsupported``) where the platform
    cannot be understood, and :class:`Conflict` (``capabilities_incompatible``) where it can, but
    does not know the capability this request is about.
    """
    if agent is None:
        return Negotiated(VERSION, _everything())
    url = _profile_url(agent)
    profile = _profiles().get(url)
    _must_be_ours(profile.version)
    agreed = intersection(CAPABILITIES, profile.capabilities)
    if capability not in agreed:
        raise Conflict(
            f"the platform's profile does not offer {capability} in version {VERSION}",
            code="capabilities_incompatible",
        )
    return Negotiated(VERSION, agreed, url)


def intersection(
    ours: Mapping[str, Capability], theirs: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """What both can do, each in the highest version both name, without orphaned extensions."""
    agreed: dict[str, str] = {}
    for name, capability in ours.items():
        common = capability.versions.intersection(theirs.get(name, ()))
        if common:
            agreed[name] = max(common)
    while True:
        orphans = [
            name
            for name in agreed
            if ours[name].extends and not any(parent in agreed for parent in ours[name].extends)
        ]
        if not orphans:
            return agreed
        for name in orphans:
            del agreed[name]


@lru_cache(maxsize=1)
def _everything() -> Mapping[str, str]:
    return intersection(CAPABILITIES, {name: c.versions for name, c in CAPABILITIES.items()})


def _profile_url(agent: str) -> str:
    """The profile's address out of ``UCP-Agent: profile="https://…"`` (a dictionary, RFC 8941).

    Platforms of earlier releases said their version in the header too, as a member or as a
    parameter; one that is not ours is refused without asking further.
    """
    from shop.entrypoints import structured_fields

    try:
        members = structured_fields.parse_dictionary(agent)
    except ValueError as error:
        raise InvalidRequest(
            f'UCP-Agent is not a dictionary as in RFC 8941 ({error}); send profile="https://…"',
            code="invalid_profile_url",
            path="UCP-Agent",
        ) from None
    profile = members.get("profile")
    for message in (
        members["version"].value if "version" in members else None,
        profile.parameters.get("version") if profile is not None else None,
    ):
        if message is not None:
            _must_be_ours(str(message)[:40])
    url = profile.value if profile is not None else None
    if not isinstance(url, str) or isinstance(url, structured_fields.Token):
        raise InvalidRequest(
            'UCP-Agent names no profile; send profile="https://…"',
            code="invalid_profile_url",
            path="UCP-Agent",
        )
    return url


def _must_be_ours(version: str) -> None:
    if version != VERSION:
        raise Unprocessable(
            f"Protocol version {version} is not supported."
            f" This business supports version {VERSION}.",
            code="version_unsupported",
            path="UCP-Agent",
        )


@lru_cache(maxsize=1)
def _profiles() -> "ProfileCache":
    from shop.entrypoints import (
        platform_profiles,  # only agents' requests pay for http, ssl and the shapes
    )

    loopback = os.environ.get("STAGE") in ("local", "test")
    return platform_profiles.ProfileCache(
        CAPABILITIES, fetch=lambda url: platform_profiles.fetch(url, loopback=loopback)
    )


# ------------------------------------------------------------------------------------- answers


def strip_unsupported_extensions(
    answer: Mapping[str, Any], negotiated: Negotiated, capability: str
) -> dict[str, Any]:
    """An answer without the members of extensions that the platform does not understand.

    Source: UCP, "Discovery, Governance, and Negotiation".
    """
    unknown = {
        member
        for name, one in CAPABILITIES.items()
        if capability in one.extends and not negotiated.supports(name)
        for member in one.members
    }
    return {name: value for name, value in answer.items() if name not in unknown}


def envelope(
    negotiated: Negotiated, capability: str, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The ``ucp`` member of an answer that speaks for a capability.

    It names that capability and the agreed extensions of it, nothing else. ``more`` are further
    members that the answer itself brings, ``payment_handlers`` of a checkout for example.
    """
    return {
        "version": negotiated.version,
        "status": "success",
        "capabilities": _registry(negotiated, capability),
        **(more or {}),
    }


def _registry(negotiated: Negotiated, capability: str) -> dict[str, list[dict[str, str]]]:
    return {
        name: [{"version": version}]
        for name, version in negotiated.capabilities.items()
        if name == capability or (name in CAPABILITIES and capability in CAPABILITIES[name].extends)
    }


_DISCOVERY = frozenset(
    {"invalid_profile_url", "profile_unreachable", "profile_malformed", "version_unsupported"}
)
"""Refusals before the shop and the platform understand each other: answered in the plain shape
``{code, content, continue_url}`` that UCP gives to them, and to them alone here."""


def error_body(
    error: ShopError, negotiated: Negotiated, capability: str | None = None
) -> dict[str, Any]:
    """What a refusal says on a UCP route: an error response (``error_response.json``)."""
    if error.code in _DISCOVERY:
        return {"code": error.code, "content": error.detail, "continue_url": shop_url()}
    lost = error.code == "capabilities_incompatible"
    final = lost or isinstance(error, (NotFound, Forbidden))
    body = _error(
        negotiated,
        capability,
        [
            {
                "type": "error",
                "code": problem.code,
                **({"path": problem.path} if (problem.path or "").startswith("$") else {}),
                "content": problem.detail,
                "severity": "unrecoverable" if final else "recoverable",
            }
            for problem in error.problems
        ],
    )
    return {**body, "continue_url": shop_url()} if lost else body


def fault_body(negotiated: Negotiated, capability: str | None = None) -> dict[str, Any]:
    """What is said of a fault of ours: that there was one."""
    return _error(
        negotiated,
        capability,
        [
            {
                "type": "error",
                "code": "fault",
                "content": "something broke on our side; it is logged",
                "severity": "unrecoverable",
            }
        ],
    )


def _error(
    negotiated: Negotiated, capability: str | None, messages: list[dict[str, Any]]
) -> dict[str, Any]:
    ucp: dict[str, Any] = {"version": negotiated.version, "status": "error"}
    if capability is not None:
        ucp["capabilities"] = _registry(negotiated, capability)
    return {"ucp": ucp, "messages": messages}


def ucp_http_status(error: ShopError, status: int) -> int:
    """The HTTP status a refusal has on a UCP route.

    Source: UCP, "Error Handling": that capabilities do not meet is an outcome, not a failure.
    """
    return 200 if error.code == "capabilities_incompatible" else status


def payload_hash(method: str, path: str, raw: bytes) -> str:
    """Tell whether two requests are the same: a digest of method, path and body.

    Source: UCP, "Replay Protection": payloads are compared by the digest of their raw bytes. The
    body comes in as its digest, of fixed length, so that no path can be taken for a part of it.
    """
    return _digest(method, path, hashlib.sha256(raw).hexdigest())


MIN_STRONG_KEY_LENGTH = 22
"""Characters that can hold 128 random bits (UCP asks for as many); shorter keys are guessable."""


def scoped_key(key: str, method: str, path: str, platform: str, guest_at: str | None) -> str:
    """The name under which an idempotency key is kept, for whoever owns it.

    A key is unique "per client, per operation type" (UCP, "Replay Protection"), and all guests
    share one space: so the same key on another route or from another platform is another key, not
    a reused one. A guest's key that a stranger might hit on by chance ("1") is also bound to
    ``guest_at``, the address it came from: nobody is handed a stranger's cart. A strong key needs
    no such tie, and a phone may retry from another network.
    """
    weak = guest_at is not None and len(key) < MIN_STRONG_KEY_LENGTH
    return _digest(method, path, platform, guest_at or "" if weak else "", key)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


# ------------------------------------------------------------------------------------- profile


def business_profile(payment_handlers: Mapping[str, Any]) -> dict[str, Any]:
    """What the shop publishes of itself at ``/.well-known/ucp``.

    It publishes no keys: it signs nothing of UCP's yet, and a key that signs nothing is a promise
    nobody keeps.
    """
    service = {"version": VERSION, "spec": f"{SPEC}/specification/overview/"}
    base = f"{SPEC}/services/shopping"
    return {
        "ucp": {
            "version": VERSION,
            "services": {
                "dev.ucp.shopping": [
                    {
                        **service,
                        "transport": "rest",
                        "schema": f"{base}/rest.openapi.json",
                        "endpoint": shop_url(),
                    },
                    {
                        **service,
                        "transport": "mcp",
                        "schema": f"{base}/mcp.openrpc.json",
                        "endpoint": f"{shop_url()}/mcp",
                    },
                ]
            },
            "capabilities": {
                name: [
                    {
                        "version": version,
                        "spec": f"{SPEC}/specification/{capability.spec}",
                        "schema": f"{SPEC}/schemas/{capability.schema}",
                        **_extends(capability),
                        **({"config": dict(capability.config)} if capability.config else {}),
                    }
                    for version in sorted(capability.versions)
                ]
                for name, capability in CAPABILITIES.items()
            },
            "payment_handlers": dict(payment_handlers),
        }
    }


def _extends(capability: Capability) -> dict[str, Any]:
    parents = capability.extends
    if not parents:
        return {}
    return {"extends": parents[0] if len(parents) == 1 else list(parents)}


def shop_url() -> str:
    """The public base URL of the shop, without a trailing slash."""
    return os.environ["SHOP_URL"]
