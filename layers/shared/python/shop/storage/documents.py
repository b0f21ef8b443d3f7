"""Attributes that hold packed JSON; see :mod:`shop.storage.packing`."""

from collections.abc import Sequence
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import BINARY

from shop.kernel.events import Event
from shop.storage.outbox import events_in, events_out
from shop.storage.packing import packed, unpacked

__all__ = ["Events", "JsonDocument", "packed", "unpacked"]


class JsonDocument(Attribute[Any]):
    """A JSON value in a binary attribute."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return packed(value)

    def deserialize(self, value: Any) -> Any:
        return unpacked(bytes(value))


class Events(Attribute[Sequence[Event]]):
    """The attribute that carries a change's events out; see :mod:`shop.storage.outbox`."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return events_out(value)

    def deserialize(self, value: Any) -> tuple[Event, ...]:
        return events_in(bytes(value))
