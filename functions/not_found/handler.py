"""Default route: 404 for an unknown path, 405 for a known path with another method.

The package contains the routes; ``infra.route_table`` writes them.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.kernel.errors import NotFound

FILES = Path(__file__).parent
STAGE = required_setting("STAGE")


def _pattern(path: str) -> re.Pattern[str]:
    """Compile a route path: ``{sku}`` matches one segment, ``{sku+}`` one or more."""
    parts = re.split(r"(\{[^}]*\})", path)
    for at in range(1, len(parts), 2):
        parts[at] = ".+" if parts[at].endswith("+}") else "[^/]+"
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))


@cache
def routes_of_stage() -> list[tuple[str, re.Pattern[str]]]:
    """Return method and path of each route that this stage has."""
    routes = json.loads((FILES / "routes.json").read_text("utf-8"))
    return [
        (route.partition(" ")[0], _pattern(route.partition(" ")[2]))
        for route, stages in routes.items()
        if stages is None or STAGE in stages
    ]


@endpoint()
def handler(request: Request[Any]) -> Response:
    """Return a 405 with the allowed methods. Raises NotFound for an unknown path."""
    allowed = sorted({method for method, path in routes_of_stage() if path.fullmatch(request.url)})
    # An allowed method arrives here only if API Gateway found no route for the path.
    if not allowed or request.method in allowed:
        raise NotFound("The address is unknown. Check the path.", code="route_unknown")
    detail = f"The method is not allowed here. Use {', '.join(allowed)}."
    body = {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "code": "method_not_allowed",
        "detail": detail,
        "errors": [{"code": "method_not_allowed", "detail": detail}],
    }
    headers = {"Content-Type": "application/problem+json", "Allow": ", ".join(allowed)}
    return Response(json.dumps(body), 405, headers)
