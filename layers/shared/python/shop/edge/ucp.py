"""The Universal Commerce Protocol at the door: negotiation, envelope, messages."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.kernel.errors import Refusal

VERSION = "2026-08-25"


@dataclass(frozen=True)
class Negotiated:
    """What shop and platform agreed on for one request."""

    version: str = VERSION
    capabilities: Mapping[str, str] = field(default_factory=dict)


def negotiate(agent: str | None, capability: str) -> Negotiated:
    """Agree with the platform that the ``UCP-Agent`` header names, if one is named."""
    return Negotiated(VERSION, {capability: VERSION})


def envelope(negotiated: Negotiated, capability: str) -> dict[str, Any]:
    """The ``ucp`` member of an answer that speaks for a capability."""
    return {
        "version": negotiated.version,
        "status": "success",
        "capabilities": {name: [{"version": v}] for name, v in negotiated.capabilities.items()},
    }


def refusal_body(refusal: Refusal, negotiated: Negotiated) -> dict[str, Any]:
    """A UCP error response (``common/types/error_response.json``)."""
    return {
        "ucp": {"version": negotiated.version, "status": "error"},
        "messages": [
            {
                "type": "error",
                "code": p.code,
                **({"path": p.path} if p.path and p.path.startswith("$") else {}),
                "content": p.detail,
                "severity": "unrecoverable" if refusal.code == "not_found" else "recoverable",
            }
            for p in refusal.problems
        ],
    }


def fault_body(negotiated: Negotiated) -> dict[str, Any]:
    return {
        "ucp": {"version": negotiated.version, "status": "error"},
        "messages": [
            {
                "type": "error",
                "code": "fault",
                "content": "something broke on our side; it is logged",
                "severity": "unrecoverable",
            }
        ],
    }


def status_for(refusal: Refusal, status: int) -> int:
    """The HTTP status a refusal has on a UCP route."""
    return status


def fingerprint(method: str, path: str, raw: bytes) -> str:
    """Tell whether two requests are the same: SHA-256 over method, path and body."""
    return hashlib.sha256(b"\x1f".join((method.encode(), path.encode(), raw))).hexdigest()


def shop_url() -> str:
    """The public base URL of the shop."""
    return os.environ["SHOP_URL"]
