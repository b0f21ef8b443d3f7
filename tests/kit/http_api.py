"""The HTTP API in one process: it finds the Lambda of a route and calls it as API Gateway does.

A request is sent as a caller with the access that its route requires, with the claims that the
authorizer would pass on. Webhooks without a signature are signed.
"""

import base64
import hashlib
import hmac
import os
import re
import sys
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from unittest.mock import patch

from functions.all import FEATURES
from functions.manifest import Access, Endpoint, Secret
from tests.kit.order_fixtures import WEBHOOK_KEY, put_secrets, signed_in
from tests.kit.shop import ENVIRONMENT, ApiResponse, Context, aws_client

ENDPOINTS = tuple(
    entry for feature in FEATURES for entry in feature.functions if isinstance(entry, Endpoint)
)
CUSTOMER = "8f14e45f-ceea-4672-9d0b-6c1f3a5b7e21"
"""The subject of the signed-in customer."""
STRIPE_SECRET_NAME, STRIPE_SECRET = "stripe-webhook", "whsec_test"


def pattern_of(path: str) -> re.Pattern[str]:
    """Compile a route's path: ``{sku}`` matches one segment, ``{sku+}`` one or more."""
    names = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    return re.compile(re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", names), re.DOTALL)


def settings_of(entry: Endpoint) -> dict[str, str]:
    """Return the settings of a Lambda that depend on its manifest entry.

    Kill switches are left out: a request may turn one off, and all later requests would get 503.
    """
    return {
        **ENVIRONMENT,
        "ACCESS": entry.access.value,
        "ACCESS_GROUPS": ",".join(entry.groups),
        "QUERY": ",".join(parameter.name for parameter in entry.query),
        "SECRET_STRIPE_WEBHOOK": STRIPE_SECRET_NAME,
        **{f"FUNCTION_{m.replace('.', '_').upper()}": m for m in entry.invokes},
    }


def put_all_secrets() -> None:
    """Store the signing secrets, Stripe's among them."""
    put_secrets()
    client = aws_client("secretsmanager")
    client.create_secret(Name=STRIPE_SECRET_NAME, SecretString=STRIPE_SECRET)
    # The module of the webhook is imported once in a process, and keeps the secret of other tests.
    webhook = sys.modules.get("functions.stripe_webhook.receive_event")
    if webhook is not None:
        webhook.secret._read_at = None
    client.create_secret(Name=ENVIRONMENT["SECRET_WAITING_ROOM"], SecretString=WEBHOOK_KEY)


@dataclass
class HttpApi:
    """All routes of the shop."""

    endpoints: Iterable[Endpoint] = ENDPOINTS
    _routes: list[tuple[str, re.Pattern[str], Endpoint]] = field(init=False)

    def __post_init__(self) -> None:
        self._routes = [
            (entry.method, pattern_of(entry.path), entry)
            # A literal path takes precedence over one with parameters.
            for entry in sorted(self.endpoints, key=lambda entry: "{" in entry.path)
        ]

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """Return the entry of a route, and its path parameters; ``None`` if there is no route."""
        for route_method, pattern, entry in self._routes:
            if route_method == method and (match := pattern.fullmatch(path)):
                return entry, match.groupdict()
        return None

    def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        signed_in: bool = True,
    ) -> ApiResponse:
        """Send a request. ``path`` is decoded. Without a route, the response is a bare 404."""
        found = self.find(method, path)
        if found is None:
            return ApiResponse(404, {"Content-Type": "application/json"}, '{"message":"Not Found"}')
        entry, parameters = found
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if entry.access is Access.WEBHOOK and signed_in:
            sent = {**_signature(entry, body), **sent}
        event = _event(entry, path, query, sent, body)
        if parameters:
            event["pathParameters"] = {n: v.replace("%", "%25") for n, v in parameters.items()}
        if signed_in and (claims := claims_for(entry)):
            event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}
        with patch.dict(os.environ, settings_of(entry)):
            handler = import_module(f"functions.{entry.module}").handler
            response = handler(event, Context())
        return ApiResponse(response["statusCode"], response["headers"], response["body"])


def claims_for(entry: Endpoint) -> dict[str, Any] | None:
    """Return the claims of a caller that may use a route."""
    if entry.access is Access.STAFF:
        return signed_in("wanda", *entry.groups[:1])
    return signed_in(CUSTOMER) if entry.access is Access.CUSTOMER else None


def _event(
    entry: Endpoint, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    try:
        text, is_base64 = body.decode("utf-8"), False
    except UnicodeDecodeError:
        text, is_base64 = base64.b64encode(body).decode(), True
    return {
        "version": "2.0",
        "routeKey": entry.route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers),
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "http": {"method": entry.method, "path": path, "sourceIp": "127.0.0.1"},
        },
        "body": text,
        "isBase64Encoded": is_base64,
    }


def _signature(entry: Endpoint, body: bytes) -> dict[str, str]:
    """Return the headers of a genuine delivery of Stripe, or of Standard Webhooks."""
    timestamp = str(int(time.time()))
    if Secret.STRIPE_WEBHOOK in entry.secrets:
        content = timestamp.encode() + b"." + body
        signature = hmac.new(STRIPE_SECRET.encode(), content, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={timestamp},v1={signature}"}
    content = b".".join((b"msg_1", timestamp.encode(), body))
    digest = hmac.new(base64.b64decode(WEBHOOK_KEY), content, hashlib.sha256).digest()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
