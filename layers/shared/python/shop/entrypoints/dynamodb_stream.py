"""The doorframe of a stream's reader: the changes of a table, in order, up to the first that fails.

A shard of a stream is read in order, so what fails holds up what is behind it. The reader says
which change was the first that it could not do, and Lambda comes back with that one in front. When
the one in front fails, the whole batch is failed: Lambda then halves it until the bad one stands
alone, and after the last try sets that one aside and goes on. (Reporting the one in front as a
partial failure would bring the same batch back, and in the end set its good changes aside too.)
So the door must stop at what fails, and must bear to see a change twice.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.entrypoints.fault_mapping import log_fields
from shop.entrypoints.http import log
from shop.kernel.frozen import frozen


@frozen(slots=False)
class StreamRecord:
    """One item as it was (``None``: it is new) and as it is (``None``: it is gone)."""

    sequence: str
    old: Mapping[str, Any] | None
    new_image: Mapping[str, Any] | None


class BatchItemFailed(Exception):
    """The first change of a batch failed. Not a refusal: nobody is there to be refused."""


HandlerFunction = Callable[[Sequence[StreamRecord]], str | None]
"""Takes changes in order and returns the sequence number of the first that failed, if one did."""
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def stream_reader(door: HandlerFunction) -> LambdaHandler:
    """Hang a door in its frame."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        changes: list[StreamRecord] = []
        unreadable: str | None = None
        for record in event["Records"]:
            sequence = record["dynamodb"]["SequenceNumber"]
            try:
                changes.append(_change(sequence, record["dynamodb"]))
            except Exception as error:
                message = {"sequence": sequence, **log_fields(error)}
                log.error("a change that cannot be read", extra=message)
                unreadable = sequence
                break
        failed = (door(changes) if changes else None) or unreadable
        if failed == event["Records"][0]["dynamodb"]["SequenceNumber"]:
            raise BatchItemFailed(f"the change {failed} cannot be done")
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}

    return handler


def _change(sequence: str, images: Mapping[str, Any]) -> StreamRecord:
    old, new = images.get("OldImage"), images.get("NewImage")
    return StreamRecord(
        sequence,
        None if old is None else {name: from_dynamodb_value(value) for name, value in old.items()},
        None if new is None else {name: from_dynamodb_value(value) for name, value in new.items()},
    )


def from_dynamodb_value(typed: Mapping[str, Any]) -> Any:
    """A DynamoDB value in Python. Numbers stay exact: an ``int`` or the text they came as."""
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value) if value.lstrip("-").isdigit() else value
        case "B":
            return value if isinstance(value, bytes) else base64.b64decode(value)
        case "NULL":
            return None
        case "L":
            return [from_dynamodb_value(each) for each in value]
        case "M":
            return {name: from_dynamodb_value(each) for name, each in value.items()}
        case "SS" | "NS" | "BS":
            return [from_dynamodb_value({kind[0]: each}) for each in value]
    raise ValueError(f"DynamoDB has no type {kind}")
