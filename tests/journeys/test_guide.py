"""docs/guide/first-day.md, step by step: every `sh` block runs in one shell, in order."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from local import token
from local.cloud import Cloud

pytestmark = pytest.mark.journey

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/first-day.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def test_every_step_of_the_first_day_works(cloud: Cloud) -> None:
    # Given the token that `make token` would print
    stub = 'make() { test "$*" = "-s token ROLE=admin" && echo "$ADMIN_TOKEN"; }'
    steps = [f"echo '== {number}'\n{block}" for number, block in enumerate(BLOCKS)]
    # When the blocks run in one shell that stops at the first failure
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([stub, *steps])],
        env={**os.environ, "SHOP": cloud.url, "ADMIN_TOKEN": token.token_of(cloud, "admin")},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    # Then each succeeds, and prints what the guide says of it
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    sections = re.split(r"^== \d+$", done.stdout, flags=re.MULTILINE)[1:]
    assert len(sections) == len(BLOCKS)

    def printed_by(command: str) -> list[str]:
        """Return the lines that the last block with this command printed."""
        number = max(n for n, block in enumerate(BLOCKS) if command in block)
        return sections[number].split()

    assert "completed" in printed_by("get status)")
    total = int(printed_by("/complete '")[-1])
    location, returned = printed_by("/returns '")
    assert location == "main"
    assert 0 < int(returned) < total
    assert printed_by("get on_hand") == ["9"]
    assert printed_by("/refunds '") == ["500", str(int(returned) + 500)]
    assert printed_by("orders.0.refunded") == [returned, str(int(returned) + 500)]
