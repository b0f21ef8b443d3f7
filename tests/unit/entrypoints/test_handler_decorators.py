"""The adapters besides HTTP: queue, stream, workflow task, event handler, schedule."""

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
from tests.kit.shop import Context, mock_aws


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


def failed(response: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def test_message_has_parsed_body_and_attempt() -> None:
    seen: list[QueueMessage[Note]] = []
    handler = consumer(Note)(seen.append)
    assert failed(handler(batch('{"text": "Ø"}', attempt=3), Context())) == []
    (message,) = seen
    assert (message.body.text, message.id, message.attempt) == ("Ø", "m0", 3)
    assert message.at.tzinfo is UTC


@pytest.mark.parametrize(
    "malformed",
    ["", "{", "7", "null", '{"text": 7}', '{"text": "0123456789"}', "{}", "\ud800", "[" * 9999],
)
def test_malformed_message_fails_alone(malformed: str) -> None:
    seen: list[str] = []
    handler = consumer(Note)(lambda message: seen.append(message.body.text))
    response = handler(batch('{"text": "a"}', malformed, '{"text": "b"}'), Context())
    assert (failed(response), seen) == (["m1"], ["a", "b"])


@pytest.mark.parametrize("error", [Unavailable("later"), Conflict("no"), KeyError("bug")])
def test_message_whose_function_fails_returns_alone(error: Exception) -> None:
    def function(message: QueueMessage[Note]) -> None:
        if message.body.text == "b":
            raise error

    handler = consumer(Note)(function)
    assert failed(handler(batch(*(f'{{"text": "{c}"}}' for c in "abc")), Context())) == ["m1"]


def test_permanently_rejected_message_is_removed_logged_and_counted(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def function(message: QueueMessage[Note]) -> None:
        raise InvalidRequest("of the year 1", code="too_old")

    handler = consumer(Note, final=(InvalidRequest,))(function)
    assert failed(handler(batch('{"text": "a"}', "{"), Context())) == ["m1"]
    assert [vars(record).get("code") for record in caplog.records] == ["too_old"]
    assert capsys.readouterr().out.count('"MessagesRejected":1') == 1
    assert failed(consumer(Note)(function)(batch('{"text": "a"}'), Context())) == ["m0"]


@pytest.mark.slow
def test_message_is_sent_as_json_with_optional_delay() -> None:
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


def stream_record(n: int, **images: Any) -> dict[str, Any]:
    return {"dynamodb": {"SequenceNumber": str(n), **images}}


def read(function: Any, *records: dict[str, Any]) -> list[str]:
    return failed(stream_reader(function)({"Records": list(records)}, Context()))


def test_records_arrive_in_order_with_both_images() -> None:
    seen: list[StreamRecord] = []

    def function(records: Sequence[StreamRecord]) -> None:
        seen.extend(records)

    new = {"a": {"N": "1"}}
    assert read(function, stream_record(1, NewImage=new), stream_record(2, OldImage=new)) == []
    assert seen == [StreamRecord("1", None, {"a": 1}), StreamRecord("2", {"a": 1}, None)]


def test_first_failed_record_is_reported() -> None:
    records = [stream_record(n) for n in (1, 2, 3)]
    assert read(lambda given: given[1].sequence, *records) == ["2"]


def test_failure_of_the_first_record_fails_the_batch_for_bisection() -> None:
    with pytest.raises(BatchItemFailed):
        read(lambda records: records[0].sequence, stream_record(1), stream_record(2))


def test_records_behind_an_unreadable_one_are_not_processed() -> None:
    seen: list[str] = []

    def function(records: Sequence[StreamRecord]) -> None:
        seen.extend(each.sequence for each in records)

    bad = stream_record(2, NewImage={"a": {"Q": "?"}})
    assert read(function, stream_record(1), bad, stream_record(3)) == ["2"]
    assert seen == ["1"]
    with pytest.raises(BatchItemFailed):
        read(function, bad, stream_record(3))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(json_like)
def test_dynamodb_values_round_trip(value: Any) -> None:
    assert from_dynamodb_value(TypeSerializer().serialize(value)) == value


def test_binary_decimal_and_set_values_are_read() -> None:
    assert from_dynamodb_value({"B": base64.b64encode(b"\x00\xff").decode()}) == b"\x00\xff"
    assert from_dynamodb_value({"N": "1.50"}) == "1.50"
    assert from_dynamodb_value({"N": "-7"}) == -7
    assert from_dynamodb_value({"SS": ["a"]}) == ["a"]
    assert from_dynamodb_value({"NS": ["1", "2"]}) == [1, 2]
    assert from_dynamodb_value({"BS": [base64.b64encode(b"x").decode()]}) == [b"x"]
    with pytest.raises(ValueError):
        from_dynamodb_value({"X": 1})


# Workflow tasks


def test_task_gets_order_id_and_token() -> None:
    seen: list[WorkflowTask] = []
    handler = workflow_task(seen.append)
    assert handler({"order_id": "ord_1", "token": "t"}, Context()) == {"order_id": "ord_1"}
    assert (seen[0].order_id, seen[0].token, seen[0].failure) == ("ord_1", "t", "")


@pytest.mark.parametrize("succeeded", [True, False])
def test_compensation_returns_whether_the_task_succeeded(succeeded: bool) -> None:
    seen: list[WorkflowTask] = []

    def compensate(task: WorkflowTask) -> bool:
        seen.append(task)
        return succeeded

    event = {"order_id": "ord_1", "failure": {"Error": "States.Timeout", "Cause": ""}}
    output = {"order_id": "ord_1", "succeeded": succeeded, "still_pending": False}
    assert workflow_task(compensate)(event, Context()) == output
    assert seen[0].failure == "States.Timeout"


def test_domain_error_of_a_task_propagates() -> None:
    def fail(task: WorkflowTask) -> None:
        raise Conflict("no")

    with pytest.raises(Conflict):
        workflow_task(fail)({"order_id": "ord_1"}, Context())


# Event handlers, schedules, metrics


def delivered_event(**detail_members: Any) -> dict[str, Any]:
    detail = {"id": "e1", "subject": "ord_1", "at": "2026-11-27T08:00:00+00:00", "data": {"n": 1}}
    return {"detail-type": "OrderPlaced", "detail": {**detail, **detail_members}}


def test_event_handler_gets_the_envelope() -> None:
    seen: list[EventEnvelope] = []
    event_handler(seen.append)(delivered_event(), Context())
    (event,) = seen
    assert (event.id, event.type, event.subject, event.data) == (
        "e1",
        "OrderPlaced",
        "ord_1",
        {"n": 1},
    )
    assert event.at == datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert event.now.tzinfo is UTC


def test_error_of_an_event_handler_propagates() -> None:
    def function(event: EventEnvelope) -> None:
        raise Unavailable("later")

    with pytest.raises(Unavailable):
        event_handler(function)(delivered_event(), Context())


def test_scheduled_function_returns_its_summary() -> None:
    assert scheduled(lambda at: {"year": at.year >= 2026})({}, Context()) == {"year": True}


def test_metrics_are_written_in_the_embedded_metric_format(
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
