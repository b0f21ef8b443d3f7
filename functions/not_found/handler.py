"""What no route takes: 404, or 405 where the path is there and the method is not."""

import json
import re
from typing import Any

from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.kernel.errors import NotFound


def _pattern(path: str) -> re.Pattern[str]:
    """Of paths like this one: ``{sku}`` is one part of a path, ``{sku+}`` one and more."""
    parts = re.split(r"(\{[^}]*\})", path)
    for at in range(1, len(parts), 2):
        parts[at] = ".+" if parts[at].endswith("+}") else "[^/]+"
    parts[::2] = map(re.escape, parts[::2])
    return re.compile("".join(parts))


ROUTES = [
    (route.partition(" ")[0], _pattern(route.partition(" ")[2]))
    for route in required_setting("ROUTES").split(",")
]


@endpoint()
def handler(request: Request[Any]) -> Response:
    """Raises NotFound where no method is known for the path."""
    allowed = sorted({method for method, path in ROUTES if path.fullmatch(request.url)})
    if not allowed or request.method in allowed:
        raise NotFound("this shop has nothing under this address", code="route_unknown")
    detail = f"this address takes {', '.join(allowed)}"
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
