"""Events that leave with the write they speak of.

A store puts the events of a change into the very row it changes, in the attribute ``events``; the
table's stream shows the row to a publisher, which puts on the bus what the row did not hold before.
So there is no event without its change and no change without its event, and no second item to pay.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shop.kernel.events import Event
from shop.storage.compression import compress_json, decompress_json

SOURCE = "doorbuster"
MAX_ENTRIES_PER_CALL = 10
MAX_BYTES_PER_CALL = 256 * 1024
"""What one PutEvents takes. Source: the EventBridge quotas."""
MAX_ATTEMPTS = 3
PAUSE = 0.2


def encode_events(events: Sequence[Event]) -> bytes:
    """Events as the bytes of an attribute."""
    return compress_json([[e.id, e.type, e.subject, e.at.isoformat(), e.data] for e in events])


def decode_events(raw: bytes | None) -> tuple[Event, ...]:
    """The events of an attribute's bytes."""
    if raw is None:
        return ()
    return tuple(
        Event(id_, type_, subject, datetime.fromisoformat(at), data)
        for id_, type_, subject, at, data in decompress_json(bytes(raw))
    )


def new_events(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Event, ...]:
    """The events that a row holds now and did not hold before."""
    told = {event.id for event in decode_events((old or {}).get("events"))}
    return tuple(e for e in decode_events((new or {}).get("events")) if e.id not in told)


class EventPublisher:
    """Puts the events of changes on the bus, in order, up to the first change it cannot do."""

    def __init__(self, client: Any, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(
        self, changes: Sequence[tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> str | None:
        """Take ``(name, old image, new image)`` and return the name of the first that failed.

        What EventBridge refuses for the moment is sent again a few times. An event that was sent
        may be sent again when a change before it failed: readers bear that.
        """
        entries: list[tuple[str, dict[str, Any]]] = []
        unreadable: str | None = None
        for name, old, new in changes:
            try:
                entries += [(name, self._entry(event)) for event in new_events(old, new)]
            except (ValueError, TypeError, OverflowError):
                unreadable = name
                break
        for batch in _batches(entries):
            failed = self._sent(batch)
            if failed is not None:
                return failed
        return unreadable

    def _sent(self, batch: list[tuple[str, dict[str, Any]]]) -> str | None:
        """Send one batch, what fails of it again; the name of the first change that failed."""
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2**attempt)
            answer = self._client.put_events(Entries=[entry for _, entry in batch])
            said = zip(batch, answer["Entries"], strict=True)
            batch = [entry for entry, result in said if "ErrorCode" in result]
            if not batch:
                return None
        return batch[0][0]

    def _entry(self, event: Event) -> dict[str, Any]:
        detail = {
            "id": event.id,
            "subject": event.subject,
            "at": event.at.isoformat(),
            "data": event.data,
        }
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": event.type,
            "Time": event.at,
            "Detail": json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
        }


def _size(entry: Mapping[str, Any]) -> int:
    """Bytes as EventBridge counts them: 14 for the time, then source, type and detail."""
    return 14 + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _batches(
    entries: Sequence[tuple[str, dict[str, Any]]],
) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    batch: list[tuple[str, dict[str, Any]]] = []
    room = MAX_BYTES_PER_CALL
    for name, entry in entries:
        size = _size(entry)
        if batch and (len(batch) == MAX_ENTRIES_PER_CALL or size > room):
            yield batch
            batch, room = [], MAX_BYTES_PER_CALL
        batch.append((name, entry))
        room -= size
    if batch:
        yield batch
