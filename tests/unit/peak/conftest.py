"""The peak's ports, each as the double and as the table."""

from collections.abc import Iterator

import pytest

from shop.peak.ports import Counter, Memory, RoomBook, Switches
from tests.doubles.peak import MemoryCounter, MemoryMemory, MemoryRooms, MemorySwitches


@pytest.fixture(params=["memory", "dynamo"])
def switches(request: pytest.FixtureRequest) -> Iterator[Switches]:
    if request.param == "memory":
        yield MemorySwitches()
        return
    from moto import mock_aws

    from shop.peak.store.switches import DynamoSwitches
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

    from shop.peak.store.capacity import DynamoMemory
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoMemory()


@pytest.fixture(params=["memory", "dynamo"])
def book(request: pytest.FixtureRequest) -> Iterator[RoomBook]:
    if request.param == "memory":
        yield MemoryRooms()
        return
    from moto import mock_aws

    from shop.peak.store.rooms import DynamoRoomBook
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoRoomBook()


@pytest.fixture(params=["memory", "dynamo"])
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    if request.param == "memory":
        yield MemoryCounter()
        return
    from moto import mock_aws

    from shop.peak.store.rooms import DynamoCounter
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoCounter()
