"""A unit of work over emulated tables."""

from collections.abc import Iterator

import pytest

from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.shop import create_tables, mock_aws


@pytest.fixture(params=["dynamo"])
def unit_of_work(request: pytest.FixtureRequest) -> Iterator[DynamoUnitOfWork]:
    with mock_aws():
        create_tables()
        yield DynamoUnitOfWork(connection())
