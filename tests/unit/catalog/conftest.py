"""The ports' implementations under test: in memory, and on DynamoDB (moto)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.catalog import MemoryProductCatalog
from tests.kit.shop import create_tables, mock_aws


@pytest.fixture(params=["memory", "dynamo"])
def catalog(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryProductCatalog()
        return
    with mock_aws():
        create_tables()
        from shop.catalog.store import DynamoProductCatalog

        yield DynamoProductCatalog()


@pytest.fixture
def table() -> Iterator[None]:
    with mock_aws():
        create_tables()
        yield
