"""Request bodies: strict JSON, and a problem with its path for every invalid field."""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from shop.entrypoints import request_body
from shop.entrypoints.request_body import (
    MAX_DEPTH,
    MAX_LISTED_PROBLEMS,
    parse_body,
    parse_json,
    validate_body,
)
from shop.kernel.errors import InvalidRequest, InvalidValue
from shop.kernel.money import MAX_SAFE_INTEGER


class StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Line(StrictModel):
    id: str
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1


class Card(StrictModel):
    kind: Literal["card"]
    number: str


class Points(StrictModel):
    kind: Literal["points"]
    count: int


class Order(StrictModel):
    line_items: Annotated[list[Line], Field(max_length=500)]
    note: Annotated[str, Field(max_length=10)] | None = None
    attribution: dict[str, str] = Field(default_factory=dict)
    pay: Card | Points | None = None
    ship: Annotated[Card | Points, Field(discriminator="kind")] | None = None
    colour: str = "red"

    @field_validator("colour")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "blue":
            raise PydanticCustomError("colour_sold_out", "Blue is sold out.")
        if value == "green":
            raise InvalidValue("value_unknown", "Must be red or blue.")
        if value != "red":
            raise ValueError("Must be red or blue.")
        return value


class LongOrder(StrictModel):
    """Like an order, without a limit of its lines, so that all of them are validated."""

    line_items: list[Line]


def rejected(text: str | bytes, schema: type[BaseModel] = Order) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        parse_body(schema, text if isinstance(text, bytes) else text.encode())
    return error.value


def problems_of(text: str | bytes) -> list[tuple[str, str | None]]:
    return [(p.code, p.path) for p in rejected(text).problems]


LINE = '{"id":"x","quantity":2}'


def test_valid_body_is_parsed() -> None:
    order = parse_body(Order, f'{{"line_items":[{LINE}],"note":"ü😀"}}'.encode())
    assert isinstance(order, Order)
    assert (order.line_items[0].quantity, order.note) == (2, "ü😀")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "body_missing"),
        (" \n", "body_missing"),
        ("{", "json_malformed"),
        ("{'a': 1}", "json_malformed"),
        ('{"a": 1,}', "json_malformed"),
        ('{"a": 1} x', "json_malformed"),
        ("\ufeff{}", "json_malformed"),
        ('{"a": NaN}', "json_malformed"),
        ('{"a": -Infinity}', "json_malformed"),
        ('{"a": "\x00"}', "json_malformed"),
        ("[" * 200_000, "json_malformed"),
        ('{"a":' * 1000 + "1" + "}" * 1000, "json_malformed"),
        (b'{"a": "\xff"}', "text_invalid"),
        (b"\xff\xfe{\x00}\x00", "text_invalid"),
        (json.dumps({"a": "\ud800"}), "text_invalid"),
        ('{"\\udfff": 1}', "text_invalid"),
        ('{"a": 1, "a": 1}', "duplicate"),
        ('{"x": {"a": 1, "\\u0061": 2}}', "duplicate"),
        ('{"a": 9007199254740992}', "out_of_range"),
        ('{"a": -9007199254740992}', "out_of_range"),
        ('{"a": ' + "9" * 100_000 + "}", "out_of_range"),
        ('{"a": 1e400}', "out_of_range"),
    ],
)
def test_json_that_readers_interpret_differently_is_rejected(text: str | bytes, code: str) -> None:
    assert rejected(text).problems[0].code == code
    assert len(rejected(text).detail) < 300


