"""Adapter for DynamoDB stream readers: records in order, up to the first one that fails.

A shard of a stream is read in order, so a failed record holds up the records behind it. The reader
function returns the first record that it cannot process, and Lambda retries from that record.

If the first record of the batch fails, the adapter raises. Lambda then bisects the batch until the
failing record is alone, and after the last retry sends only that record to the dead-letter queue.
If the adapter reported the first record as a partial failure, Lambda would retry the same batch and
finally discard its valid records, too.

Reader functions must stop at the first failure and accept a record twice.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.entrypoints.fault_mapping import log_fields
from shop.entrypoints.http import LambdaHandler, log
from shop.kernel.frozen import frozen


@frozen(slots=False)
class StreamRecord:
    """The images of an item before and after a change; ``None`` before creation, after deletion."""

    sequence: str
    old_image: Mapping[str, Any] | None
    new_image: Mapping[str, Any] | None


class BatchItemFailed(Exception):
    """The first record of a batch failed. Lambda is the only caller, so it is no ``ShopError``."""


StreamReaderFunction = Callable[[Sequence[StreamRecord]], str | None]
"""Processes records in order and returns the sequence number of the first failure, or ``None``."""


def stream_reader(function: StreamReaderFunction) -> LambdaHandler:
    """Decorate a function that processes the records of a stream."""

    @log.inject_lambda_context(clear_state=True)
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        records: list[StreamRecord] = []
        unreadable: str | None = None
        for raw in event["Records"]:
            sequence = raw["dynamodb"]["SequenceNumber"]
            try:
                records.append(_record(sequence, raw["dynamodb"]))
            except Exception as error:
                # Process the readable records before it; those behind it wait for their order.
                log.error("unreadable record", extra={"sequence": sequence, **log_fields(error)})
                unreadable = sequence
                break
        failed = (function(records) if records else None) or unreadable
        if failed == event["Records"][0]["dynamodb"]["SequenceNumber"]:
            raise BatchItemFailed(f"Record {failed} cannot be processed.")
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}

    return handler


def _record(sequence: str, images: Mapping[str, Any]) -> StreamRecord:
    return StreamRecord(sequence, _image(images.get("OldImage")), _image(images.get("NewImage")))


def _image(item: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if item is None:
        return None
    return {name: from_dynamodb_value(value) for name, value in item.items()}


def from_dynamodb_value(typed: Mapping[str, Any]) -> Any:
    """Return a DynamoDB value in Python. Numbers stay exact: an ``int``, or the original text.

    Raises ``ValueError`` for an unknown type.
    """
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value) if value.lstrip("-").isdigit() else value
        case "B":
            # Lambda passes binary values as base64; DynamoDB's own clients pass bytes.
            return value if isinstance(value, bytes) else base64.b64decode(value)
        case "NULL":
            return None
        case "L":
            return [from_dynamodb_value(each) for each in value]
        case "M":
            return {name: from_dynamodb_value(each) for name, each in value.items()}
        case "SS" | "NS" | "BS":
            return [from_dynamodb_value({kind[0]: each}) for each in value]
    raise ValueError(f"Unknown DynamoDB type {kind}.")
