"""Compressed JSON for binary attributes.

DynamoDB bills a write per started kilobyte, and twice in a transaction. An order of two lines is
3 KB as JSON and, compressed, less than the 1 KB that costs one unit. An order of 1,000 lines fits
into the 400 KB of an item. Attributes for keys, conditions and indexes stay uncompressed.

A small document consists mostly of field names, which zlib cannot predict. A *preset dictionary*
(RFC 1950, FDICT) supplies them; see :mod:`shop.storage.compression_dictionaries`.
"""

import json
import zlib
from typing import Any

from shop.storage.compression_dictionaries import DICTIONARIES

_DICTIONARY_BY_CHECKSUM = {zlib.adler32(dictionary): dictionary for dictionary in DICTIONARIES}
_PRESET_DICTIONARY_FLAG = 0x20


def compress_json(value: Any) -> bytes:
    """Return JSON as zlib-compressed UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    compressor = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARIES[0])
    return compressor.compress(text) + compressor.flush()


def decompress_json(raw: bytes) -> Any:
    """Return the value that :func:`compress_json` wrote, with any published dictionary or none.

    Raises ``ValueError`` for any other bytes.
    """
    try:
        if not raw[1] & _PRESET_DICTIONARY_FLAG:
            return json.loads(zlib.decompress(raw))
        # The header holds the checksum of the dictionary, so documents name their own.
        dictionary = _DICTIONARY_BY_CHECKSUM[int.from_bytes(raw[2:6], "big")]
        decompressor = zlib.decompressobj(15, dictionary)
        return json.loads(decompressor.decompress(raw) + decompressor.flush())
    except (zlib.error, IndexError, KeyError) as error:
        raise ValueError("The bytes are not a compressed JSON document.") from error
