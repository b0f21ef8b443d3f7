"""The UCP business profile, which the shop publishes at ``/.well-known/ucp``."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.ucp import CAPABILITIES, SPEC, VERSION, Capability, shop_url


def business_profile(payment_handlers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the profile document with the given payment handlers.

    It has no keys: the shop signs no UCP messages yet, and an unused key would be misleading.
    """
    return {
        "ucp": {
            "version": VERSION,
            "services": {
                "dev.ucp.shopping": [
                    _service("rest", "rest.openapi.json", shop_url()),
                    _service("mcp", "mcp.openrpc.json", f"{shop_url()}/mcp"),
                ]
            },
            "capabilities": {
                name: [_capability(capability, version) for version in sorted(capability.versions)]
                for name, capability in CAPABILITIES.items()
            },
            "payment_handlers": dict(payment_handlers),
        }
    }


def _service(transport: str, schema: str, endpoint: str) -> dict[str, str]:
    return {
        "version": VERSION,
        "spec": f"{SPEC}/specification/overview/",
        "transport": transport,
        "schema": f"{SPEC}/services/shopping/{schema}",
        "endpoint": endpoint,
    }


def _capability(capability: Capability, version: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": version,
        "spec": f"{SPEC}/specification/{capability.spec}",
        "schema": f"{SPEC}/schemas/{capability.schema}",
    }
    parents = capability.extends
    if parents:
        # UCP's schema: one parent is a string, several are a list.
        document["extends"] = parents[0] if len(parents) == 1 else list(parents)
    if capability.config:
        document["config"] = dict(capability.config)
    return document
