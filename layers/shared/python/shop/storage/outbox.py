"""The transactional outbox: a change stores its events in the row that it writes.

A store puts the events into the attribute ``events`` of the changed row. The stream of the table
passes old and new images to a publisher, which publishes the events that the old image did not
hold. There is no event without its change, no change without its event, and no second item to pay.
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
"""Limits of one PutEvents call. Source: EventBridge quotas."""
MAX_ATTEMPTS = 3
FIRST_PAUSE = 0.2
"""Seconds."""

Image = Mapping[str, Any] | None
"""A row in a stream record; ``None`` before its creation and after its deletion."""
_NamedEntry = tuple[str, dict[str, Any]]
"""The name of a change and one PutEvents entry of it."""


def encode_events(events: Sequence[Event]) -> bytes:
    """Return events as the bytes of an attribute."""
    return compress_json([[e.id, e.type, e.subject, e.at.isoformat(), e.data] for e in events])


def decode_events(raw: bytes | None) -> tuple[Event, ...]:
    """Return the events of an attribute; none if the row has no such attribute."""
    if raw is None:
        return ()
    return tuple(
        Event(id_, type_, subject, datetime.fromisoformat(at), data)
        for id_, type_, subject, at, data in decompress_json(bytes(raw))
    )


def new_events(old: Image, new: Image) -> tuple[Event, ...]:
    """Return the events of the new image that the old image does not hold."""
    published = {event.id for event in decode_events((old or {}).get("events"))}
    return tuple(e for e in decode_events((new or {}).get("events")) if e.id not in published)


class EventPublisher:
    """Publishes the events of changes in order, up to the first change that fails."""

    def __init__(self, client: Any, bus: str) -> None:
        self._client = client
        self._bus = bus

    def publish(self, changes: Sequence[tuple[str, Image, Image]]) -> str | None:
        """Publish the events of ``(name, old image, new image)``; return the first failed name.

        Entries that EventBridge rejects temporarily are retried. After a failure, events of later
        changes may already be published and will be published again: consumers must be idempotent.
        """
        entries: list[_NamedEntry] = []
        unreadable: str | None = None
        for name, old, new in changes:
            try:
                entries += [(name, self._entry(event)) for event in new_events(old, new)]
            except (ValueError, TypeError, OverflowError):
                # Publish the readable changes before it, then report this one.
                unreadable = name
                break
        for batch in _batches(entries):
            failed = self._put(batch)
            if failed is not None:
                return failed
        return unreadable

    def _put(self, batch: list[_NamedEntry]) -> str | None:
        """Put one batch and retry rejected entries; return the name of the first failed change."""
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                time.sleep(FIRST_PAUSE * 2**attempt)
            response = self._client.put_events(Entries=[entry for _, entry in batch])
            results = zip(batch, response["Entries"], strict=True)
            batch = [entry for entry, result in results if "ErrorCode" in result]
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
    """Return the bytes that EventBridge counts: 14 for the time, then source, type and detail."""
    return 14 + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _batches(entries: Sequence[_NamedEntry]) -> Iterator[list[_NamedEntry]]:
    """Split entries into batches within both limits; an oversized entry gets its own batch."""
    batch: list[_NamedEntry] = []
    remaining_bytes = MAX_BYTES_PER_CALL
    for name, entry in entries:
        size = _size(entry)
        if batch and (len(batch) == MAX_ENTRIES_PER_CALL or size > remaining_bytes):
            yield batch
            batch, remaining_bytes = [], MAX_BYTES_PER_CALL
        batch.append((name, entry))
        remaining_bytes -= size
    if batch:
        yield batch
