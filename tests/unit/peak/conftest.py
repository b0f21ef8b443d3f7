"""Traffic peak stores, on the doubles and on DynamoDB (moto)."""

from collections.abc import Iterator

import pytest

from shop.peak.ports import (
    CapacityStateStore,
    SwitchRepository,
    TicketCounter,
    WaitingRoomRepository,
)
from tests.doubles.peak import (
    MemoryCapacityStateStore,
    MemorySwitchRepository,
    MemoryTicketCounter,
    MemoryWaitingRooms,
)


@pytest.fixture(params=["memory", "dynamo"])
def switches(request: pytest.FixtureRequest) -> Iterator[SwitchRepository]:
    if request.param == "memory":
        yield MemorySwitchRepository()
        return
    from moto import mock_aws

    from shop.peak.store.kill_switches import DynamoSwitchRepository
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoSwitchRepository()


@pytest.fixture(params=["memory", "dynamo"])
def state_store(request: pytest.FixtureRequest) -> Iterator[CapacityStateStore]:
    if request.param == "memory":
        yield MemoryCapacityStateStore()
        return
    from moto import mock_aws

    from shop.peak.store.capacity import DynamoCapacityStateStore
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoCapacityStateStore()


@pytest.fixture(params=["memory", "dynamo"])
def room_repository(request: pytest.FixtureRequest) -> Iterator[WaitingRoomRepository]:
    if request.param == "memory":
        yield MemoryWaitingRooms()
        return
    from moto import mock_aws

    from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoWaitingRoomRepository()


@pytest.fixture(params=["memory", "dynamo"])
def counter(request: pytest.FixtureRequest) -> Iterator[TicketCounter]:
    if request.param == "memory":
        yield MemoryTicketCounter()
        return
    from moto import mock_aws

    from shop.peak.store.waiting_rooms import DynamoTicketCounter
    from tests.kit.shop import create_tables

    with mock_aws():
        create_tables()
        yield DynamoTicketCounter()
