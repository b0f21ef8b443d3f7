"""The state of a cloud survives `make down` and, up to the last save, a kill; no process stays."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.processes import free_port, servers, workers
from local.state_persistence import saves
from tests.local.polling import GUARD_SECONDS, eventually

pytestmark = pytest.mark.slow

ROLE = "arn:aws:iam::000000000000:role/any"

LAMBDA = """
import os, boto3
table = boto3.resource("dynamodb").Table("notes")

def read_stream(event, context):
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["id"]["S"]
        if not key.startswith(("streamed ", "token ")):
            table.put_item(Item={"id": "streamed " + key})

def read_queue(event, context):
    for record in event["Records"]:
        table.put_item(Item={"id": "queued " + record["body"]})

def await_payment(event, context):
    table.put_item(Item={"id": "token " + event["Token"], "order": event["Order"]})
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """Start an empty emulated AWS, and check at the end that no process remains."""
    cloud = Cloud(tmp_path / "cloud", stage="test", port=0, lifeline=True, quiet=True)
    cloud.up(stacks=False)
    yield cloud
    cloud.down()
    assert servers(cloud.home) == []
    assert workers(cloud.home) == []


def test_tables_streams_queues_users_and_workflows_continue_after_a_stop(cloud: Cloud) -> None:
    # Given processed changes and messages, a waiting workflow and a user
    create_resources(cloud)
    put_note(cloud, "before")
    send(cloud, "before")
    order = start_order(cloud, "order-1")
    eventually(lambda: {"streamed before", "queued before"} <= notes(cloud).keys())
    first_token = eventually(lambda: token_of(cloud, "order-1"))
    cloud.client("cognito-idp").sign_up(
        ClientId=client_id(cloud), Username="jane", Password="Pass-word-1"
    )
    # And a change and a message that no Lambda has processed
    enable_mappings(cloud, enabled=False)
    put_note(cloud, "pending")
    send(cloud, "pending")

    # When the cloud stops and starts
    cloud.down()
    cloud.up(stacks=False)

    # Then the tables have their items, and pending and new work is processed
    assert {"before", "pending"} <= notes(cloud).keys()
    enable_mappings(cloud, enabled=True)
    put_note(cloud, "after")
    send(cloud, "after")
    expected = {f"{by} {key}" for by in ("streamed", "queued") for key in ("pending", "after")}
    eventually(lambda: expected <= notes(cloud).keys())
    assert [user["Username"] for user in users(cloud)] == ["jane"]

    # And the workflow waits again, with a new token
    second_token = eventually(lambda: token_of(cloud, "order-1", other_than=first_token))
    states = cloud.client("stepfunctions")
    states.send_task_success(taskToken=second_token, output=json.dumps({"paid": True}))
    finished = eventually(lambda: final_description(states, order))
    assert finished["status"] == "SUCCEEDED"
    assert json.loads(finished["output"]) == {"order": "order-1", "result": {"paid": True}}


def test_queues_are_found_when_the_emulator_moves_to_another_port(cloud: Cloud) -> None:
    create_resources(cloud)
    enable_mappings(cloud, enabled=False)
    send(cloud, "waiting")
    cloud.down()
    cloud.emulator_port = free_port()
    cloud.up(stacks=False)
    enable_mappings(cloud, enabled=True)
    eventually(lambda: "queued waiting" in notes(cloud))


def test_killed_emulator_continues_from_its_last_save_and_no_worker_remains(cloud: Cloud) -> None:
    create_resources(cloud)
    put_note(cloud, "saved")
    eventually(lambda: "streamed saved" in notes(cloud))
    cloud.save()
    [emulator] = servers(cloud.home, "local.emulator")
    assert workers(cloud.home)
    os.kill(emulator.pid, signal.SIGKILL)
    emulator.wait(GUARD_SECONDS)

    cloud.up(stacks=False)

    assert "saved" in notes(cloud)
    put_note(cloud, "afterwards")
    eventually(lambda: "streamed afterwards" in notes(cloud))


def test_incomplete_save_is_not_loaded(cloud: Cloud) -> None:
    create_resources(cloud)
    put_note(cloud, "whole")
    cloud.down()
    [complete] = saves(cloud.home / "state")
    incomplete = complete.with_name(f"{int(complete.name) + 1:08d}")
    incomplete.mkdir()
    (incomplete / "dynamodb.json").write_text('{"__ministack_format__": 2, "payload": {"tab')
    cloud.up(stacks=False)
    assert "whole" in notes(cloud)


