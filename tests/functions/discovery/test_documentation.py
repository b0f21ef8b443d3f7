"""docs/ucp.md says what the manifests and the code say."""

import re
from pathlib import Path

from functions.mcp.handle_mcp import TOOLS
from shop.entrypoints.fault_mapping import HTTP_STATUS_BY_ERROR
from shop.entrypoints.ucp import CAPABILITIES, VERSION

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "ucp.md").read_text()


def test_every_tool_stands_beside_its_route() -> None:
    told = set(re.findall(r"\| `((?:GET|POST|PUT) /[^`]+)` \| `([a-z_]+)` \|", DOCUMENT))
    assert told == {(tool.route, tool.name) for tool in TOOLS}


def test_every_capability_is_told_and_no_other() -> None:
    assert set(re.findall(r"\| `(dev\.ucp\.[a-z._]+)` \|", DOCUMENT)) == set(CAPABILITIES)
    assert f"UCP {VERSION}" in DOCUMENT


def test_every_status_of_a_refusal_is_told() -> None:
    for status in HTTP_STATUS_BY_ERROR.values():
        assert re.search(rf"^\| (?:\d+, )?{status}[ ,]", DOCUMENT, re.MULTILINE), status


def test_every_page_it_points_at_is_there() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    for link in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert link.startswith("https://") or (docs / link).exists(), link
