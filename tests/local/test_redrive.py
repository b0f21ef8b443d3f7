"""`make redrive` processes the messages of every dead-letter queue again, and loses none."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.stages import DEV, LOCAL, PROD, STAGES, Stage
from infra.synthesis import assembly_of
from local import redrive
from local.cloud import Cloud
from local.processes import CloudError
from local.redrive import DeadLetters, NotRedriven, chosen, counts, dead_letter_queues

REGION = "us-east-1"


class RecordingLambda:
    """Lambda as far as the command calls it."""

    def __init__(self, answer: bytes = b"null", error: str | None = None) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self._answer, self._error = answer, error

    def invoke(self, **request: Any) -> dict[str, Any]:
        kind = request.get("InvocationType", "RequestResponse")
        self.calls.append((request["FunctionName"], kind, json.loads(request["Payload"])))
        failed = {"FunctionError": self._error} if self._error else {}
        return {"Payload": io.BytesIO(self._answer), **failed}


class Streams:
    """A stream with one shard, two changes a page."""

    def __init__(self, records: list[dict[str, Any]], error: str | None = None) -> None:
        self._records, self._error = records, error

    def get_shard_iterator(self, *, SequenceNumber: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if self._error:
            raise ClientError({"Error": {"Code": self._error}}, "GetShardIterator")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803
        later = [r for r in self._records if redrive._sequence(r) >= int(ShardIterator)]
        page = later[:2]
        following = str(redrive._sequence(page[-1]) + 1) if page else None
        return {"Records": page, "NextShardIterator": following}


class World:
    """Queues in moto, and the doubles of the other services."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.lambda_ = RecordingLambda()
        self.streams = Streams([])

    def __call__(self, service: str) -> Any:
        return {"sqs": self.sqs, "lambda": self.lambda_, "dynamodbstreams": self.streams}[service]

    def put(self, queue: str, *bodies: Any) -> None:
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.sqs.send_message(QueueUrl=url, MessageBody=text)

    def bodies(self, queue: str) -> list[Any]:
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found: list[Any] = []
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            found += [json.loads(message["Body"]) for message in batch]
        return found

    def in_queue(self, target: DeadLetters) -> int:
        return dict(counts([target], self))[target]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        made = World()
        for each in dead_letter_queues(DEV):
            made.sqs.create_queue(QueueName=each.queue)
            if each.kind == "queue":
                made.sqs.create_queue(QueueName=each.source)
        yield made


def target(name: str) -> DeadLetters:
    return chosen(dead_letter_queues(DEV), name)


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_every_dead_letter_queue_of_the_templates_can_be_redriven(stage: Stage) -> None:
    templates = assembly_of(stage).templates().values()
    resources = [r for template in templates for r in template["Resources"].values()]
    deployed = {
        resource["Properties"]["QueueName"]
        for resource in resources
        if resource["Type"] == "AWS::SQS::Queue"
    }
    functions = {
        resource["Properties"]["FunctionName"]
        for resource in resources
        if resource["Type"] == "AWS::Lambda::Function"
    }
    queues = dead_letter_queues(stage)
    assert {each.queue for each in queues} == {name for name in deployed if name.endswith("-dead")}
    assert {each.source for each in queues} <= deployed | functions
    assert {each.kind for each in queues} == {"queue", "event", "stream"}


def test_messages_of_a_queue_are_sent_to_it_again(world: World) -> None:
    carrier = target("carrier-events")
    sent = [{"n": n} for n in range(25)]
    world.put(carrier.queue, *sent)
    assert redrive.redrive(carrier, world) == (25, [])
    assert sorted(body["n"] for body in world.bodies(carrier.source)) == list(range(25))
    assert world.in_queue(carrier) == 0


def test_failed_events_invoke_their_lambda_again(world: World) -> None:
    mail = target("event_handlers-send_order_confirmation")
    event = {"detail-type": "OrderConfirmed", "detail": {"id": "e"}}
    from_lambda = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}
    world.put(mail.queue, event, from_lambda)
    assert redrive.redrive(mail, world) == (2, [])
    assert world.lambda_.calls == [(mail.source, "Event", event)] * 2
    assert world.in_queue(mail) == 0


def change(number: int) -> dict[str, Any]:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    image = {"events": {"B": b"\x00\xff"}, "PK": {"S": "ORDER#1"}}
    fields = {"SequenceNumber": str(number), "NewImage": image, "ApproximateCreationDateTime": at}
    return {"eventID": str(number), "dynamodb": fields}


BATCH = {
    "DDBStreamBatchInfo": {
        "streamArn": "arn:stream",
        "shardId": "shard",
        "startSequenceNumber": "101",
        "endSequenceNumber": "104",
    }
}


