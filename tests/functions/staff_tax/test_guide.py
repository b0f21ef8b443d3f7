"""docs/guide/germany-and-california.md: the requests of each shop, sent by the page's commands."""

import os
import re
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.http_api import HttpApi

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/guide/germany-and-california.md").read_text("utf-8")
PREPARATION, *SHOPS = re.split(r"^## (?=A shop in )", GUIDE, flags=re.MULTILINE)
MAKE = 'make() { test "$*" = "-s token ROLE=admin" && echo token; }\n'

API = HttpApi()

pytestmark = pytest.mark.usefixtures("cloud")


class _Request(BaseHTTPRequestHandler):
    """A request that a handler answers over moto."""

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        response = API.send(
            self.command, path, query=query, headers=dict(self.headers.items()), body=body
        )
        if self.command == "PUT":
            # The guide waits for no cache: a change is in force in the next request.
            rule_set_cache(tax_table_cache()).clear()
        content = (response.text or "").encode()
        self.send_response(response.status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815  names of the standard library

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the same
        """Write no log: a failed request fails its command."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Request) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    rule_set_cache(tax_table_cache()).clear()


def test_the_guide_sets_up_two_shops() -> None:
    assert [shop.split("\n")[0] for shop in SHOPS] == [
        "A shop in Germany",
        "A shop in California",
    ]


@pytest.mark.parametrize("shop", SHOPS, ids=["germany", "california"])
def test_commands_print_the_results_of_the_guide(shop: str, url: str, tmp_path: Path) -> None:
    # Given the commands of the shop, after those that define the helpers
    blocks = re.findall(r"^```sh\n(.*?)^```$", PREPARATION + shop, re.MULTILINE | re.DOTALL)
    # When they run in one shell that stops at the first failure
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([MAKE, *blocks])],
        env={**os.environ, "SHOP": url},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # Then each prints the result that its comment names
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    expected = re.findall(r"# prints (.+)$", "\n".join(blocks), re.MULTILINE)
    assert len(expected) >= 7
    assert done.stdout.split("\n")[:-1] == expected
