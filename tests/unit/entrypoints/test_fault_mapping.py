"""What the log says of a fault: enough to find it, nothing about people."""

import time

import pytest

from shop.entrypoints.fault_mapping import as_unavailable, log_fields


def trace_of(text: str) -> str:
    try:
        raise ValueError(text)
    except ValueError as error:
        trace: str = log_fields(error)["trace"]
        return trace.rsplit("ValueError: ", 1)[1].strip()


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("to jane.doe@example.com now", "to …@… now"),
        ("'jane@x'", "'…@…'"),
        ("call +49 (170) 123-4567", "call …"),
        ("card 4242424242424242", "card …"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "…"),
        ("tok_success and whsec_abc", "… and …"),
        ("[input_value='Main St 1', input_type=str]", "[input_value=…, input_type=str]"),
    ],
)
def test_what_looks_personal_or_secret_is_blotted_out(said: str, logged: str) -> None:
    assert trace_of(said) == logged


@pytest.mark.parametrize(
    "said",
    ["'2026-08-25T12:00:00+00:00'", "TABLE_ORDERS", "line 1, column 23", "version 12 is not 13"],
)
def test_what_helps_to_find_it_stays(said: str) -> None:
    assert trace_of(said) == said


@pytest.mark.parametrize("part", ["x", "x@", "eyJ-", "1 ", "(1", "input_value=", "Bearer "])
def test_a_trace_has_an_end_and_is_drawn_up_in_no_time(part: str) -> None:
    began = time.process_time()
    assert len(log_fields(ValueError(part * 100_000))["trace"]) <= 6200
    assert time.process_time() - began < 1.0


def test_causes_that_go_round_in_circles_are_followed_once() -> None:
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert as_unavailable(one) is None
