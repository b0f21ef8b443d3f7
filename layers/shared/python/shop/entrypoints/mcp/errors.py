"""JSON-RPC errors: failures of the protocol, as opposed to results of a tool."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import log, respond
from shop.kernel.errors import ShopError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
"""Codes of MCP 2026-07-28."""
REQUEST_REJECTED, DISCOVERY_FAILED = -32000, -32001
"""Codes of UCP 2026-08-25, "Error Handling"."""


class JsonRpcError(Exception):
    """A failure of the protocol, with its code and its HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data

    def to_response(self, message_id: Any) -> dict[str, Any]:
        """Return the HTTP response and log the failure."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        log.info("rejected", extra={"code": self.code, "status": self.status})
        headers: dict[str, str] = {}
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="shop"'
        if isinstance(self.data, Mapping) and "retry_after" in self.data:
            headers["Retry-After"] = str(self.data["retry_after"])
        return respond(self.status, {"jsonrpc": "2.0", "id": message_id, "error": error}, headers)


def unavailable(error: ShopError) -> JsonRpcError:
    """Return the JSON-RPC error for a dependency that is down, with seconds to retry after."""
    data = {
        "code": error.code,
        "content": error.detail,
        "retry_after": getattr(error, "retry_after_seconds", 5),
    }
    return JsonRpcError(REQUEST_REJECTED, error.detail, 503, data)
