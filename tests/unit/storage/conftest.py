"""A unit of work over emulated tables."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.shop import create_tables


@pytest.fixture(params=["dynamo"])
def unit_of_work(request: pytest.FixtureRequest) -> Iterator[DynamoUnitOfWork]:
    with mock_aws():
        create_tables()
        yield DynamoUnitOfWork(connection())
