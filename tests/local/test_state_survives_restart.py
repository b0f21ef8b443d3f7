"""What a shop has survives `make down`, nearly all of it a kill; and nothing is left running."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local.cloud import Cloud
from local.processes import free_port, servers, workers
from local.state_persistence import saves

pytestmark = pytest.mark.slow

T = TypeVar("T")
ROLE = "arn:aws:iam::000000000000:role/any"

LAMBDA = """
import os, boto3
table = boto3.resource("dynamodb").Table("notes")

def heard(event, context):
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["id"]["S"]
        if not key.startswith(("heard ", "token ")):
            table.put_item(Item={"id": "heard " + key})

def taken(event, context):
    for record in event["Records"]:
        table.put_item(Item={"id": "taken " + record["body"]})

def waits(event, context):
    table.put_item(Item={"id": "token " + event["Token"], "order": event["Order"]})
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """An emulated AWS, empty, and whatever is made of it."""
    cloud = Cloud(tmp_path / "cloud", stage="test", port=0, lifeline=True, quiet=True)
    cloud.up(stacks=False)
    yield cloud
    cloud.down()
    assert servers(cloud.home) == []
    assert workers(cloud.home) == []


def test_tables_streams_queues_users_and_workflows_go_on_after_a_stop(cloud: Cloud) -> None:
    lay_out(cloud)
    note(cloud, "before")
    send(cloud, "before")
    order = start_order(cloud, "order-1")
    eventually(lambda: {"heard before", "taken before"} <= notes(cloud).keys())
    first_token = eventually(lambda: token_of(cloud, "order-1"))
    cloud.client("cognito-idp").sign_up(
        ClientId=client_id(cloud), Username="jane", Password="Pass-word-1"
    )
    # What is written while nobody listens is heard by the next one who does.
    mappings(cloud, enabled=False)
    note(cloud, "unheard")
    send(cloud, "unheard")

    cloud.down()
    cloud.up(stacks=False)

    assert {"before", "unheard"} <= notes(cloud).keys()
    mappings(cloud, enabled=True)
    note(cloud, "after")
    send(cloud, "after")
    wanted = {f"{did} {when}" for did in ("heard", "taken") for when in ("unheard", "after")}
    eventually(lambda: wanted <= notes(cloud).keys())
    assert [user["Username"] for user in users(cloud)] == ["jane"]

    second_token = eventually(lambda: token_of(cloud, "order-1", other_than=first_token))
    states = cloud.client("stepfunctions")
    states.send_task_success(taskToken=second_token, output=json.dumps({"paid": True}))
    finished = eventually(lambda: ended(states, order))
    assert finished["status"] == "SUCCEEDED"
    assert json.loads(finished["output"]) == {"order": "order-1", "result": {"paid": True}}


def test_queues_are_found_when_the_emulator_moves_to_another_port(cloud: Cloud) -> None:
    lay_out(cloud)
    mappings(cloud, enabled=False)
    send(cloud, "waiting")
    cloud.down()
    cloud.emulator_port = free_port()
    cloud.up(stacks=False)
    mappings(cloud, enabled=True)
    eventually(lambda: "taken waiting" in notes(cloud))


def test_a_killed_emulator_goes_on_from_its_last_save_and_no_worker_is_left(cloud: Cloud) -> None:
    lay_out(cloud)
    note(cloud, "saved")
    eventually(lambda: "heard saved" in notes(cloud))
    cloud.save()
    [emulator] = servers(cloud.home, "local.emulator")
    assert workers(cloud.home)
    os.kill(emulator.pid, signal.SIGKILL)
    emulator.wait(5)

    cloud.up(stacks=False)

    assert "saved" in notes(cloud)
    note(cloud, "afterwards")
    eventually(lambda: "heard afterwards" in notes(cloud))


def test_a_save_that_was_cut_short_does_not_count(cloud: Cloud) -> None:
    lay_out(cloud)
    note(cloud, "whole")
    cloud.down()
    [whole] = saves(cloud.home / "state")
    torn = whole.with_name(f"{int(whole.name) + 1:08d}")
    torn.mkdir()
    (torn / "dynamodb.json").write_text('{"__ministack_format__": 2, "payload": {"tab')
    cloud.up(stacks=False)
    assert "whole" in notes(cloud)


def test_a_damaged_state_is_renamed_and_the_cloud_begins_empty(cloud: Cloud) -> None:
    lay_out(cloud)
    cloud.down()
    [save] = saves(cloud.home / "state")
    (save / "dynamodb.json").write_text("{}")
    cloud.up(stacks=False)
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []
    assert list(cloud.home.glob("damaged-*/state"))


def test_a_reset_forgets_everything(cloud: Cloud) -> None:
    lay_out(cloud)
    cloud.reset()
    cloud.up(stacks=False)
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []


def test_a_cloud_ends_with_the_process_that_holds_its_lifeline(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    program = (
        "import pathlib, sys, time; from local.cloud import Cloud; "
        f"cloud = Cloud(pathlib.Path({str(home)!r}), port=0, lifeline=True, quiet=True); "
        "cloud.up(stacks=False); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        assert servers(home)
        owner.kill()
    try:
        eventually(lambda: not servers(home))
    finally:
        Cloud(home, quiet=True).down()


# ---------------------------------------------------------------------------- what is laid out


def lay_out(cloud: Cloud) -> None:
    """A table whose changes are heard, a queue that is read, a workflow that waits, a user pool."""
    table = cloud.client("dynamodb").create_table(
        TableName="notes",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    functions = cloud.client("lambda")
    for name in ("heard", "taken", "waits"):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler=f"code.{name}",
            Timeout=20,
            Code={"ZipFile": zipped()},
        )
    for name, source in (("heard", table["LatestStreamArn"]), ("taken", queue["QueueArn"])):
        start = {"StartingPosition": "TRIM_HORIZON"} if name == "heard" else {}
        functions.create_event_source_mapping(FunctionName=name, EventSourceArn=source, **start)
    waiting = {
        "StartAt": "Prepare",
        "States": {
            "Prepare": {"Type": "Pass", "Next": "AwaitPayment"},
            "AwaitPayment": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {
                    "FunctionName": "waits",
                    "Payload": {"Token.$": "$$.Task.Token", "Order.$": "$.order"},
                },
                "TimeoutSeconds": 60,
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


def note(cloud: Cloud, what: str) -> None:
    cloud.client("dynamodb").put_item(TableName="notes", Item={"id": {"S": what}})


def notes(cloud: Cloud) -> dict[str, dict[str, Any]]:
    items = cloud.client("dynamodb").scan(TableName="notes")["Items"]
    return {item["id"]["S"]: item for item in items}


def send(cloud: Cloud, what: str) -> None:
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="letters")["QueueUrl"], MessageBody=what)


def mappings(cloud: Cloud, *, enabled: bool) -> None:
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


def ended(states: Any, execution: str) -> dict[str, Any] | None:
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
    known: str = client["ClientId"]
    return known


def eventually(look: Callable[[], T | None], seconds: float = 20) -> T:
    """What ``look`` sees, as soon as it is true."""
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.1)
