"""GET /docs: the API reference, as a page without scripts.

The package contains the page and its policy; ``infra.openapi_page`` writes both.
"""

from functools import cache
from pathlib import Path

from shop.entrypoints.caching import cacheable
from shop.entrypoints.http import Request, Response, endpoint

CACHE_SECONDS = 300
FILES = Path(__file__).parent


@cache
def read(name: str) -> str:
    return (FILES / name).read_text("utf-8")


@endpoint()
def handler(request: Request[None]) -> Response:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": read("reference.csp"),
    }
    return cacheable(request, read("reference.html"), seconds=CACHE_SECONDS, headers=headers)