@pytest.mark.parametrize(
    ("raw", "byte"),
    [
        (b'{"first_name":"J\xff\xfe"}', "Byte 17 of the body (0xFF)"),
        (b"\xff\xfe{\x00}\x00", "Byte 1 of the body (0xFF)"),
        ('{"a":"ü"}'.encode("latin-1"), "Byte 7 of the body (0xFC)"),
        ('{"a":"ü😀"}'.encode()[:-3], "Byte 9 of the body (0xF0)"),
    ],
)
def test_first_byte_that_is_not_utf_8_is_reported(raw: bytes, byte: str) -> None:
    assert rejected(raw).detail == f"{byte} is not UTF-8. Send UTF-8."


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{'a': 1}", "The body is not JSON at line 1, column 2. Correct it and send it again."),
        ('{\n"a": 1,}', "The body is not JSON at line 2, column 7. Correct it and send it again."),
        ("\ufeff{}", "The body begins with a byte order mark. Send UTF-8 without it."),
        ('{"a": NaN}', "NaN is not JSON. Send a number or null."),
        ('{"a": 1, "a": 1}', "The key 'a' occurs twice in an object. Send it once."),
    ],
)
def test_error_of_json_is_a_sentence_with_the_place_or_the_remedy(text: str, detail: str) -> None:
    assert rejected(text).detail == detail


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("99999999999999999999", "$"),
        ('{"line_items":[{"id":"x","quantity":9007199254740992}]}', "$.line_items[0].quantity"),
        ('{"a":[1,{"b c":-1e999}]}', '$.a[1]["b c"]'),
        ('{"a":1E+400}', "$.a"),
        ('{"a":1' + "0" * 309 + ".5}", "$.a"),
    ],
)
def test_number_out_of_range_is_reported_with_its_path(text: str, path: str) -> None:
    assert problems_of(text) == [("out_of_range", path)]


def test_string_with_digits_is_not_checked_as_a_number() -> None:
    body = b'{"line_items":[],"note":"1e999","attribution":{"n":"12345678901234567890"}}'
    assert isinstance(parse_body(Order, body), Order)


@pytest.mark.parametrize("number", [MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, 0, -0])
def test_safe_integers_are_accepted(number: int) -> None:
    assert parse_json(json.dumps({"a": number}).encode()) == {"a": number}


@pytest.mark.parametrize("character", ["\0", "\b", "\f", "\x1b", "\x1f", "\x7f", "\x85", "\x9f"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_control_character_is_reported_with_its_path(character: str, ascii_only: bool) -> None:
    body = {"a": ["fine", {"to": f"Main{character}St"}]}
    with pytest.raises(InvalidRequest) as error:
        parse_json(json.dumps(body, ensure_ascii=ascii_only).encode())
    (problem,) = error.value.problems
    assert (problem.code, problem.path) == ("text_invalid", "$.a[1].to")
    with pytest.raises(InvalidRequest):
        parse_json(json.dumps({f"a{character}": 1}, ensure_ascii=ascii_only).encode())


def test_line_breaks_tabs_and_backslashes_are_accepted() -> None:
    body = {"text": "one\ntwo\r\n\tthree \\u0000 \\b C:\\f"}
    assert parse_json(json.dumps(body).encode()) == body


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t\r"))


@pytest.mark.slow
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
        | TEXT
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    )
)
def test_all_other_json_is_parsed_unchanged(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_arbitrary_bytes_cause_no_fault(text: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_body(Order, text)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("{}", [("missing", "$.line_items")]),
        ("[]", [("wrong_type", "$")]),
        ("null", [("wrong_type", "$")]),
        ('"x"', [("wrong_type", "$")]),
        ('{"line_items":null}', [("wrong_type", "$.line_items")]),
        ('{"line_items":[1]}', [("wrong_type", "$.line_items[0]")]),
        (
            '{"line_items":[{"id":1,"quantity":"2"},{}]}',
            [
                ("wrong_type", "$.line_items[0].id"),
                ("wrong_type", "$.line_items[0].quantity"),
                ("missing", "$.line_items[1].id"),
            ],
        ),
        (
            '{"line_items":[{"id":"x","quantity":0}]}',
            [("out_of_range", "$.line_items[0].quantity")],
        ),
        (
            '{"line_items":[{"id":"x","quantity":-1}]}',
            [("out_of_range", "$.line_items[0].quantity")],
        ),
        (
            '{"line_items":[{"id":"x","quantity":9007199254740991}]}',
            [("out_of_range", "$.line_items[0].quantity")],
        ),
        (
            '{"line_items":[{"id":"x","quantity":2.0}]}',
            [("wrong_type", "$.line_items[0].quantity")],
        ),
        (
            '{"line_items":[{"id":"x","quantity":true}]}',
            [("wrong_type", "$.line_items[0].quantity")],
        ),
        ('{"line_items":[],"note":"12345678901"}', [("text_invalid", "$.note")]),
        ('{"line_items":[],"colour":"green"}', [("value_unknown", "$.colour")]),
        ('{"line_items":[],"colour":"RED"}', [("format_invalid", "$.colour")]),
        ('{"line_items":[],"colour":"blue"}', [("colour_sold_out", "$.colour")]),
        ('{"line_items":[],"hm":1}', [("unknown_field", "$.hm")]),
        ('{"line_items":[],"a b":1}', [("unknown_field", '$["a b"]')]),
        ('{"line_items":[],"ship":{"kind":"x"}}', [("value_unknown", "$.ship.kind")]),
        ('{"line_items":[],"ship":{}}', [("missing", "$.ship.kind")]),
        ('{"line_items":[],"ship":{"kind":"card"}}', [("missing", "$.ship.number")]),
    ],
)
def test_every_invalid_field_is_reported_with_its_path(
    text: str, problems: list[tuple[str, str]]
) -> None:
    assert problems_of(text) == problems


