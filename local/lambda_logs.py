"""The logs of all Lambdas of a local cloud, in one file in order of time.

MiniStack writes Lambda logs to CloudWatch Logs only, in one group per function. A developer who
explains a 500 would have to find the function first. In this file each error has its time, its
function, its request and its trace::

    2026-11-22 20:41:10,123+0000 ERROR doorbuster-local-cart-create_cart: unexpected …
        Traceback (most recent call last):
          …
"""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

MAX_BYTES = 20_000_000
"""A larger file is rotated; one earlier file stays."""
_OMITTED_FIELDS = frozenset(
    {
        "cold_start",
        "function_arn",
        "function_memory_size",
        "function_name",
        "level",
        "message",
        "service",
        "timestamp",
        "xray_trace_id",
    }
)
"""Fields without information on a laptop, and fields that the first line contains."""


def write_logs_to(file: Path) -> None:
    """Write the log of every later invocation to ``file`` as well as to CloudWatch Logs."""
    from ministack.services import lambda_svc

    handler = RotatingFileHandler(
        file, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace"
    )
    emit = lambda_svc._emit_lambda_logs

    def emit_and_write(
        func: dict[str, Any], request: str, output: str, error: bool, *rest: Any, **more: Any
    ) -> None:
        emit(func, request, output, error, *rest, **more)
        name = (func.get("config") or func).get("FunctionName", "unknown")
        for entry in log_entries(name, request, output, failed=error, at=datetime.now(UTC)):
            handler.handle(logging.makeLogRecord({"msg": entry}))

    lambda_svc._emit_lambda_logs = emit_and_write


def log_entries(
    function: str, request: str, output: str, *, failed: bool, at: datetime
) -> Iterator[str]:
    """Yield an entry for each log record of an invocation, and one for all other output.

    Other output is printed text, or the trace of an invocation that ``failed``.
    """
    plain = []
    for line in output.splitlines():
        record = _parse_record(line)
        if record is None:
            plain.append(line)
        else:
            yield _format_record(function, record)
    if plain or failed:
        stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}+0000"
        level = "ERROR" if failed else "PRINT"
        event = "the invocation failed" if failed else "wrote"
        head = f"{stamp} {level} {function}: {event} function_request_id={request}"
        yield "\n".join([head, *_indented(plain)])


def _parse_record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return (
        record if isinstance(record, dict) and "level" in record and "message" in record else None
    )


def _format_record(function: str, record: dict[str, Any]) -> str:
    head = [f"{record.get('timestamp', '')} {record['level']} {function}: {record['message']}"]
    below: list[str] = []
    for name, value in record.items():
        if name in _OMITTED_FIELDS or value is None:
            continue
        if isinstance(value, str) and "\n" in value:
            below += value.rstrip("\n").split("\n")
        elif isinstance(value, str) and value and " " not in value:
            head.append(f"{name}={value}")
        else:
            head.append(f"{name}={json.dumps(value, ensure_ascii=False)}")
    return "\n".join([" ".join(head), *_indented(below)])


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
