"""Adapter for agents: the Model Context Protocol over Streamable HTTP, JSON responses only.

A tool *is* an endpoint: a tool call invokes the Lambda of that endpoint with the event that API
Gateway would send, and converts the response to a tool result. There is no second implementation.

Two variants of the protocol are supported, both without state between requests: revision
2026-07-28, where every request carries its version in ``_meta`` and in headers, and the three
revisions before it, which start with ``initialize``.

Sources: MCP 2026-07-28, "Streamable HTTP", "Versioning", "Tools"; UCP 2026-08-25, "Error Handling"
(which errors are JSON-RPC errors, with which code and status, and which are tool results).
"""

from shop.entrypoints.mcp.proxy import lambda_invoker
from shop.entrypoints.mcp.server import build_mcp_handler
from shop.entrypoints.mcp.tools import Tool

__all__ = ["Tool", "build_mcp_handler", "lambda_invoker"]
