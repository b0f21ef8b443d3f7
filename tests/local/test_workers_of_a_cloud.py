"""Workers of a running cloud: deployments, crashes and a killed emulator."""

import io
import json
import os
import signal
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.cloud import Cloud
from local.processes import servers, workers
from tests.local.polling import GUARD_SECONDS, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only"),
]

ROLE = "arn:aws:iam::000000000000:role/any"
HANDLER = """
import os
from shared import rules

def handler(event, context):
    return {"pid": os.getpid(), "parent": os.getppid(), "layer": rules.VERSION, "code": "%s"}
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


def zipped(name: str, text: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(name, text)
    return archive.getvalue()


def publish_layer(cloud: Cloud, version: str) -> str:
    published = cloud.client("lambda").publish_layer_version(
        LayerName="shared",
        Content={"ZipFile": zipped("python/shared/rules.py", f"VERSION = '{version}'")},
    )
    arn: str = published["LayerVersionArn"]
    return arn


def create_function(cloud: Cloud, name: str, layer: str) -> None:
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": zipped("main.py", HANDLER % "first")},
        Layers=[layer],
        Timeout=int(GUARD_SECONDS),
    )


def invoke(cloud: Cloud, name: str) -> dict[str, Any]:
    answer = cloud.client("lambda").invoke(FunctionName=name)
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result


def test_deployed_code_and_layer_are_used_by_the_next_request(cloud: Cloud) -> None:
    first = publish_layer(cloud, "first")
    create_function(cloud, "changed", first)
    create_function(cloud, "unchanged", first)
    before = invoke(cloud, "changed")
    assert (before["layer"], before["code"]) == ("first", "first")
    assert invoke(cloud, "unchanged")["parent"] == before["parent"]

    client = cloud.client("lambda")
    client.update_function_code(FunctionName="changed", ZipFile=zipped("main.py", HANDLER % "new"))
    assert invoke(cloud, "changed")["code"] == "new"
    client.update_function_configuration(
        FunctionName="changed", Layers=[publish_layer(cloud, "second")]
    )
    after = invoke(cloud, "changed")

    assert (after["layer"], after["code"]) == ("second", "new")
    assert after["parent"] != before["parent"]
    assert invoke(cloud, "unchanged")["layer"] == "first"


def test_request_after_a_crash_is_served_by_a_new_worker(cloud: Cloud) -> None:
    create_function(cloud, "sell", publish_layer(cloud, "first"))
    before = invoke(cloud, "sell")
    os.kill(before["pid"], signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(before["pid"]))
    after = invoke(cloud, "sell")
    assert after["pid"] != before["pid"]
    assert after["parent"] == before["parent"]


def test_workers_end_with_a_killed_emulator(cloud: Cloud) -> None:
    create_function(cloud, "sell", publish_layer(cloud, "first"))
    result = invoke(cloud, "sell")
    assert pids(cloud) == {result["pid"], result["parent"]}
    (emulator,) = servers(cloud.home, "local.emulator")
    os.kill(emulator.pid, signal.SIGKILL)
    eventually(lambda: not workers(cloud.home))


def test_cold_clients_of_many_functions_are_all_answered(cloud: Cloud) -> None:
    layer = publish_layer(cloud, "first")
    names = [f"function-{number}" for number in range(10)]
    for name in names:
        create_function(cloud, name, layer)
    with ThreadPoolExecutor(30) as pool:
        results = list(pool.map(lambda name: invoke(cloud, name), names * 3))
    assert len({result["parent"] for result in results}) == 1


def pids(cloud: Cloud) -> set[int]:
    return {process.pid for process in workers(cloud.home)}


def test_shop_whose_port_is_taken_while_it_starts_uses_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a running emulated AWS, and a second one that chose the same port a moment before
    first = Cloud(tmp_path / "first", stage="test", port=0, lifeline=True, quiet=True)
    second = Cloud(tmp_path / "second", stage="test", port=0, lifeline=True, quiet=True)
    try:
        first.up(stacks=False)
        monkeypatch.setattr(second, "_choose_ports", lambda: None)
        second.emulator_port = first.emulator_port

        # When the second one starts
        second.up(stacks=False)

        # Then each has an AWS of its own, also after a restart of its commands
        assert second.emulator_port != first.emulator_port
        second.client("sqs").create_queue(QueueName="orders")
        assert not first.client("sqs").list_queues().get("QueueUrls")
        assert Cloud(second.home).emulator_port == second.emulator_port
    finally:
        second.down()
        first.down()
