"""GET /mcp: there is no event stream. MCP wants a 405 here, by which older clients know it."""

from shop.entrypoints.http import Request, Response, endpoint


@endpoint()
def handler(request: Request[None]) -> Response:
    problem = {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "code": "method_not_allowed",
        "detail": "send JSON-RPC requests with POST; there is no event stream",
    }
    return Response(problem, 405, {"Allow": "POST", "Content-Type": "application/problem+json"})
