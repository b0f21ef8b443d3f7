"""PynamoDB attributes that hold compressed JSON; see :mod:`shop.storage.compression`."""

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import BINARY

from shop.kernel.events import Event
from shop.storage.compression import compress_json, decompress_json
from shop.storage.outbox import decode_events, encode_events

__all__ = ["CompressedJsonAttribute", "EventsAttribute", "compress_json", "decompress_json"]


class CompressedJsonAttribute(Attribute[Any]):
    """A JSON value in a binary attribute."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return compress_json(value)

    def deserialize(self, value: Any) -> Any:
        return decompress_json(bytes(value))


class EventsAttribute(Attribute[Sequence[Event]]):
    """The events of a change, in the row that the change writes; see :mod:`shop.storage.outbox`."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return encode_events(value)

    def deserialize(self, value: Any) -> tuple[Event, ...]:
        return decode_events(bytes(value))
