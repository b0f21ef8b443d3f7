"""The shop's doors over moto."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.kit.shop import create_queues, create_tables


@pytest.fixture
def cloud() -> Iterator[None]:
    """Empty tables and queues in one process."""
    with mock_aws():
        create_tables()
        create_queues()
        yield
