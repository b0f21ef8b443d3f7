"""GET /status: which stage and release answers. It touches no table: it tells of the road alone."""

from typing import Any

from shop.edge.http import Request, endpoint, setting

STAGE = setting("STAGE")
RELEASE = setting("RELEASE")


@endpoint()
def handler(request: Request[None]) -> dict[str, Any]:
    return {"status": "ok", "stage": STAGE, "release": RELEASE, "at": request.at.isoformat()}
