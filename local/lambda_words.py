"""What the Lambdas of a local cloud say, in one file that is read from top to bottom.

MiniStack keeps their words where CloudWatch Logs does, in a group for each function, and in no log
of its own. Who wants to know why the shop answered 500 would have to guess the function first; in
this file an error stands with its time, its function, its request and its trace::

    2026-11-22 20:41:10,123+0000 ERROR doorbuster-local-cart-open: unexpected fault=KeyError …
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

LARGEST = 20_000_000
"""Bytes, after which the file is put aside (one earlier file is kept) and begun anew."""
_NOISE = frozenset(
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
"""Members of a log line that say nothing on a laptop, or are said in another place."""


def keep(file: Path) -> None:
    """From now on write what every invocation said to ``file``; CloudWatch Logs has it too."""
    from ministack.services import lambda_svc

    paper = RotatingFileHandler(
        file, maxBytes=LARGEST, backupCount=1, encoding="utf-8", errors="backslashreplace"
    )
    emit = lambda_svc._emit_lambda_logs

    def emit_and_write(
        func: dict[str, Any], request: str, words: str, error: bool, *rest: Any, **more: Any
    ) -> None:
        emit(func, request, words, error, *rest, **more)
        name = (func.get("config") or func).get("FunctionName", "unknown")
        for entry in entries(name, request, words, failed=error, at=datetime.now(UTC)):
            paper.handle(logging.makeLogRecord({"msg": entry}))

    lambda_svc._emit_lambda_logs = emit_and_write


def entries(
    function: str, request: str, words: str, *, failed: bool, at: datetime
) -> Iterator[str]:
    """The words of one invocation, an entry for each log line and one for all that is none.

    What is no log line is a print, or the trace of an invocation that ``failed``.
    """
    plain = []
    for line in words.splitlines():
        said = _members(line)
        if said is None:
            plain.append(line)
        else:
            yield _entry(function, said)
    if plain or failed:
        stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}+0000"
        what = "ERROR" if failed else "PRINT"
        saying = "the invocation failed" if failed else "wrote"
        head = f"{stamp} {what} {function}: {saying} function_request_id={request}"
        yield "\n".join([head, *_indented(plain)])


def _members(line: str) -> dict[str, Any] | None:
    try:
        said = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and "level" in said and "message" in said else None


def _entry(function: str, response: dict[str, Any]) -> str:
    head = [
        f"{response.get('timestamp', '')} {response['level']} {function}: {response['message']}"
    ]
    below: list[str] = []
    for name, value in response.items():
        if name in _NOISE or value is None:
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
