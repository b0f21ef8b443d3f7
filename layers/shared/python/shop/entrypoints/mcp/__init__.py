"""The doorframe for agents: the Model Context Protocol over Streamable HTTP, JSON answers only.

A tool *is* an endpoint: calling it invokes the Lambda behind that endpoint with the event the
gateway would have sent, and says its answer in MCP's words. There is no second logic here.

Both eras of the protocol are spoken, none keeps anything between requests: revision 2026-07-28,
where every request says its version in ``_meta`` and in headers, and the three before it, which
begin with ``initialize``.

Sources: MCP 2026-07-28, "Streamable HTTP", "Versioning", "Tools"; UCP 2026-08-25, "Error Handling"
(which refusal is a JSON-RPC error, with which code and status, and which is a tool's result).
"""

from shop.entrypoints.mcp.proxy import lambda_invoker
from shop.entrypoints.mcp.server import build_mcp_handler
from shop.entrypoints.mcp.tools import Tool

__all__ = ["Tool", "build_mcp_handler", "lambda_invoker"]
