"""GET /status: which stage and release answers. It touches no table: it tells of the road alone."""

from typing import Any

from shop.entrypoints.http import Request, endpoint, required_setting

STAGE = required_setting("STAGE")
RELEASE = required_setting("RELEASE")


@endpoint()
def handler(request: Request[None]) -> dict[str, Any]:
    return {
        "status": "ok",
        "stage": STAGE,
        "release": RELEASE,
        "at": request.received_at.isoformat(),
    }
