"""The doorframes behind the API: queue, stream, step, reaction, schedule."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.entrypoints import sqs
from shop.entrypoints.dynamodb_stream import (
    BatchItemFailed,
    StreamRecord,
    from_dynamodb_value,
    stream_reader,
)
from shop.entrypoints.eventbridge import EventEnvelope, emit_metrics, event_handler
from shop.entrypoints.scheduler import scheduled
from shop.entrypoints.sqs import QueueMessage, consumer
from shop.entrypoints.step_functions import WorkflowTask, workflow_task
from shop.kernel.errors import Conflict, InvalidRequest, Unavailable
from tests.kit.shop import Context


class Note(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    text: Annotated[str, StringConstraints(max_length=9)]


# Queue


def batch(*bodies: str, attempt: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"m{n}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(attempt)},
            }
            for n, body in enumerate(bodies)
        ]
    }


def failed(answer: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_message_arrives_read_and_counted() -> None:
    seen: list[QueueMessage[Note]] = []
    handler = consumer(Note)(seen.append)
    assert failed(handler(batch('{"text": "Ø"}', attempt=3), Context())) == []
    (message,) = seen
    assert (message.body.text, message.id, message.attempt) == ("Ø", "m0", 3)
    assert message.at.tzinfo is UTC


@pytest.mark.parametrize(
    "poison",
    ["", "{", "7", "null", '{"text": 7}', '{"text": "0123456789"}', "{}", "\ud800", "[" * 9999],
)
def test_a_message_that_makes_no_sense_fails_alone(poison: str) -> None:
    seen: list[str] = []
    handler = consumer(Note)(lambda message: seen.append(message.body.text))
    answer = handler(batch('{"text": "a"}', poison, '{"text": "b"}'), Context())
    assert (failed(answer), seen) == (["m1"], ["a", "b"])


@pytest.mark.parametrize("error", [Unavailable("later"), Conflict("no"), KeyError("bug")])
def test_a_message_whose_door_fails_comes_back_alone(error: Exception) -> None:
    def door(message: QueueMessage[Note]) -> None:
        if message.body.text == "b":
            raise error

    handler = consumer(Note)(door)
    assert failed(handler(batch(*(f'{{"text": "{c}"}}' for c in "abc")), Context())) == ["m1"]


def test_what_stays_untrue_is_refused_once_and_reported(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def door(message: QueueMessage[Note]) -> None:
        raise InvalidRequest("of the year 1", code="too_old")

    handler = consumer(Note, final=(InvalidRequest,))(door)
    assert failed(handler(batch('{"text": "a"}', "{"), Context())) == ["m1"]
    assert [vars(record).get("code") for record in caplog.records] == ["too_old"]
    assert capsys.readouterr().out.count('"MessagesRefused":1') == 1
    assert failed(consumer(Note)(door)(batch('{"text": "a"}'), Context())) == ["m0"]


@pytest.mark.slow
def test_a_message_is_put_on_a_queue_as_json_and_late_if_asked() -> None:
    with mock_aws():
        sqs._queues.cache_clear()
        client = boto3.client("sqs")
        url = client.create_queue(QueueName="q")["QueueUrl"]
        sqs.send_message(url, {"text": "Ø"})
        (message,) = client.receive_message(QueueUrl=url)["Messages"]
        assert json.loads(message["Body"]) == {"text": "Ø"}
        sqs.send_message(url, {"text": "later"}, delay=60)
        assert "Messages" not in client.receive_message(QueueUrl=url)
        sqs._queues.cache_clear()


# Stream


def change(n: int, **images: Any) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": str(n), **images}}


def read(door: Any, *records: dict[str, Any]) -> list[str]:
    return failed(stream_reader(door)({"Records": list(records)}, Context()))


def test_changes_arrive_in_order_with_both_images() -> None:
    seen: list[StreamRecord] = []

    def door(changes: Sequence[StreamRecord]) -> None:
        seen.extend(changes)

    new = {"a": {"N": "1"}}
    assert read(door, change(1, NewImage=new), change(2, OldImage=new)) == []
    assert seen == [StreamRecord("1", None, {"a": 1}), StreamRecord("2", {"a": 1}, None)]


def test_the_first_that_failed_is_reported() -> None:
    assert read(lambda changes: changes[1].sequence, change(1), change(2), change(3)) == ["2"]


def test_the_one_in_front_fails_the_batch_so_that_it_is_halved() -> None:
    with pytest.raises(BatchItemFailed):
        read(lambda changes: changes[0].sequence, change(1), change(2))


def test_what_is_behind_an_unreadable_change_is_not_shown_to_the_door() -> None:
    seen: list[str] = []

    def door(changes: Sequence[StreamRecord]) -> None:
        seen.extend(each.sequence for each in changes)

    bad = change(2, NewImage={"a": {"Q": "?"}})
    assert read(door, change(1), bad, change(3)) == ["2"]
    assert seen == ["1"]
    with pytest.raises(BatchItemFailed):
        read(door, bad, change(3))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(json_like)
def test_images_read_as_they_were_written(value: Any) -> None:
    assert from_dynamodb_value(TypeSerializer().serialize(value)) == value


def test_images_of_the_other_kinds_read_as_well() -> None:
    assert from_dynamodb_value({"B": base64.b64encode(b"\x00\xff").decode()}) == b"\x00\xff"
    assert from_dynamodb_value({"N": "1.50"}) == "1.50"
    assert from_dynamodb_value({"N": "-7"}) == -7
    assert from_dynamodb_value({"SS": ["a"]}) == ["a"]
    assert from_dynamodb_value({"NS": ["1", "2"]}) == [1, 2]
    assert from_dynamodb_value({"BS": [base64.b64encode(b"x").decode()]}) == [b"x"]
    with pytest.raises(ValueError):
        from_dynamodb_value({"X": 1})


# Steps


def test_a_step_is_told_its_order_and_its_token() -> None:
    seen: list[WorkflowTask] = []
    handler = workflow_task(seen.append)
    assert handler({"order_id": "ord_1", "token": "t"}, Context()) == {"order_id": "ord_1"}
    assert (seen[0].order_id, seen[0].token, seen[0].failure) == ("ord_1", "t", "")


@pytest.mark.parametrize("goes_on", [True, False])
def test_an_undo_says_whether_the_workflow_goes_on(goes_on: bool) -> None:
    seen: list[WorkflowTask] = []

    def door(undo: WorkflowTask) -> bool:
        seen.append(undo)
        return goes_on

    event = {"order_id": "ord_1", "failure": {"Error": "States.Timeout", "Cause": ""}}
    said = {"order_id": "ord_1", "goes_on": goes_on, "again": False}
    assert workflow_task(door)(event, Context()) == said
    assert seen[0].failure == "States.Timeout"


def test_a_step_that_fails_fails_by_its_name() -> None:
    def door(step: WorkflowTask) -> None:
        raise Conflict("no")

    with pytest.raises(Conflict):
        workflow_task(door)({"order_id": "ord_1"}, Context())


# Reactions, the clock, the numbers


def happened(**more: Any) -> dict[str, Any]:
    detail = {"id": "e1", "subject": "ord_1", "at": "2026-11-27T08:00:00+00:00", "data": {"n": 1}}
    return {"detail-type": "OrderPlaced", "detail": {**detail, **more}}


def test_a_reaction_hears_what_happened() -> None:
    seen: list[EventEnvelope] = []
    event_handler(seen.append)(happened(), Context())
    (event,) = seen
    assert (event.id, event.type, event.subject, event.data) == (
        "e1",
        "OrderPlaced",
        "ord_1",
        {"n": 1},
    )
    assert event.at == datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert event.now.tzinfo is UTC


def test_a_reaction_that_fails_is_woken_again() -> None:
    def door(event: EventEnvelope) -> None:
        raise Unavailable("later")

    with pytest.raises(Unavailable):
        event_handler(door)(happened(), Context())


def test_what_the_clock_wakes_says_what_it_did() -> None:
    assert scheduled(lambda at: {"year": at.year >= 2026})({}, Context()) == {"year": True}


def test_numbers_are_written_in_cloudwatchs_embedded_format(
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit_metrics(
        {"Revenue": 38.39}, datetime(2026, 11, 27, 8, tzinfo=UTC), Stage="test", Currency="USD"
    )
    line = json.loads(capsys.readouterr().out)
    assert (line["Stage"], line["Currency"], line["Revenue"]) == ("test", "USD", 38.39)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Doorbuster",
        "Dimensions": [["Stage", "Currency"]],
        "Metrics": [{"Name": "Revenue"}],
    }
    assert line["_aws"]["Timestamp"] == 1795766400000
