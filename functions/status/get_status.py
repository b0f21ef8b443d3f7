"""GET /status: the stage and release of this deployment.

It reads no table, so it shows that API Gateway and Lambda work, and nothing else.
"""

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
