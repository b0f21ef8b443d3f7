"""A DynamoDB stream and its Lambda trigger, with the semantics of AWS.

The emulators deliver a stream's records and ignore the failures that a reader reports. This pump
follows AWS's documentation of a trigger with ``ReportBatchItemFailures`` and
``BisectBatchOnFunctionError``:

- Records of a key arrive in order.
- A batch whose reader raises is halved and retried. Halving costs no attempt.
- A batch that failed in part returns from the first failure on. It is never halved here, which is
  the stricter reading of the documentation.
- A batch that failed too often goes to the on-failure queue as a whole, and its shard continues.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

import base64
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeSerializer

Handler = Callable[[dict[str, Any]], dict[str, Any]]
_write: Callable[[Any], Any] = TypeSerializer().serialize


def record(
    sequence: int, key: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a stream record as Lambda receives it: binary values in base64."""
    images: dict[str, Any] = {"Keys": {"PK": {"S": key}}, "SequenceNumber": f"{sequence:021d}"}
    if old is not None:
        images["OldImage"] = {name: _json(_write(value)) for name, value in old.items()}
    if new is not None:
        images["NewImage"] = {name: _json(_write(value)) for name, value in new.items()}
    kind = "MODIFY" if old and new else "INSERT" if new else "REMOVE"
    return {"eventID": str(sequence), "eventName": kind, "dynamodb": images}


def _json(typed: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "B":
        return {"B": base64.b64encode(bytes(value)).decode()}
    if kind == "L":
        return {"L": [_json(each) for each in value]}
    if kind == "M":
        return {"M": {name: _json(each) for name, each in value.items()}}
    return typed


@dataclass
class StreamPump:
    """One shard of a stream and its reader."""

    reader: Handler
    batch: int = 100
    retries: int = 10
    dead_letters: list[list[str]] = field(default_factory=list)
    """Batches in the on-failure queue, as sequence numbers."""
    calls: int = 0

    def run(self, records: list[dict[str, Any]]) -> None:
        """Deliver all records, with the retries of a trigger."""
        waiting = deque(
            (records[at : at + self.batch], 0) for at in range(0, len(records), self.batch)
        )
        while waiting:
            batch, failures = waiting.popleft()
            rest, raised = self._read(batch)
            if not rest:
                continue
            if raised and len(batch) > 1:
                half = len(batch) // 2
                waiting.appendleft((batch[half:], failures))
                waiting.appendleft((batch[:half], failures))
            elif failures == self.retries:
                self.dead_letters.append([_sequence(each) for each in rest])
            else:
                waiting.appendleft((rest, failures + 1))

    def _read(self, batch: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """Return the records that failed and those after them, and whether the reader raised."""
        self.calls += 1
        try:
            response = self.reader({"Records": batch})
        except Exception:  # noqa: BLE001  as Lambda does
            return batch, True
        failed = [each["itemIdentifier"] for each in response["batchItemFailures"]]
        first = min(failed, default="~")
        return [each for each in batch if _sequence(each) >= first], False


def _sequence(each: Mapping[str, Any]) -> str:
    return str(each["dynamodb"]["SequenceNumber"])
