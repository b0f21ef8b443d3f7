"""Rules on CORS: a web page of another origin can send and read every header that the shop uses.

The headers come from the source: those that the handlers read from a request, and those that they
add to a response. A browser sends or shows other headers only if the API's template lists them.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.contracts.templates import Cloud

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "layers/shared/python/shop"

SOURCES = (*ROOT.glob("functions/**/*.py"), *SHOP.glob("entrypoints/**/*.py"))
OUTGOING = frozenset({"profile_fetch.py", "webhook.py"})
"""Modules that send requests to others: their headers are not those of a response."""

SENT_BY_EVERY_PAGE = frozenset({"accept", "accept-language", "origin", "user-agent"})
"""Fetch standard: safelisted request headers, and those that the browser itself sets."""
SHOWN_TO_EVERY_PAGE = frozenset({"cache-control", "content-type"})
"""Fetch standard: safelisted response headers."""
FOR_BROWSERS_ONLY = frozenset({"content-security-policy", "x-content-type-options"})
"""Directives to the browser, which no script has to read."""
NOT_SENT_BY_PAGES = frozenset(
    {
        # CloudFront adds these and replaces those of a client.
        "shop-edge",
        "shop-viewer",
        # Servers of the payment provider and of carriers send these.
        "stripe-signature",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
        # The MCP server rejects pages of other origins (shop/entrypoints/mcp/server.py).
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
    }
)


def unusable_headers(cloud: Cloud, sources: Iterable[Path] = SOURCES) -> list[str]:
    """Return the headers that a page of another origin can neither send nor read."""
    sources = tuple(sources)
    needed = headers_read(sources) - SENT_BY_EVERY_PAGE - NOT_SENT_BY_PAGES
    shown = headers_sent(sources) - SHOWN_TO_EVERY_PAGE - FOR_BROWSERS_ONLY
    breaches = []
    for api in cloud.of("AWS::ApiGatewayV2::Api"):
        cors = api.properties["CorsConfiguration"]
        breaches += [f"{api}: {h} is not allowed" for h in sorted(needed - {*cors["AllowHeaders"]})]
        breaches += [f"{api}: {h} is not exposed" for h in sorted(shown - {*cors["ExposeHeaders"]})]
    return breaches


def unusable_methods(cloud: Cloud) -> list[str]:
    """Return the methods that have a route and that a page of another origin cannot use."""
    routes = cloud.of("AWS::ApiGatewayV2::Route")
    used = {str(route.properties["RouteKey"]).partition(" ")[0] for route in routes} - {"$default"}
    return [
        f"{api}: {method} is not allowed"
        for api in cloud.of("AWS::ApiGatewayV2::Api")
        for method in sorted(used - {*api.properties["CorsConfiguration"]["AllowMethods"]})
    ]


def headers_read(sources: Iterable[Path]) -> set[str]:
    """Return the names of request headers that the modules read, in lower case."""
    trees = [ast.parse(source.read_text("utf-8")) for source in sources]
    return {name.lower() for tree in trees for name in _read(tree)}


def headers_sent(sources: Iterable[Path]) -> set[str]:
    """Return the names of response headers that the modules set, in lower case."""
    trees = [ast.parse(s.read_text("utf-8")) for s in sources if s.name not in OUTGOING]
    return {name.lower() for tree in trees for name in _sent(tree)}


def _read(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=mapping, attr="get"), args=[name, *_]) if (
                _is_headers(mapping)
            ):
                yield _text(name)
            case ast.Subscript(value=mapping, slice=name, ctx=ast.Load()) if _is_headers(mapping):
                if not isinstance(name, ast.Name):
                    yield _text(name)


def _sent(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Response" | "respond"), args=args, keywords=keywords):
                for value in (*args[2:], *(k.value for k in keywords if k.arg == "headers")):
                    yield from _keys(value)
            case ast.Assign(targets=[ast.Name(id="headers" | "_HEADERS")], value=value):
                yield from _keys(value)
            case ast.Subscript(
                value=ast.Name(id="headers") | ast.Subscript(slice=ast.Constant(value="headers")),
                slice=ast.Constant(value=str() as name),
                ctx=ast.Store(),
            ) if name[0].isupper():  # the MCP proxy writes those of a request in lower case
                yield name


def _keys(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Dict):
        for key in value.keys:
            if isinstance(key, ast.Constant) and str(key.value)[:1].isupper():
                yield str(key.value)


def _is_headers(node: ast.expr) -> bool:
    """Return whether an expression is a request's mapping of headers."""
    return (
        isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) == "headers"
    )


def _text(name: ast.expr) -> str:
    """Return a literal name, or that of a constant of the shop such as ``ADMISSION_HEADER``."""
    if isinstance(name, ast.Constant):
        return str(name.value)
    constant = ast.unparse(name)
    pattern = re.compile(rf'^{re.escape(constant)} = "([^"]+)"$', re.MULTILINE)
    (found,) = {m[1] for file in SHOP.rglob("*.py") if (m := pattern.search(file.read_text()))}
    return found
