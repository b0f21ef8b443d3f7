"""The Universal Commerce Protocol: capabilities, negotiation, response envelope, errors.

:data:`CAPABILITIES` is the single list of capabilities. The business profile publishes it,
negotiation intersects it with the platform's list, and the response envelope is derived from it.
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
"""The only supported release; any other gets ``version_unsupported``."""

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
    """A UCP capability of the shop. ``extends`` names the parents of an extension."""

    spec: str
    schema: str
    extends: tuple[str, ...] = ()
    versions: frozenset[str] = frozenset({VERSION})
    members: tuple[str, ...] = ()
    """Members that an extension adds to responses; omitted for platforms that do not support it."""
    config: Mapping[str, Any] | None = None
    """The configuration that the capability's schema defines for the business profile."""


PAYMENT_COMBINATIONS = [
    [
        {"types": ["gift_card", "store_credit", "loyalty"], "max": 5},
        {"types": ["token", "card"], "max": 1},
    ]
]
"""Up to five credits, then at most one instrument for the remaining amount."""


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
        config={"allowed_combinations": PAYMENT_COMBINATIONS},
    ),
    ORDER: Capability("shopping/order", "shopping/order.json"),
}


@frozen(slots=False)
class Negotiated:
    """The result of negotiation for one request: agreed versions by capability.

    ``platform`` is the URL of the platform's profile; it is empty for the shop's own clients.
    """

    version: str = VERSION
    capabilities: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""

    def supports(self, capability: str) -> bool:
        """Return whether the platform supports a capability or extension."""
        return capability in self.capabilities


# --------------------------------------------------------------------------------- negotiation


def negotiate_capabilities(agent: str | None, capability: str) -> Negotiated:
    """Negotiate with the platform that the ``UCP-Agent`` header names.

    Without the header, the client is the shop's own and supports everything. Raises
    :class:`InvalidRequest` (``invalid_profile_url``), :class:`DependencyFailed`
    (``profile_unreachable``) or :class:`Unprocessable` (``profile_malformed``,
    ``version_unsupported``) if the profile cannot be used, and :class:`Conflict`
    (``capabilities_incompatible``) if the platform does not support the requested capability.
    """
    if agent is None:
        return Negotiated(VERSION, _all_capabilities())
    url = _profile_url(agent)
    profile = _profiles().get(url)
    _require_supported_version(profile.version)
    agreed = intersection(CAPABILITIES, profile.capabilities)
    if capability not in agreed:
        raise Conflict(
            f"The platform's profile does not offer {capability} in version {VERSION}.",
            code="capabilities_incompatible",
        )
    return Negotiated(VERSION, agreed, url)


