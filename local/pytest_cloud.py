"""A pytest plugin: ``cloud``, a deployed shop of stage ``test``, for tests that go over HTTP.

A conftest imports the fixture, or names ``pytest_plugins = ["local.pytest_cloud"]`` at the top of
``tests/``. The shop is empty and belongs to the session: it runs beside a developer's, on other
ports, and ends with the session, even if that is killed. IAM is enforced, so a journey also tests
that each function has the permissions it needs.
"""

import os
from collections.abc import Iterator

import pytest

from local.cloud import Cloud
from local.processes import ROOT


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """Start an empty shop on an emulated AWS; its base URL is ``cloud.url``."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    shop = Cloud(
        ROOT / ".local" / f"test-cloud{worker}",
        stage="test",
        port=0,
        lifeline=True,
        auth=True,
        quiet=True,
    )
    shop.reset()
    try:
        shop.up(seed=False)
        yield shop
    finally:
        shop.down()
