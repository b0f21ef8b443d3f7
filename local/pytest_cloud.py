"""A pytest plugin: ``cloud``, a deployed shop of stage ``test``, for tests that go over HTTP.

A conftest takes it with ``pytest_plugins = ["local.pytest_cloud"]`` at the top of ``tests/`` or
by importing the fixture. The shop begins empty and is the session's own: it runs beside a
developer's, on other ports, and ends with the session, even one that is killed. IAM is enforced in
it, so that a journey also proves that each function may do what it must.
"""

import os
from collections.abc import Iterator

import pytest

from local.cloud import Cloud
from local.processes import ROOT


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The shop on an emulated AWS, empty, its base URL at ``cloud.url``."""
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