def test_error_has_the_code_and_text_of_its_only_problem() -> None:
    error = rejected('{"line_items":[],"colour":"green"}')
    assert (error.code, error.detail) == ("value_unknown", "Must be red or blue.")


def test_error_with_several_problems_counts_them() -> None:
    error = rejected('{"line_items":[],"colour":"green","hm":1}')
    assert (error.code, error.detail) == ("invalid", "2 fields are invalid.")


def test_path_inside_a_union_is_a_path_of_the_body() -> None:
    paths = {path for _, path in problems_of('{"line_items":[],"pay":{"kind":"card","number":1}}')}
    assert "$.pay.number" in paths
    assert all(path is not None and "Card" not in path and "Points" not in path for path in paths)


def test_long_unknown_names_are_not_echoed() -> None:
    assert problems_of(json.dumps({"line_items": [], "x" * 100_000: 1})) == [("unknown_field", "$")]
    assert len(rejected('{"' + "x" * 9000 + '":1,"' + "x" * 9000 + '":1}').detail) < 200


def test_many_problems_are_counted_and_some_are_listed() -> None:
    error = rejected(json.dumps({"line_items": [{}] * 300}))
    assert len(error.problems) == MAX_LISTED_PROBLEMS
    assert "300" in error.detail


# ------------------------------------------------------------------------------- largest bodies

LARGEST_INVALID_BODIES = {
    "wrong types": '{"line_items":[' + "1," * 125_000 + "1]}",
    "unknown fields": "{" + ",".join(f'"k{n}":1' for n in range(25_000)) + "}",
    "duplicate key": "{" + ",".join(f'"k{n}":1' for n in range(25_000)) + ',"k24999":1}',
    "ucp members": '{"line_items":[' + '{"ucp":1},' * 20_000 + "{}]}",
    "valid lines with ucp members": '{"line_items":[' + '{"id":"x","ucp":1},' * 13_000 + "{}]}",
}
"""Bodies near the size limit with as many problems as fit."""
MAX_STEPS_PER_BYTE = 5
"""Executed lines of the module; measured at most 4.7, for the ucp members of a long order."""


class TooManySteps(BaseException):
    """Not an ``Exception``, so that the code under test cannot catch it."""


def steps_of(action: Callable[[], object], *, limit: int) -> int:
    """Count the executed lines of ``request_body``; stop the action beyond the limit."""
    steps = 0

    def trace_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        if steps > limit:
            raise TooManySteps(f"more than {limit} steps")
        return trace_line

    def trace_call(frame: FrameType, event: str, argument: Any) -> Any:
        return trace_line if frame.f_code.co_filename == request_body.__file__ else None

    sys.settrace(trace_call)
    try:
        action()
    finally:
        sys.settrace(None)
    return steps


