"""One file has the logs of all Lambdas; a fault has its function, request and trace."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import lambda_logs
from local.lambda_logs import log_entries

AT = datetime(2026, 11, 22, 20, 41, 10, 123_000, UTC)
HANDLER_CODE = """
import json, sys

def handler(event, context):
    if "log" in event:
        print(json.dumps(event["log"]))
    if "print" in event:
        print(event["print"])
    return {"statusCode": event["status"]}
"""
FAULT = {
    "level": "ERROR",
    "location": "handler:191",
    "message": "unexpected",
    "timestamp": "2026-11-22 20:41:10,123+0000",
    "service": "cart",
    "cold_start": True,
    "function_name": "create_cart",
    "correlation_id": "req_7",
    "fault": "KeyError",
    "trace": "Traceback (most recent call last):\n  in the cart\nKeyError: 'http'\n",
}

Invoke = Callable[[dict[str, Any]], str]


@pytest.fixture
def emulator_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Invoke]:
    """Return a function that invokes a Lambda on MiniStack and returns the text of the log file."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    monkeypatch.setattr(lambda_svc, "_emit_lambda_logs", lambda_svc._emit_lambda_logs)
    file = tmp_path / "lambdas.log"
    lambda_logs.write_logs_to(file)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("create_cart.py", HANDLER_CODE)
    function = {
        "config": {
            "FunctionName": "create_cart",
            "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:create_cart",
            "Handler": "create_cart.handler",
            "Runtime": "python3.13",
            "Timeout": 120,
        },
        "code_zip": archive.getvalue(),
    }

    def invoke(event: dict[str, Any]) -> str:
        lambda_svc._execute_function(function, event)
        return file.read_text()

    yield invoke
    lambda_runtime.reset()


def test_logged_fault_is_written_with_its_trace(emulator_logs: Invoke) -> None:
    assert emulator_logs({"log": FAULT, "status": 500}) == (
        "2026-11-22 20:41:10,123+0000 ERROR create_cart: unexpected"
        " location=handler:191 correlation_id=req_7 fault=KeyError\n"
        "    Traceback (most recent call last):\n"
        "      in the cart\n"
        "    KeyError: 'http'\n"
    )


def test_unhandled_error_is_written_with_its_trace(emulator_logs: Invoke) -> None:
    written = emulator_logs({"print": "some output"})
    head, *rest = written.splitlines()
    assert " ERROR create_cart: the invocation failed function_request_id=" in head
    assert rest[0] == "    some output"
    assert "    KeyError: 'status'" in rest


def test_lambda_without_output_writes_no_entry(emulator_logs: Invoke) -> None:
    assert emulator_logs({"status": 200}) == ""


def test_cloudwatch_logs_has_the_output_too(emulator_logs: Invoke) -> None:
    from ministack.services import cloudwatch_logs

    emulator_logs({"log": FAULT, "status": 500})
    streams = cloudwatch_logs._log_groups["/aws/lambda/create_cart"]["streams"].values()
    assert any('"KeyError"' in written["message"] for one in streams for written in one["events"])


@pytest.mark.parametrize(
    ("output", "entry"),
    [
        ("[1]", "    [1]"),
        ('{"a": 1}', '    {"a": 1}'),
        ('{"level": ', '    {"level": '),
        ("{" * 100_000, "    " + "{" * 100_000),
    ],
)
def test_other_output_is_stored_unchanged(output: str, entry: str) -> None:
    (written,) = log_entries("create_cart", "r1", output, failed=False, at=AT)
    head, *rest = written.split("\n")
    assert head == "2026-11-22 20:41:10,123+0000 PRINT create_cart: wrote function_request_id=r1"
    assert rest == [entry]


def test_values_with_spaces_are_quoted() -> None:
    line = (
        '{"level":"INFO","message":"rejected","timestamp":"T","code":"a b","status":409,"x":null}'
    )
    assert list(log_entries("create_cart", "r1", line, failed=False, at=AT)) == [
        'T INFO create_cart: rejected code="a b" status=409'
    ]


def test_full_file_is_rotated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator_logs: Invoke
) -> None:
    from ministack.services import lambda_svc

    monkeypatch.setattr(lambda_logs, "MAX_BYTES", 1_000)
    file = tmp_path / "small.log"
    lambda_logs.write_logs_to(file)
    for number in range(8):
        written = f"{number}" + "x" * 300
        lambda_svc._emit_lambda_logs({"FunctionName": "create_cart"}, "r1", written, False, 1)
    assert f"7{'x' * 300}" in file.read_text()
    assert {old.name for old in tmp_path.glob("small*")} == {"small.log", "small.log.1"}
    assert all(old.stat().st_size <= 1_000 for old in tmp_path.glob("small*"))
