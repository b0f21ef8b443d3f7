"""Each fault does what it says: to the call it is meant for, in its thread, and to no other."""

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
    faulty,
    undisturbed,
)


@dataclass
class Shelf:
    """A DynamoDB that only counts what reached it."""

    reached: list[str] = field(default_factory=list)

    def __call__(self, operation: str, said: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        self.reached.append(operation)
        return 200, {"Item": {"PK": {"S": "a"}}} if operation == "GetItem" else {}


class Note(Model):
    class Meta:
        table_name = "notes"
        region = "us-east-1"

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")


@pytest.fixture
def faulty_table() -> Iterator[Shelf]:
    there = Shelf()
    with faulty({"DynamoDB_20120810": there}):
        yield there


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("dynamodb", region_name="us-east-1")


def put(client: Any) -> None:
    client.put_item(TableName="notes", Item={"PK": {"S": "a"}})


def transact(client: Any) -> None:
    item = {"Put": {"TableName": "notes", "Item": {"PK": {"S": "a"}}}}
    other = {"Put": {"TableName": "notes", "Item": {"PK": {"S": "b"}}}}
    client.transact_write_items(TransactItems=[item, other])


def test_without_a_fault_calls_are_only_counted(faulty_table: Shelf, client: Any) -> None:
    with FaultInjector() as wire:
        put(client)
        transact(client)
    assert [str(call) for call in wire.calls] == [
        "0:PutItem(notes)",
        "1:TransactWriteItems(notes+notes)",
    ]
    assert faulty_table.reached == ["PutItem", "TransactWriteItems"]


@pytest.mark.slow
def test_pynamodb_goes_by_the_same_wire(faulty_table: Shelf) -> None:
    with FaultInjector({0: Fault.CRASH_BEFORE}), pytest.raises(Crash):
        Note("a").save()
    assert faulty_table.reached == []


@pytest.mark.parametrize(("fault", "reached"), [(Fault.CRASH_BEFORE, 0), (Fault.CRASH_AFTER, 1)])
def test_a_crash_is_before_or_after_the_call(
    faulty_table: Shelf, client: Any, fault: Fault, reached: int
) -> None:
    with FaultInjector({1: fault}) as wire:
        put(client)
        with pytest.raises(Crash):
            put(client)
    assert len(faulty_table.reached) == 1 + reached
    assert [each for _, each in wire.struck] == [fault]


@pytest.mark.parametrize(
    ("fault", "reached"), [(Fault.ANSWER_LOST, 2), (Fault.THROTTLED, 1), (Fault.LATE, 1)]
)
def test_what_the_sdk_makes_again_succeeds(
    faulty_table: Shelf, client: Any, fault: Fault, reached: int
) -> None:
    with FaultInjector({0: fault}) as wire:
        put(client)
    assert len(faulty_table.reached) == reached
    assert len(wire.calls) == 2


def test_what_is_late_arrives_after_all(faulty_table: Shelf, client: Any) -> None:
    with FaultInjector({0: Fault.LATE}) as wire:
        put(client)
        wire.arrive()
        wire.arrive()
    assert faulty_table.reached == ["PutItem"] * 2


@pytest.mark.parametrize(("fault", "reached"), [(Fault.UNREACHABLE, 0), (Fault.CUT_OFF, 1)])
def test_without_a_network_nothing_works_until_it_is_back(
    faulty_table: Shelf, client: Any, fault: Fault, reached: int
) -> None:
    with FaultInjector({0: fault}) as wire:
        for _ in range(2):
            with pytest.raises(EndpointConnectionError):
                put(client)
        assert len(faulty_table.reached) == reached
        wire.heal()
        put(client)
    assert len(faulty_table.reached) == reached + 1


def test_busy_refuses_one_call_however_often_and_no_other(faulty_table: Shelf, client: Any) -> None:
    with FaultInjector({0: Fault.BUSY}):
        with pytest.raises(ClientError, match="ThrottlingException"):
            put(client)
        transact(client)
    assert faulty_table.reached == ["TransactWriteItems"]


def test_a_conflict_cancels_a_transaction_with_its_reasons(
    faulty_table: Shelf, client: Any
) -> None:
    with FaultInjector({0: Fault.CONFLICT, 1: Fault.CONFLICT}):
        with pytest.raises(client.exceptions.TransactionCanceledException) as cancelled:
            transact(client)
        with pytest.raises(client.exceptions.TransactionConflictException):
            put(client)
    reasons = [reason["Code"] for reason in cancelled.value.response["CancellationReasons"]]
    assert reasons == ["TransactionConflict", "None"]
    assert faulty_table.reached == []


def test_somebody_else_acts_while_a_call_stalls(faulty_table: Shelf, client: Any) -> None:
    wire = FaultInjector({0: Fault.CRASH_BEFORE}, {0: lambda _: transact(client)})
    with wire, pytest.raises(Crash):
        put(client)
    assert faulty_table.reached == ["TransactWriteItems"]
    assert len(wire.calls) == 1


def test_other_threads_and_undisturbed_calls_are_left_alone(
    faulty_table: Shelf, client: Any
) -> None:
    with FaultInjector({0: Fault.CRASH_BEFORE}) as wire:
        other = threading.Thread(target=put, args=(client,))
        other.start()
        other.join()
        with undisturbed():
            put(client)
    assert (len(faulty_table.reached), wire.calls) == (2, [])


def test_reads_are_not_cancelled_and_writes_are_lost_in_every_way(
    faulty_table: Shelf, client: Any
) -> None:
    with FaultInjector() as wire:
        client.get_item(TableName="notes", Key={"PK": {"S": "a"}})
        put(client)
    read, write = wire.calls
    assert read.faults == READ_FAULTS
    assert set(write.faults) == {*WRITE_FAULTS, Fault.CONFLICT} == set(Fault)


def test_a_fault_waits_for_a_call_that_it_can_befall(faulty_table: Shelf, client: Any) -> None:
    with FaultInjector({0: Fault.CONFLICT}) as wire:
        client.get_item(TableName="notes", Key={"PK": {"S": "a"}})
        assert wire.struck == []
        with pytest.raises(client.exceptions.TransactionConflictException):
            put(client)
        put(client)
    assert faulty_table.reached == ["GetItem", "PutItem"]
