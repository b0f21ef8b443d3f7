"""Log fields of a fault: a useful stack trace without personal data."""

import re
from importlib import import_module
from typing import Any

import pytest

from shop.entrypoints import fault_mapping
from shop.entrypoints.fault_mapping import as_unavailable, log_fields

# Python's own parser of patterns; type checkers disagree on whether it exists.
_constants: Any = import_module("re._constants")
_parser: Any = import_module("re._parser")


def trace_of(text: str) -> str:
    try:
        raise ValueError(text)
    except ValueError as error:
        trace: str = log_fields(error)["trace"]
        return trace.rsplit("ValueError: ", 1)[1].strip()


@pytest.mark.parametrize(
    ("text", "logged"),
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
def test_personal_data_and_secrets_are_redacted(text: str, logged: str) -> None:
    assert trace_of(text) == logged


@pytest.mark.parametrize(
    "text",
    ["'2026-08-25T12:00:00+00:00'", "TABLE_ORDERS", "line 1, column 23", "version 12 is not 13"],
)
def test_technical_details_are_not_redacted(text: str) -> None:
    assert trace_of(text) == text


MAX_REDACTED_LENGTH = 6200
"""Characters: the shortened trace, and the replacements that redaction may add to it."""


class BoundedPattern:
    """A pattern that rejects long texts before it is applied to them."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern
        self.applied = 0

    def sub(self, replacement: str, text: str) -> str:
        assert len(text) <= MAX_REDACTED_LENGTH
        self.applied += 1
        return self.pattern.sub(replacement, text)


@pytest.mark.parametrize("part", ["x", "x@", "eyJ-", "1 ", "(1", "input_value=", "Bearer "])
def test_trace_is_shortened_before_it_is_redacted(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = [(BoundedPattern(pattern), text) for pattern, text in fault_mapping._REDACTIONS]
    monkeypatch.setattr(fault_mapping, "_REDACTIONS", bounded)
    trace = log_fields(ValueError(part * 100_000))["trace"]
    assert len(trace) <= MAX_REDACTED_LENGTH
    assert [pattern.applied for pattern, _ in bounded] == [1] * len(bounded)


def has_nested_unbounded_repeat(parsed: Any, *, inside: bool = False) -> bool:
    """Return whether an unbounded repeat contains another one, which may take exponential time."""
    if isinstance(parsed, _parser.SubPattern):
        for operation, argument in parsed:
            is_repeat = operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
            is_unbounded = is_repeat and argument[1] == _constants.MAXREPEAT
            if is_unbounded and inside:
                return True
            if has_nested_unbounded_repeat(argument, inside=inside or is_unbounded):
                return True
    elif isinstance(parsed, (list, tuple)):
        return any(has_nested_unbounded_repeat(part, inside=inside) for part in parsed)
    return False


@pytest.mark.parametrize("pattern", [pattern.pattern for pattern, _ in fault_mapping._REDACTIONS])
def test_redaction_patterns_cannot_take_exponential_time(pattern: str) -> None:
    assert not has_nested_unbounded_repeat(_parser.parse(pattern))


@pytest.mark.parametrize("pattern", [r"(a+)+b", r"(?:\s*x*)*y", r"(?:[a-z]+|\d)*z"])
def test_nested_unbounded_repeat_is_detected(pattern: str) -> None:
    assert has_nested_unbounded_repeat(_parser.parse(pattern))


def test_cycle_of_causes_is_visited_once() -> None:
    one, other = ValueError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert as_unavailable(one) is None
