"""The shop's doors over moto."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.kit.shop import create_tables


@pytest.fixture
def cloud() -> Iterator[None]:
    """Empty tables in one process."""
    with mock_aws():
        create_tables()
        yield