def test_failed_batch_of_a_stream_is_read_again(world: World) -> None:
    publisher = target("event_handlers-publish_events")
    world.streams = Streams([change(n) for n in (100, 101, 103, 104, 105, 106)])
    world.put(publisher.queue, BATCH)
    assert redrive.redrive(publisher, world) == (1, [])
    ((function, kind, event),) = world.lambda_.calls
    assert (function, kind) == (publisher.source, "RequestResponse")
    fields = [record["dynamodb"] for record in event["Records"]]
    assert [each["SequenceNumber"] for each in fields] == ["101", "103", "104"]
    assert fields[0]["NewImage"]["events"] == {"B": "AP8="}
    assert (
        fields[0]["ApproximateCreationDateTime"] == datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    )
    assert world.in_queue(publisher) == 0


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b'{"errorMessage": "x"}', "Unhandled"), (b'{"batchItemFailures": [{"n": 1}]}', None)],
)
def test_batch_that_fails_again_stays_in_its_queue(
    world: World, answer: bytes, error: str | None
) -> None:
    publisher = target("event_handlers-publish_events")
    world.streams = Streams([change(101), change(104)])
    world.lambda_ = RecordingLambda(answer, error)
    world.put(publisher.queue, BATCH)
    done, (problem,) = redrive.redrive(publisher, world)
    assert (done, world.in_queue(publisher)) == (0, 1)
    assert "failed again" in problem


@pytest.mark.parametrize(
    "streams",
    [
        Streams([], "TrimmedDataAccessException"),
        Streams([], "ResourceNotFoundException"),
        Streams([]),
        Streams([change(103), change(104)]),
        Streams([change(101), change(103)]),
        Streams([change(105)]),
    ],
    ids=["trimmed", "no stream", "empty", "without the first", "without the last", "only later"],
)
def test_changes_that_the_stream_no_longer_has_are_reported(world: World, streams: Streams) -> None:
    publisher = target("event_handlers-publish_events")
    world.streams = streams
    world.put(publisher.queue, BATCH)
    done, (problem,) = redrive.redrive(publisher, world)
    assert (done, world.in_queue(publisher), world.lambda_.calls) == (0, 1, [])
    assert "24 hours" in problem


@pytest.mark.parametrize("body", ["not JSON", "[]", "7"])
@pytest.mark.parametrize("name", ["event_handlers-publish_events", "scheduled-check_low_stock"])
def test_unreadable_message_stays_and_the_others_are_processed(
    world: World, name: str, body: str
) -> None:
    queue = target(name)
    world.streams = Streams([change(101), change(104)])
    world.put(queue.queue, body, BATCH)
    done, (problem,) = redrive.redrive(queue, world)
    assert (done, world.in_queue(queue)) == (1, 1)
    assert "not a JSON object" in problem


def test_messages_that_fail_at_once_do_not_run_in_a_circle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = target("carrier-events")
    world.put(carrier.queue, *({"n": n} for n in range(12)))
    calls = []

    def fail_at_once(body: str, target: DeadLetters, _: Any) -> None:
        calls.append(body)
        world.put(target.queue, body)

    monkeypatch.setattr(redrive, "_send", fail_at_once)
    assert redrive.redrive(carrier, world) == (12, [])
    assert (len(calls), world.in_queue(carrier)) == (12, 12)


def test_crash_between_sending_and_deleting_loses_no_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = target("carrier-events")
    world.put(carrier.queue, {"n": 1})

    def crash(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(world.sqs, "delete_message", crash)
    with pytest.raises(KeyboardInterrupt):
        redrive.redrive(carrier, world)
    assert world.in_queue(carrier) == 1


@pytest.mark.parametrize(
    "name", ["carrier-events", "carrier-events-dead", "doorbuster-dev-carrier-events-dead"]
)
def test_queue_is_named_with_or_without_stage_and_suffix(name: str) -> None:
    assert target(name).queue == "doorbuster-dev-carrier-events-dead"


def test_unknown_queue_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(CloudError, match=r"QUEUE=orders is unknown. Choose one of: .*carrier-ev"):
        chosen(dead_letter_queues(LOCAL), "orders")
    assert not any("sandbox" in each.name for each in dead_letter_queues(PROD))


def test_command_lists_queues_and_redrives_one(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put("doorbuster-dev-carrier-events-dead", {"n": 1}, {"n": 2})
    redrive.main(["--stage", "dev"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(dead_letter_queues(DEV))
    assert "      2  carrier-events" in lines
    assert "      0  payment-events" in lines
    redrive.main(["carrier-events", "--stage", "dev"])
    assert capsys.readouterr().out.startswith("2 messages of doorbuster-dev-carrier-events-dead")
    with pytest.raises(SystemExit) as ended:
        redrive.main(["orders", "--stage", "dev"])
    assert ended.value.code == 1
    assert "Choose one of" in capsys.readouterr().err


def test_command_needs_a_running_or_deployed_stage(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        redrive.main(["--stage", "staging"])
    assert "STAGE=dev" in capsys.readouterr().err
    monkeypatch.setattr(Cloud, "is_up", lambda self: False)
    with pytest.raises(SystemExit):
        redrive.main([])
    assert "make up" in capsys.readouterr().err
    other = replace(target("carrier-events"), queue="doorbuster-dev-missing-dead")
    with pytest.raises(CloudError, match="Deploy the stage first"):
        counts([other], world)


def test_stream_message_without_a_batch_is_reported() -> None:
    with pytest.raises(NotRedriven, match="does not name a batch"):
        redrive._replay_changes("{}", target("event_handlers-publish_events"), lambda _: None)
