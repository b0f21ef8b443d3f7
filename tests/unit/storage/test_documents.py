"""Compressed documents: round trips, published dictionaries, and size."""

import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.storage.compression import compress_json, decompress_json
from shop.storage.compression_dictionaries import DICTIONARIES

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@pytest.mark.slow
@given(values)
def test_document_round_trip(value: Any) -> None:
    assert decompress_json(compress_json(value)) == value


def test_published_dictionaries_are_unchanged() -> None:
    checksums = [f"{zlib.adler32(dictionary):08x}" for dictionary in DICTIONARIES]
    assert checksums == ["bf6948da"]


def test_stored_document_of_this_release_is_readable() -> None:
    stored = bytes.fromhex("78f9bf6948daabc66c06a134b83032c9e119a0ce2a00e7111161")
    assert decompress_json(stored) == {"currency": "EUR", "total": 4596, "lines": [["li_1", "Ø"]]}


def test_document_without_dictionary_is_readable() -> None:
    assert decompress_json(zlib.compress(b'{"a":[1,null]}')) == {"a": [1, None]}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x",
        b"not a document",
        compress_json({"a": 1})[:-3] + b"xyz",
        b"\x78\xbb\x00\x00\x00\x00" + compress_json({"a": 1})[6:],
        zlib.compress(b"{not json"),
    ],
)
def test_other_bytes_raise_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):
        decompress_json(raw)


def test_dictionary_makes_small_documents_30_percent_smaller() -> None:
    event = {"order_id": "ord_1", "status": "placed", "currency": "USD", "total": 1}
    assert len(compress_json(event)) < len(zlib.compress(json.dumps(event).encode(), 9)) * 0.7