def calls_of(action: Callable[[], object]) -> Counter[str]:
    """Count the calls of all functions by name, also of those in C."""
    calls: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1
        elif event == "c_call":
            calls[argument.__name__] += 1

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


each_largest_body = pytest.mark.parametrize(
    "text", LARGEST_INVALID_BODIES.values(), ids=list(LARGEST_INVALID_BODIES)
)


@pytest.mark.slow
@each_largest_body
@pytest.mark.parametrize("schema", [Order, LongOrder])
def test_largest_invalid_body_is_rejected_in_linear_steps(
    text: str, schema: type[BaseModel]
) -> None:
    limit = MAX_STEPS_PER_BYTE * len(text)
    assert steps_of(lambda: rejected(text, schema), limit=limit) <= limit


@pytest.mark.slow
@each_largest_body
@pytest.mark.parametrize("schema", [Order, LongOrder])
def test_largest_invalid_body_is_validated_at_most_twice(
    text: str, schema: type[BaseModel]
) -> None:
    """Each of these calls takes the time of the whole body."""
    calls = calls_of(lambda: rejected(text, schema))
    assert calls["loads"] == 1
    assert calls["validate_json"] <= 2
    assert calls["dumps"] <= 2
    assert calls["errors"] <= 2
    assert calls["_json_path"] <= MAX_LISTED_PROBLEMS


class CountingName(str):
    """A name that counts its comparisons."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountingName.comparisons += 1
        if CountingName.comparisons > 50_000:
            raise TooManySteps("more than two comparisons per name")
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_key_that_occurs_twice_is_found_without_comparing_all_pairs_of_names() -> None:
    CountingName.comparisons = 0
    pairs = [(CountingName(f"k{n}"), 1) for n in (*range(25_000), 24_999)]
    with pytest.raises(InvalidRequest) as error:
        request_body._object_with_unique_keys(list(pairs))
    assert error.value.problems[0].code == "duplicate"
    assert CountingName.comparisons <= 50_000


# ----------------------------------------------------------------------------- the ucp namespace


def test_ucp_member_is_ignored_in_any_object() -> None:
    body = {
        "ucp": {"map_order": {}},
        "line_items": [{"id": "x", "quantity": 1, "ucp": {"future": 1}}],
        "pay": {"kind": "card", "number": "1", "ucp": {}},
    }
    order = parse_body(Order, json.dumps(body).encode())
    assert isinstance(order, Order)
    assert order.pay == Card(kind="card", number="1")


def test_dictionary_key_named_ucp_is_data() -> None:
    order = parse_body(Order, b'{"line_items":[],"attribution":{"ucp":"spring"}}')
    assert isinstance(order, Order)
    assert order.attribution == {"ucp": "spring"}


def test_other_unknown_fields_beside_ucp_are_reported() -> None:
    assert problems_of('{"line_items":[],"ucp":{},"hm":1}') == [("unknown_field", "$.hm")]


def test_parsed_data_is_validated_by_the_same_rules() -> None:
    assert validate_body(Line, {"id": "x"}) == Line(id="x")
    with pytest.raises(InvalidRequest):
        validate_body(Line, {"id": "x", "quantity": "1"})
    with pytest.raises(ValidationError):
        Line.model_validate({"id": 1})


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 250, 5_000, 100_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_too_deep_nesting_is_rejected_with_one_message(pair: str, depth: int) -> None:
    opening = "[" if pair == "[]" else '{"a":'
    error = rejected(opening * (depth - 1) + pair + pair[1] * (depth - 1))
    assert error.problems[0].code == "json_malformed"
    assert error.detail == f"The body must be nested at most {MAX_DEPTH} deep."


def test_nesting_up_to_the_limit_and_long_lists_are_accepted() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(parse_json(b"[" + b",".join([b"[{}]"] * 5_000) + b"]")) == 5_000