def intersection(
    ours: Mapping[str, Capability], theirs: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Return the common capabilities in their highest common version, without orphan extensions."""
    agreed: dict[str, str] = {}
    for name, capability in ours.items():
        common = capability.versions.intersection(theirs.get(name, ()))
        if common:
            agreed[name] = max(common)
    # Removing an extension may orphan extensions of it, hence the loop.
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
def _all_capabilities() -> Mapping[str, str]:
    return intersection(CAPABILITIES, {name: c.versions for name, c in CAPABILITIES.items()})


def _profile_url(agent: str) -> str:
    """Return the profile URL of ``UCP-Agent: profile="https://…"`` (a dictionary, RFC 8941).

    Platforms of earlier releases also sent their version, as a member or as a parameter. An
    unsupported version is rejected before the profile is fetched.
    """
    from shop.entrypoints import structured_fields  # lazy: only agents send the header

    try:
        members = structured_fields.parse_dictionary(agent)
    except ValueError as error:
        raise _invalid_profile_url(
            f"UCP-Agent must be a dictionary as in RFC 8941 ({error})."
        ) from None
    profile = members.get("profile")
    for version in (
        members["version"].value if "version" in members else None,
        profile.parameters.get("version") if profile is not None else None,
    ):
        if version is not None:
            _require_supported_version(str(version)[:40])
    url = profile.value if profile is not None else None
    if not isinstance(url, str) or isinstance(url, structured_fields.Token):
        raise _invalid_profile_url("UCP-Agent must name a profile.")
    return url


def _invalid_profile_url(detail: str) -> InvalidRequest:
    detail = f'{detail} Send profile="https://…".'
    return InvalidRequest(detail, code="invalid_profile_url", path="UCP-Agent")


def _require_supported_version(version: str) -> None:
    if version != VERSION:
        raise Unprocessable(
            f"Protocol version {version} is not supported."
            f" This business supports version {VERSION}.",
            code="version_unsupported",
            path="UCP-Agent",
        )


@lru_cache(maxsize=1)
def _profiles() -> "ProfileCache":
    from shop.entrypoints import platform_profiles, profile_fetch  # lazy: ssl, for agents only

    loopback = os.environ.get("STAGE") in ("local", "test")
    return platform_profiles.ProfileCache(
        CAPABILITIES, fetch=lambda url: profile_fetch.fetch(url, loopback=loopback)
    )


# ------------------------------------------------------------------------------------ responses


def strip_unsupported_extensions(
    payload: Mapping[str, Any], negotiated: Negotiated, capability: str
) -> dict[str, Any]:
    """Return a payload without the members of extensions that the platform does not support.

    Source: UCP, "Discovery, Governance, and Negotiation".
    """
    unsupported = {
        member
        for name, extension in CAPABILITIES.items()
        if capability in extension.extends and not negotiated.supports(name)
        for member in extension.members
    }
    return {name: value for name, value in payload.items() if name not in unsupported}


def envelope(
    negotiated: Negotiated, capability: str, members: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the ``ucp`` member of a response for a capability.

    It names that capability and its agreed extensions only. ``members`` are further members that
    the payload itself contributes, such as ``payment_handlers`` of a checkout.
    """
    return {
        "version": negotiated.version,
        "status": "success",
        "capabilities": _registry(negotiated, capability),
        **(members or {}),
    }


def _registry(negotiated: Negotiated, capability: str) -> dict[str, list[dict[str, str]]]:
    return {
        name: [{"version": version}]
        for name, version in negotiated.capabilities.items()
        if name == capability or (name in CAPABILITIES and capability in CAPABILITIES[name].extends)
    }


_DISCOVERY_ERRORS = frozenset(
    {"invalid_profile_url", "profile_unreachable", "profile_malformed", "version_unsupported"}
)
"""Errors before negotiation. UCP defines their body as ``{code, content, continue_url}``."""


def error_body(
    error: ShopError, negotiated: Negotiated, capability: str | None = None
) -> dict[str, Any]:
    """Return the error response of a UCP route (``error_response.json``)."""
    if error.code in _DISCOVERY_ERRORS:
        return {"code": error.code, "content": error.detail, "continue_url": shop_url()}
    incompatible = error.code == "capabilities_incompatible"
    unrecoverable = incompatible or isinstance(error, (NotFound, Forbidden))
    body = _error_envelope(
        negotiated,
        capability,
        [
            {
                "type": "error",
                "code": problem.code,
                # UCP paths are JSONPaths into the body; names of headers are not.
                **({"path": problem.path} if (problem.path or "").startswith("$") else {}),
                "content": problem.detail,
                "severity": "unrecoverable" if unrecoverable else "recoverable",
            }
            for problem in error.problems
        ],
    )
    return {**body, "continue_url": shop_url()} if incompatible else body


def fault_body(negotiated: Negotiated, capability: str | None = None) -> dict[str, Any]:
    """Return the response to a fault of the application, without any detail."""
    return _error_envelope(
        negotiated,
        capability,
        [
            {
                "type": "error",
                "code": "fault",
                "content": "An internal error occurred. It has been logged.",
                "severity": "unrecoverable",
            }
        ],
    )


def _error_envelope(
    negotiated: Negotiated, capability: str | None, messages: list[dict[str, Any]]
) -> dict[str, Any]:
    ucp: dict[str, Any] = {"version": negotiated.version, "status": "error"}
    if capability is not None:
        ucp["capabilities"] = _registry(negotiated, capability)
    return {"ucp": ucp, "messages": messages}


def ucp_http_status(error: ShopError, status: int) -> int:
    """Return the HTTP status of an error on a UCP route.

    Source: UCP, "Error Handling": incompatible capabilities are a business outcome, hence 200.
    """
    return 200 if error.code == "capabilities_incompatible" else status


# ----------------------------------------------------------------------------- idempotency keys


def payload_hash(method: str, path: str, raw: bytes) -> str:
    """Return a hash by which two requests are compared: of method, path and body.

    Source: UCP, "Replay Protection": payloads are compared by the digest of their raw bytes. The
    body is included as its digest of fixed length, so that no path can be mistaken for body.
    """
    return _digest(method, path, hashlib.sha256(raw).hexdigest())


MIN_STRONG_KEY_LENGTH = 22
"""Characters that can hold 128 random bits, as UCP demands; shorter keys can be guessed."""


def scoped_key(key: str, method: str, path: str, platform: str, guest_ip: str | None) -> str:
    """Return the key under which an idempotency key is stored for its owner.

    A key is unique "per client, per operation type" (UCP, "Replay Protection"). All guests share
    one owner, so the same key on another route or from another platform is a different key.

    A guest's short key, such as ``1``, is also bound to ``guest_ip``: a stranger may choose the
    same key and must not get this guest's cart. A strong key has no such binding, so a phone may
    retry from another network.
    """
    is_weak = guest_ip is not None and len(key) < MIN_STRONG_KEY_LENGTH
    return _digest(method, path, platform, guest_ip or "" if is_weak else "", key)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def shop_url() -> str:
    """Return the public base URL of the shop, without a trailing slash."""
    return os.environ["SHOP_URL"]
