"""Responses that caches of the public may keep: the CDN, and browsers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, Response

CHANNEL_HEADERS = ("Shop-Channel", "UCP-Agent")
"""The headers that decide the channel. The CDN's key has them (infra/stacks/edge.py)."""


def cacheable(
    request: Request[Any],
    body: Any,
    *,
    seconds: int,
    by_channel: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response for public caches; 304 without body if the client has this version.

    A ``str`` body is sent unchanged. ``by_channel`` states that the response depends on the
    channel. It must never depend on the caller.
    """
    text = body if isinstance(body, str) else json.dumps(body, sort_keys=True)
    # Two variants of a URL must not share an ETag (RFC 9110, 8.8.3).
    channel = [request.headers.get("shop-channel"), request.headers.get("ucp-agent")]
    variant = json.dumps([text, *channel]) if by_channel else text
    etag = f'"{hashlib.sha256(variant.encode()).hexdigest()[:32]}"'
    all_headers = {
        "Content-Type": "application/json",
        "Cache-Control": f"public, max-age={seconds}",
        "ETag": etag,
        **({"Vary": ", ".join(CHANNEL_HEADERS)} if by_channel else {}),
        **(headers or {}),
    }
    cached = request.headers.get("if-none-match", "").split(",")
    # Weak comparison (RFC 9110, 13.1.2): the prefix W/ does not matter.
    if {etag, "*"} & {each.strip().removeprefix("W/") for each in cached}:
        return Response(None, 304, all_headers)
    return Response(body, 200, all_headers)
