"""GET /openapi.json: the OpenAPI document of this stage.

The package contains the file; ``infra.openapi_page`` writes it.
"""

import json
from functools import cache
from pathlib import Path

from shop.entrypoints.caching import cacheable
from shop.entrypoints.http import Request, Response, endpoint, required_setting

CACHE_SECONDS = 300
FILES = Path(__file__).parent

STAGE = required_setting("STAGE")
SHOP_URL = required_setting("SHOP_URL")


@cache
def document_of_stage() -> str:
    """Return the document with this stage's address, and without routes of other stages."""
    document = json.loads((FILES / "openapi.json").read_text("utf-8"))
    document["servers"] = [{"url": SHOP_URL, "description": f"Stage {STAGE}"}]
    for path, methods in list(document["paths"].items()):
        for method, operation in list(methods.items()):
            if STAGE not in operation.get("x-stages", (STAGE,)):
                del methods[method]
        if not methods:
            del document["paths"][path]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


@endpoint()
def handler(request: Request[None]) -> Response:
    return cacheable(request, document_of_stage(), seconds=CACHE_SECONDS)
