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
    # Then each succeeds, and the last blocks print the refund of one table and the stock
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    printed = done.stdout.split()
    assert "completed" in printed
    total, refunded = int(printed[printed.index("ready_for_complete") + 3]), int(printed[-4])
    assert 0 < refunded < total
    assert printed[-1] == "9"
