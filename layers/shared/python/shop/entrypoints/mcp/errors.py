"""Failures of the protocol, as against outcomes of a tool, and the codes they go by."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import log, respond
from shop.kernel.errors import ShopError

PARSE, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, INTERNAL = (
    -32700,
    -32600,
    -32601,
    -32602,
    -32603,
)
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
REFUSED, DISCOVERY = -32000, -32001


class JsonRpcError(Exception):
    """A failure of the protocol, as against an outcome of a tool."""

    def __init__(self, code: int, message: str, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data

    def to_response(self, message_id: Any) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        log.info("refused", extra={"code": self.code, "status": self.status})
        headers: dict[str, str] = {}
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="shop"'
        if isinstance(self.data, Mapping) and "retry_after" in self.data:
            headers["Retry-After"] = str(self.data["retry_after"])
        return respond(self.status, {"jsonrpc": "2.0", "id": message_id, "error": error}, headers)


def unavailable(error: ShopError) -> JsonRpcError:
    data = {
        "code": error.code,
        "content": error.detail,
        "retry_after": getattr(error, "retry_after", 5),
    }
    return JsonRpcError(REFUSED, error.detail, 503, data)
