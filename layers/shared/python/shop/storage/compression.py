"""Payloads as compressed JSON.

DynamoDB bills a write by the whole kilobyte, twice in a transaction. An order of two lines is 3 KB
as JSON and, compressed, under the 1 KB that costs one unit; an order of 1,000 lines fits the 400 KB
an item may have. What conditions, keys and indexes need stays in plain attributes.

Small documents consist mostly of the names of their fields, which zlib cannot know the first time
it meets them. So it is told beforehand what such documents usually hold, by a *preset dictionary*
(RFC 1950, FDICT); see :mod:`shop.storage.compression_dictionaries`.
"""

import json
import zlib
from typing import Any

from shop.storage.compression_dictionaries import DICTIONARIES

_NAMED = {zlib.adler32(words): words for words in DICTIONARIES}


def compress_json(value: Any) -> bytes:
    """JSON as zlib-compressed UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARIES[0])
    return squeeze.compress(text) + squeeze.flush()


def decompress_json(raw: bytes) -> Any:
    """What :func:`packed` wrote, now or with an older dictionary, or with none.

    Raises ``ValueError`` for bytes that it never wrote.
    """
    try:
        if not raw[1] & 0x20:
            return json.loads(zlib.decompress(raw))
        expand = zlib.decompressobj(15, _NAMED[int.from_bytes(raw[2:6], "big")])
        return json.loads(expand.decompress(raw) + expand.flush())
    except (zlib.error, IndexError, KeyError) as error:
        raise ValueError("this is not a document of ours") from error
