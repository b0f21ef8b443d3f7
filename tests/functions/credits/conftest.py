"""Fixtures of all credits tests: empty tables, mugs to buy, and a fixed clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from tests.kit.products import mug, publish_with_stock


@pytest.fixture(autouse=True)
def _mugs_in_stock(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


@pytest.fixture
def one_window() -> Iterator[None]:
    """Let all requests arrive at one instant, so that their attempts count in one window."""
    with patch("shop.entrypoints.http.datetime") as clock:
        clock.now.return_value = datetime.now(UTC)
        yield
