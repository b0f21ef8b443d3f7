"""GET /mcp: reject the event stream. MCP requires a 405, which older clients rely on."""

from shop.entrypoints.http import Request, Response, endpoint


@endpoint()
def handler(request: Request[None]) -> Response:
    problem = {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "code": "method_not_allowed",
        "detail": "This server has no event stream. Send JSON-RPC requests with POST.",
    }
    return Response(problem, 405, {"Allow": "POST", "Content-Type": "application/problem+json"})
