"""docs/ucp.md agrees with the manifests and the code."""

import re
from pathlib import Path

from functions.mcp.handle_mcp import TOOLS
from shop.entrypoints.fault_mapping import HTTP_STATUS_BY_ERROR
from shop.entrypoints.ucp import CAPABILITIES, VERSION

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "ucp.md").read_text()


def test_every_tool_is_documented_with_its_route() -> None:
    documented = set(re.findall(r"\| `((?:GET|POST|PUT) /[^`]+)` \| `([a-z_]+)` \|", DOCUMENT))
    assert documented == {(tool.route, tool.name) for tool in TOOLS}


def test_exactly_the_supported_capabilities_are_documented() -> None:
    assert set(re.findall(r"\| `(dev\.ucp\.[a-z._]+)` \|", DOCUMENT)) == set(CAPABILITIES)
    assert f"UCP {VERSION}" in DOCUMENT


def test_every_http_status_of_an_error_is_documented() -> None:
    for status in HTTP_STATUS_BY_ERROR.values():
        assert re.search(rf"^\| (?:\d+, )?{status}[ ,]", DOCUMENT, re.MULTILINE), status


def test_every_link_target_exists() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    for link in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert link.startswith("https://") or (docs / link).exists(), link
