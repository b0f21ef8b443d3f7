"""The peak's ports, each as the double and as the table."""

from collections.abc import Iterator

import pytest

from shop.peak.ports import Memory, Switches
from tests.doubles.peak import MemoryMemory, MemorySwitches


@pytest.fixture(params=["memory", "dynamo"])
def switches(request: pytest.FixtureRequest) -> Iterator[Switches]:
    if request.param == "memory":
        yield MemorySwitches()
        return
    from moto import mock_aws

    from shop.peak.store import DynamoSwitches
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoSwitches()


@pytest.fixture(params=["memory", "dynamo"])
def memory(request: pytest.FixtureRequest) -> Iterator[Memory]:
    if request.param == "memory":
        yield MemoryMemory()
        return
    from moto import mock_aws

    from shop.peak.store import DynamoMemory
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoMemory()
