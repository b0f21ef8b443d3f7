"""An agent's platform on 127.0.0.1, which publishes a valid or invalid profile."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

from shop.entrypoints import profile_fetch

VERSION = "2026-08-25"
MAX_WAIT_SECONDS = 60.0
"""Guard against hanging; no test waits this long."""
EVERYTHING = (
    "dev.ucp.shopping.catalog.search",
    "dev.ucp.shopping.catalog.lookup",
    "dev.ucp.shopping.cart",
    "dev.ucp.shopping.checkout",
    "dev.ucp.shopping.fulfillment",
    "dev.ucp.shopping.discount",
    "dev.ucp.shopping.split_payments",
    "dev.ucp.common.loyalty",
    "dev.ucp.shopping.order",
)


def profile(
    capabilities: Iterable[str] = EVERYTHING, *, version: str = VERSION, **more: Any
) -> dict[str, Any]:
    """Return a platform's profile with these capabilities in its own version."""
    entities: dict[str, Any] = {
        name: [
            {
                "version": version,
                "spec": f"https://ucp.dev/{version}/specification/overview",
                "schema": f"https://ucp.dev/{version}/schemas/{name.rsplit('.', 1)[-1]}.json",
            }
        ]
        for name in capabilities
    }
    return {
        "ucp": {
            "version": version,
            "services": {},
            "capabilities": entities,
            "payment_handlers": {},
            **more,
        }
    }


class Platform:
    """The platform's response, which a test may change, and the number of its requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.headers: dict[str, str] = {"Cache-Control": "public, max-age=300"}
        self.body: bytes = json.dumps(profile()).encode()
        self.chunks: Iterable[bytes] | None = None
        """Chunks to send instead of ``body``; the iterable may be slow."""
        self.requests = 0

    def publish(self, document: Any) -> None:
        """Respond with this document from now on."""
        self.body = json.dumps(document).encode()

    @property
    def agent(self) -> str:
        """The ``UCP-Agent`` header of its own requests."""
        return f'profile="{self.url}"'

    @property
    def as_agent(self) -> Mapping[str, str]:
        return {"ucp-agent": self.agent}


@contextmanager
def platform() -> Iterator[Platform]:
    """Run a platform on a free port.

    The shop waits up to a minute for it, because a busy machine may take longer than two seconds.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.requests += 1
            self.send_response(running.status)
            for name, value in running.headers.items():
                self.send_header(name, value)
            if running.chunks is None:
                self.send_header("Content-Length", str(len(running.body)))
            self.end_headers()
            try:
                for chunk in running.chunks if running.chunks is not None else (running.body,):
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except OSError:
                pass  # the shop closed the connection, as it should

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Platform(f"http://127.0.0.1:{server.server_address[1]}/profile.json")
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        with patch.object(profile_fetch, "TIMEOUT_SECONDS", MAX_WAIT_SECONDS):
            yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
