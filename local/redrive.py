"""`make redrive QUEUE=…`: process the messages of a dead-letter queue again.

Without a queue, it lists all dead-letter queues with their numbers of messages. Fix the cause
first: a message that fails again returns to its dead-letter queue.

Three kinds of queues need three ways back. Messages of a queue are sent to it again. Events and
scheduled runs invoke their Lambda again. A failed batch of a stream is read from the stream again,
which keeps changes for 24 hours. All consumers are idempotent, so a repetition is harmless.
"""

import argparse
import base64
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from functions.all import FEATURES
from functions.manifest import Function, Queue, Reaction, Schedule, StreamReader
from infra.constructs.iam import SANDBOX_RESOURCES
from infra.constructs.manifest_validation import features_in_stage, manifest_entries
from infra.constructs.resource_names import ResourceNames
from infra.stages import STAGES, Stage
from local.cloud import Cloud
from local.deploy import deployable
from local.processes import CloudError

Clients = Callable[[str], Any]
"""Returns the boto3 client of a service."""

IN_FLIGHT_SECONDS = 120
"""Visibility timeout while a message is processed; a failed one is visible again after it."""


EXPIRED_CHANGES = ("TrimmedDataAccessException", "ResourceNotFoundException")
"""Errors of a stream that no longer has the changes."""
MAX_EMPTY_PAGES = 20
"""Empty pages in a row after which the rest of a shard counts as empty."""


class NotRedriven(Exception):
    """A message could not be processed again; it stays in its queue."""


@dataclass(frozen=True)
class DeadLetters:
    """A dead-letter queue and the way back of its messages."""

    name: str
    """Name without stage and suffix, such as ``carrier-events``."""
    queue: str
    """Full name of the dead-letter queue."""
    source: str
    """Full name of the queue, or of the Lambda, that processes the messages."""
    kind: str
    """``queue``, ``event`` or ``stream``."""


def dead_letter_queues(stage: Stage) -> list[DeadLetters]:
    """Return every dead-letter queue of a stage."""
    names = ResourceNames(stage)
    found = [
        DeadLetters(short, names.of(f"{short}-dead"), names.queue(queue), "queue")
        for queue in Queue
        if stage.sandbox or queue not in SANDBOX_RESOURCES
        for short in [queue.value.replace("_", "-")]
    ]
    for entry in manifest_entries(features_in_stage(FEATURES, stage)):
        if kind := _kind(entry):
            dead = names.dead_letters(entry.module)
            source = names.function(entry.module)
            found.append(DeadLetters(dead.removesuffix("-dead"), names.of(dead), source, kind))
    return sorted(found, key=lambda each: each.name)


def _kind(entry: Function) -> str | None:
    if isinstance(entry, StreamReader):
        return "stream"
    return "event" if isinstance(entry, Reaction | Schedule) else None


def chosen(queues: Sequence[DeadLetters], name: str) -> DeadLetters:
    """Return the queue of that name, with or without stage and suffix. Raises CloudError."""
    for each in queues:
        if name in (each.name, f"{each.name}-dead", each.queue):
            return each
    names = ", ".join(each.name for each in queues)
    raise CloudError(f"QUEUE={name} is unknown. Choose one of: {names}.")


def counts(queues: Sequence[DeadLetters], clients: Clients) -> list[tuple[DeadLetters, int]]:
    """Return each queue with its approximate number of messages."""
    sqs = clients("sqs")
    return [(each, sum(_sizes(sqs, _url(sqs, each.queue)))) for each in queues]


def _sizes(sqs: Any, url: str) -> tuple[int, int]:
    """Return the approximate numbers of messages that wait, and that are being processed."""
    fields = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    values = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=fields)["Attributes"]
    waiting, in_flight = (int(values.get(field, 0)) for field in fields)
    return waiting, in_flight


def redrive(target: DeadLetters, clients: Clients) -> tuple[int, list[str]]:
    """Process the messages again that are in a queue now.

    Return how many were, and why others were not. These stay in the queue. A message is deleted
    after it was handed over, so a crash in between repeats it and loses none.
    """
    sqs = clients("sqs")
    url = _url(sqs, target.queue)
    replay = {"queue": _send, "event": _invoke, "stream": _replay_changes}[target.kind]
    done, problems = 0, []
    for message in _messages(sqs, url):
        try:
            replay(message["Body"], target, clients)
        except NotRedriven as problem:
            problems.append(str(problem))
            continue
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        done += 1
    return done, problems


def _messages(sqs: Any, url: str) -> Iterator[Mapping[str, Any]]:
    """Yield as many messages as are waiting now, each once.

    A message that fails again arrives with a new id. The number limits the loop if all fail at
    once; what is left then waits for the next run.
    """
    left, _ = _sizes(sqs, url)
    seen: set[str] = set()
    while left > 0:
        batch = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(10, left),
            VisibilityTimeout=IN_FLIGHT_SECONDS,
            WaitTimeSeconds=1,
        ).get("Messages", [])
        fresh = [each for each in batch if each["MessageId"] not in seen]
        if not fresh:
            return
        seen |= {each["MessageId"] for each in fresh}
        left -= len(fresh)
        yield from fresh


