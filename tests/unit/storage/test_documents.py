"""Documents are read as they were written, by this release and by every later one."""

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
def test_a_document_reads_as_it_was_written(value: Any) -> None:
    assert decompress_json(compress_json(value)) == value


def test_dictionaries_are_never_changed_only_added_in_front() -> None:
    known = [f"{zlib.adler32(words):08x}" for words in DICTIONARIES]
    assert known == ["872b9eaf"]


def test_a_document_of_this_release_is_read_for_ever() -> None:
    kept = bytes.fromhex("78f9872b9eafabc66caba0b48a3052f2e119a0fe1d00e7111161")
    assert decompress_json(kept) == {"currency": "EUR", "total": 4596, "lines": [["li_1", "Ø"]]}


def test_a_document_without_a_dictionary_is_read() -> None:
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
def test_what_is_no_document_is_refused_as_that(raw: bytes) -> None:
    with pytest.raises(ValueError):
        decompress_json(raw)


def test_the_names_of_fields_cost_next_to_nothing() -> None:
    event = {"order_id": "ord_1", "status": "placed", "currency": "USD", "total": 1}
    assert len(compress_json(event)) < len(zlib.compress(json.dumps(event).encode(), 9)) * 0.7
