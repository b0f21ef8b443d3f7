"""Payloads as compressed JSON.

DynamoDB bills a write by the whole kilobyte, twice in a transaction. An order of two lines is 3 KB
as JSON and, compressed, under the 1 KB that costs one unit; an order of 1,000 lines fits the 400 KB
an item may have. What conditions, keys and indexes need stays in plain attributes.

Small documents consist mostly of the names of their fields, which zlib cannot know the first time
it meets them. It is told them beforehand by a *preset dictionary*: a text of what such documents
usually hold, what is most usual last. **A dictionary is part of the stored format**: what was
written with one can be read with that one only, so a better one is added in front of the others and
none is ever changed.
"""

import json
import zlib
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.constants import BINARY


def packed(value: Any, words: bytes = b"") -> bytes:
    """JSON as zlib-compressed UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, words)
    return squeeze.compress(text) + squeeze.flush()


def unpacked(raw: bytes, *dictionaries: bytes) -> Any:
    """What :func:`packed` wrote, with one of these dictionaries or with none (RFC 1950, FDICT)."""
    raw = bytes(raw)
    if not raw[1] & 0x20:
        return json.loads(zlib.decompress(raw))
    named = int.from_bytes(raw[2:6], "big")
    for words in dictionaries:
        if zlib.adler32(words) == named:
            expand = zlib.decompressobj(15, words)
            return json.loads(expand.decompress(raw) + expand.flush())
    raise ValueError(f"the dictionary {named:08x} is not known any more")


class JsonDocument(Attribute[Any]):
    """JSON in a binary attribute; ``dictionaries``: the one to write with, then older ones."""

    attr_type = BINARY

    def __init__(self, *dictionaries: bytes, null: bool | None = None) -> None:
        super().__init__(null=null)
        self._dictionaries = dictionaries

    def serialize(self, value: Any) -> bytes:
        return packed(value, *self._dictionaries[:1])

    def deserialize(self, value: Any) -> Any:
        return unpacked(value, *self._dictionaries)
