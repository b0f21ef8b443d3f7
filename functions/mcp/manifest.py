"""MCP: the endpoints of the shop as tools of the Model Context Protocol."""

from functions.manifest import Access, Endpoint, Feature, Switch

FEATURE = Feature(
    "mcp",
    (
        Endpoint(
            route="POST /mcp",
            switch=Switch.AGENTS,
            module="mcp.handle_mcp",
            headers=(
                "Idempotency-Key",
                "UCP-Agent",
                "Origin",
                "Mcp-Protocol-Version",
                "Mcp-Method",
                "Mcp-Name",
            ),
            access=Access.PUBLIC,
            summary="Call the shop's tools for AI agents (MCP, Streamable HTTP, JSON-RPC 2.0)",
            body="JSON-RPC 2.0 response, as the Model Context Protocol defines it.",
            errors=(403, 404, 406, 413, 415, 422, 424, 500),
            invokes=(
                "cart.cancel_cart",
                "cart.create_cart",
                "cart.get_cart",
                "cart.update_cart",
                "catalog.get_product",
                "catalog.lookup_catalog",
                "catalog.search_catalog",
                "checkout.cancel_checkout",
                "checkout.complete_checkout",
                "checkout.create_checkout",
                "checkout.get_checkout",
                "checkout.update_checkout",
                "orders.get_order",
            ),
            timeout=29,
        ),
        Endpoint(
            route="GET /mcp",
            module="mcp.reject_stream",
            access=Access.PUBLIC,
            summary="Always 405: the MCP server has no event stream; send requests with POST",
            status=405,
            body="Problem: there is no event stream.",
            media_type="application/problem+json",
        ),
    ),
)