def _send(body: str, target: DeadLetters, clients: Clients) -> None:
    sqs = clients("sqs")
    sqs.send_message(QueueUrl=_url(sqs, target.source), MessageBody=body)


def _invoke(body: str, target: DeadLetters, clients: Clients) -> None:
    """Invoke the Lambda with the event again; Lambda retries it as before."""
    record = _parsed(body)
    # Lambda's on-failure record wraps the event. EventBridge and its Scheduler store it as it was.
    event = record.get("requestPayload", record)
    payload = json.dumps(event).encode()
    clients("lambda").invoke(FunctionName=target.source, InvocationType="Event", Payload=payload)


def _replay_changes(body: str, target: DeadLetters, clients: Clients) -> None:
    """Read a failed batch from the stream and invoke its reader, which reports failed changes."""
    batch = _parsed(body).get("DDBStreamBatchInfo")
    if not isinstance(batch, dict):
        raise NotRedriven("The message does not name a batch of a stream. Read it, and delete it.")
    records = _changes(batch, clients("dynamodbstreams"))
    answer = clients("lambda").invoke(
        FunctionName=target.source, Payload=json.dumps({"Records": records}).encode()
    )
    result = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer or (result or {}).get("batchItemFailures"):
        raise NotRedriven(f"{target.source} failed again. Its log has the reason.")


def _changes(batch: Mapping[str, Any], streams: Any) -> list[dict[str, Any]]:
    """Return the changes of a batch, in Lambda's form. Raises NotRedriven unless all are there."""
    first, last = int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    found: list[dict[str, Any]] = []
    try:
        for page in _pages(batch, streams):
            found += [each for each in page if first <= _sequence(each) <= last]
            if page and _sequence(page[-1]) >= last:
                break
    except ClientError as error:
        if error.response["Error"]["Code"] not in EXPIRED_CHANGES:
            raise
        found.clear()
    if not found or _sequence(found[0]) != first or _sequence(found[-1]) != last:
        raise NotRedriven(
            "The stream does not have all changes of this batch: it keeps them for 24 hours. "
            "Delete the message after the data is repaired."
        )
    return [_as_lambda_record(each) for each in found]


def _pages(batch: Mapping[str, Any], streams: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield pages of a shard from the batch on. A shard may have empty pages in between."""
    iterator = streams.get_shard_iterator(
        StreamArn=batch["streamArn"],
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    empty = 0
    while iterator and empty < MAX_EMPTY_PAGES:
        page = streams.get_records(ShardIterator=iterator)
        iterator = page.get("NextShardIterator")
        empty = 0 if page["Records"] else empty + 1
        yield page["Records"]


def _sequence(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _as_lambda_record(value: Any) -> Any:
    """Return a value of a stream record as Lambda sends it: bytes in base64, times in seconds."""
    if isinstance(value, dict):
        return {name: _as_lambda_record(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_lambda_record(each) for each in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.timestamp() if isinstance(value, datetime) else value


def _parsed(body: str) -> dict[str, Any]:
    try:
        record = json.loads(body)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise NotRedriven("The message is not a JSON object. Read it, and delete it.")
    return record


def _url(sqs: Any, name: str) -> str:
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as error:
        raise CloudError(
            f"Queue {name} cannot be read: {error.response['Error']['Code']}. "
            "Deploy the stage first, or use credentials that may read its queues."
        ) from None


def _stage_and_clients(name: str) -> tuple[Stage, Clients]:
    stage = STAGES.get(name)
    if stage is None or not stage.is_emulated:
        stage = deployable(name)
        region = stage.region
        return stage, lambda service: boto3.client(service, region_name=region)
    cloud = Cloud()
    if not cloud.is_up():
        raise CloudError("The shop does not run. Start it with: make up")
    return STAGES[cloud.stage], cloud.client


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("queue", nargs="?", default="", help="a queue; none lists all of them")
    parser.add_argument("--stage", default="local")
    args = parser.parse_args(arguments)
    try:
        stage, clients = _stage_and_clients(args.stage)
        queues = dead_letter_queues(stage)
        if not args.queue:
            for each, count in counts(queues, clients):
                print(f"{count:>7}  {each.name}")
            return
        target = chosen(queues, args.queue)
        done, problems = redrive(target, clients)
    except (CloudError, BotoCoreError, ClientError) as error:
        print(f"✗ {error}", file=sys.stderr)
        raise SystemExit(1) from None
    messages = "1 message" if done == 1 else f"{done} messages"
    print(f"{messages} of {target.queue} processed again by {target.source}.")
    for problem in problems:
        print(f"✗ {problem}", file=sys.stderr)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