def test_damaged_state_is_renamed_and_the_cloud_starts_empty(cloud: Cloud) -> None:
    create_resources(cloud)
    cloud.down()
    [save] = saves(cloud.home / "state")
    (save / "dynamodb.json").write_text("{}")
    cloud.up(stacks=False)
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []
    assert list(cloud.home.glob("damaged-*/state"))


def test_reset_deletes_the_state(cloud: Cloud) -> None:
    create_resources(cloud)
    cloud.reset()
    cloud.up(stacks=False)
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []


def test_cloud_ends_with_the_process_that_holds_its_lifeline(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    program = (
        "import pathlib, sys; from local.cloud import Cloud; "
        f"cloud = Cloud(pathlib.Path({str(home)!r}), port=0, lifeline=True, quiet=True); "
        "cloud.up(stacks=False); print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        assert servers(home)
        owner.kill()
    try:
        eventually(lambda: not servers(home))
    finally:
        Cloud(home, quiet=True).down()


# ---------------------------------------------------------------------------- resources


def create_resources(cloud: Cloud) -> None:
    """Create a table and a queue with their readers, a workflow that waits, and a user pool."""
    table = cloud.client("dynamodb").create_table(
        TableName="notes",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="messages")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    functions = cloud.client("lambda")
    for name in ("read_stream", "read_queue", "await_payment"):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler=f"code.{name}",
            Timeout=300,
            Code={"ZipFile": zipped()},
        )
    sources = {"read_stream": table["LatestStreamArn"], "read_queue": queue["QueueArn"]}
    for name, source in sources.items():
        start = {"StartingPosition": "TRIM_HORIZON"} if name == "read_stream" else {}
        functions.create_event_source_mapping(FunctionName=name, EventSourceArn=source, **start)
    waiting = {
        "StartAt": "Prepare",
        "States": {
            "Prepare": {"Type": "Pass", "Next": "AwaitPayment"},
            "AwaitPayment": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {
                    "FunctionName": "await_payment",
                    "Payload": {"Token.$": "$$.Task.Token", "Order.$": "$.order"},
                },
                "TimeoutSeconds": 600,
                "ResultPath": "$.result",
                "End": True,
            },
        },
    }
    cloud.client("stepfunctions").create_state_machine(
        name="orders", definition=json.dumps(waiting), roleArn=ROLE
    )
    cognito = cloud.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="customers")["UserPool"]["Id"]
    cognito.create_user_pool_client(UserPoolId=pool, ClientName="shop")


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("code.py", LAMBDA)
    return out.getvalue()


def put_note(cloud: Cloud, key: str) -> None:
    cloud.client("dynamodb").put_item(TableName="notes", Item={"id": {"S": key}})


def notes(cloud: Cloud) -> dict[str, dict[str, Any]]:
    items = cloud.client("dynamodb").scan(TableName="notes")["Items"]
    return {item["id"]["S"]: item for item in items}


def send(cloud: Cloud, body: str) -> None:
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="messages")["QueueUrl"], MessageBody=body)


def enable_mappings(cloud: Cloud, *, enabled: bool) -> None:
    functions = cloud.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)


def start_order(cloud: Cloud, order: str) -> str:
    states = cloud.client("stepfunctions")
    [machine] = states.list_state_machines()["stateMachines"]
    started: str = states.start_execution(
        stateMachineArn=machine["stateMachineArn"], name=order, input=json.dumps({"order": order})
    )["executionArn"]
    return started


def token_of(cloud: Cloud, order: str, *, other_than: str = "") -> str | None:
    for name, item in notes(cloud).items():
        token = name.removeprefix("token ")
        if token not in (name, other_than) and item["order"]["S"] == order:
            return token
    return None


def final_description(states: Any, execution: str) -> dict[str, Any] | None:
    description: dict[str, Any] = states.describe_execution(executionArn=execution)
    return None if description["status"] == "RUNNING" else description


def users(cloud: Cloud) -> list[dict[str, Any]]:
    cognito = cloud.client("cognito-idp")
    [pool] = cognito.list_user_pools(MaxResults=2)["UserPools"]
    found: list[dict[str, Any]] = cognito.list_users(UserPoolId=pool["Id"])["Users"]
    return found


def client_id(cloud: Cloud) -> str:
    cognito = cloud.client("cognito-idp")
    [pool] = cognito.list_user_pools(MaxResults=2)["UserPools"]
    [client] = cognito.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]
    found: str = client["ClientId"]
    return found
