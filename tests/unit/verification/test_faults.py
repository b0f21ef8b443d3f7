"""Each fault affects its own call, in its own thread, and no other."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from tests.kit.faults import (
    READ_FAULTS,
    WRITE_FAULTS,
    Crash,
    Fault,
    FaultInjector,
    fault_injection,
    without_faults,
)


@dataclass
class FakeDynamoDB:
    """Counts the calls that reach it."""

    reached: list[str] = field(default_factory=list)

    def __call__(self, operation: str, payload: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        self.reached.append(operation)
        return 200, {"Item": {"PK": {"S": "a"}}} if operation == "GetItem" else {}


class Note(Model):
    class Meta:
        table_name = "notes"
        region = "us-east-1"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")


@pytest.fixture
def table() -> Iterator[FakeDynamoDB]:
    dynamodb = FakeDynamoDB()
    with fault_injection({"DynamoDB_20120810": dynamodb}):
        yield dynamodb


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("dynamodb", region_name="us-east-1")


def put(client: Any) -> None:
    client.put_item(TableName="notes", Item={"PK": {"S": "a"}})


def transact(client: Any) -> None:
    item = {"Put": {"TableName": "notes", "Item": {"PK": {"S": "a"}}}}
    other = {"Put": {"TableName": "notes", "Item": {"PK": {"S": "b"}}}}
    client.transact_write_items(TransactItems=[item, other])


def test_without_faults_calls_are_only_counted(table: FakeDynamoDB, client: Any) -> None:
    with FaultInjector() as injector:
        put(client)
        transact(client)
    assert [str(call) for call in injector.calls] == [
        "0:PutItem(notes)",
        "1:TransactWriteItems(notes+notes)",
    ]
    assert table.reached == ["PutItem", "TransactWriteItems"]


@pytest.mark.slow
def test_pynamodb_calls_are_injected_too(table: FakeDynamoDB) -> None:
    with FaultInjector({0: Fault.CRASH_BEFORE}), pytest.raises(Crash):
        Note("a").save()
    assert table.reached == []


@pytest.mark.parametrize(("fault", "reached"), [(Fault.CRASH_BEFORE, 0), (Fault.CRASH_AFTER, 1)])
def test_crash_happens_before_or_after_the_call(
    table: FakeDynamoDB, client: Any, fault: Fault, reached: int
) -> None:
    with FaultInjector({1: fault}) as injector:
        put(client)
        with pytest.raises(Crash):
            put(client)
    assert len(table.reached) == 1 + reached
    assert [each for _, each in injector.applied] == [fault]


@pytest.mark.parametrize(
    ("fault", "reached"), [(Fault.RESPONSE_LOST, 2), (Fault.THROTTLED, 1), (Fault.LATE, 1)]
)
def test_fault_that_the_sdk_retries_ends_well(
    table: FakeDynamoDB, client: Any, fault: Fault, reached: int
) -> None:
    with FaultInjector({0: fault}) as injector:
        put(client)
    assert len(table.reached) == reached
    assert len(injector.calls) == 2


def test_late_attempt_is_delivered_once(table: FakeDynamoDB, client: Any) -> None:
    with FaultInjector({0: Fault.LATE}) as injector:
        put(client)
        injector.deliver_late_calls()
        injector.deliver_late_calls()
    assert table.reached == ["PutItem"] * 2


@pytest.mark.parametrize(("fault", "reached"), [(Fault.UNREACHABLE, 0), (Fault.DISCONNECTED, 1)])
def test_every_call_fails_until_the_network_is_back(
    table: FakeDynamoDB, client: Any, fault: Fault, reached: int
) -> None:
    with FaultInjector({0: fault}) as injector:
        for _ in range(2):
            with pytest.raises(EndpointConnectionError):
                put(client)
        assert len(table.reached) == reached
        injector.reconnect()
        put(client)
    assert len(table.reached) == reached + 1


def test_always_throttled_affects_one_call_only(table: FakeDynamoDB, client: Any) -> None:
    with FaultInjector({0: Fault.ALWAYS_THROTTLED}):
        with pytest.raises(ClientError, match="ThrottlingException"):
            put(client)
        transact(client)
    assert table.reached == ["TransactWriteItems"]


def test_conflict_cancels_a_transaction_with_reasons(table: FakeDynamoDB, client: Any) -> None:
    with FaultInjector({0: Fault.CONFLICT, 1: Fault.CONFLICT}):
        with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
            transact(client)
        with pytest.raises(client.exceptions.TransactionConflictException):
            put(client)
    reasons = [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]]
    assert reasons == ["TransactionConflict", "None"]
    assert table.reached == []


def test_concurrent_action_runs_before_the_call(table: FakeDynamoDB, client: Any) -> None:
    injector = FaultInjector({0: Fault.CRASH_BEFORE}, {0: lambda _: transact(client)})
    with injector, pytest.raises(Crash):
        put(client)
    assert table.reached == ["TransactWriteItems"]
    assert len(injector.calls) == 1


def test_other_threads_and_calls_without_faults_are_not_affected(
    table: FakeDynamoDB, client: Any
) -> None:
    with FaultInjector({0: Fault.CRASH_BEFORE}) as injector:
        other = threading.Thread(target=put, args=(client,))
        other.start()
        other.join()
        with without_faults():
            put(client)
    assert (len(table.reached), injector.calls) == (2, [])


def test_reads_have_no_conflicts_and_writes_have_every_fault(
    table: FakeDynamoDB, client: Any
) -> None:
    with FaultInjector() as injector:
        client.get_item(TableName="notes", Key={"PK": {"S": "a"}})
        put(client)
    read, write = injector.calls
    assert read.faults == READ_FAULTS
    assert set(write.faults) == {*WRITE_FAULTS, Fault.CONFLICT} == set(Fault)


def test_fault_waits_for_a_call_that_it_can_happen_to(table: FakeDynamoDB, client: Any) -> None:
    with FaultInjector({0: Fault.CONFLICT}) as injector:
        client.get_item(TableName="notes", Key={"PK": {"S": "a"}})
        assert injector.applied == []
        with pytest.raises(client.exceptions.TransactionConflictException):
            put(client)
        put(client)
    assert table.reached == ["GetItem", "PutItem"]
