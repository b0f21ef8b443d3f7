"""Bodies: read strictly, and everything that is wrong with them named."""

import contextlib
import json
import time
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from shop.entrypoints.request_body import (
    MAX_DEPTH,
    MAX_LISTED_PROBLEMS,
    parse_body,
    parse_json,
    validate_body,
)
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import MAX_SAFE_INTEGER


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Line(Shape):
    id: str
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1


class Card(Shape):
    kind: Literal["card"]
    number: str


class Points(Shape):
    kind: Literal["points"]
    count: int


class Order(Shape):
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
            raise PydanticCustomError("colour_sold_out", "no blue left")
        if value != "red":
            raise ValueError("red or blue")
        return value


def refused(text: str | bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refusal:
        parse_body(Order, text if isinstance(text, bytes) else text.encode())
    return refusal.value


def wrong(text: str | bytes) -> list[tuple[str, str | None]]:
    return [(p.code, p.path) for p in refused(text).problems]


LINE = '{"id":"x","quantity":2}'


def test_a_good_body_fits() -> None:
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
        ('{"a": 1, "a": 1}', "duplicate_key"),
        ('{"x": {"a": 1, "\\u0061": 2}}', "duplicate_key"),
        ('{"a": 9007199254740992}', "number_out_of_range"),
        ('{"a": -9007199254740992}', "number_out_of_range"),
        ('{"a": ' + "9" * 100_000 + "}", "number_out_of_range"),
        ('{"a": 1e400}', "number_out_of_range"),
    ],
)
def test_what_is_not_json_to_every_reader_is_refused(text: str | bytes, code: str) -> None:
    assert refused(text).problems[0].code == code
    assert len(refused(text).detail) < 300


@pytest.mark.parametrize(
    ("raw", "byte"),
    [
        (b'{"first_name":"J\xff\xfe"}', "byte 17 of the body (0xFF)"),
        (b"\xff\xfe{\x00}\x00", "byte 1 of the body (0xFF)"),
        ('{"a":"ü"}'.encode("latin-1"), "byte 7 of the body (0xFC)"),
        ('{"a":"ü😀"}'.encode()[:-3], "byte 9 of the body (0xF0)"),
    ],
)
def test_a_byte_that_is_not_utf_8_is_named(raw: bytes, byte: str) -> None:
    assert refused(raw).detail == f"{byte} is not UTF-8"


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
def test_a_number_out_of_range_is_named_with_its_place(text: str, path: str) -> None:
    assert wrong(text) == [("number_out_of_range", path)]


def test_a_string_that_looks_like_a_huge_number_is_a_string() -> None:
    body = b'{"line_items":[],"note":"1e999","attribution":{"n":"12345678901234567890"}}'
    assert isinstance(parse_body(Order, body), Order)


@pytest.mark.parametrize("number", [MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, 0, -0])
def test_numbers_that_everybody_reads_alike_are_fine(number: int) -> None:
    assert parse_json(json.dumps({"a": number}).encode()) == {"a": number}


@pytest.mark.parametrize("character", ["\0", "\b", "\f", "\x1b", "\x1f", "\x7f", "\x85", "\x9f"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_control_character_is_named_with_its_place(character: str, ascii_only: bool) -> None:
    body = {"a": ["fine", {"to": f"Main{character}St"}]}
    with pytest.raises(InvalidRequest) as refused:
        parse_json(json.dumps(body, ensure_ascii=ascii_only).encode())
    (problem,) = refused.value.problems
    assert (problem.code, problem.path) == ("text_invalid", "$.a[1].to")
    with pytest.raises(InvalidRequest):
        parse_json(json.dumps({f"a{character}": 1}, ensure_ascii=ascii_only).encode())


def test_line_ends_tabs_and_backslashes_are_text() -> None:
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
def test_all_other_json_is_read_as_it_is(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault(text: bytes) -> None:
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
        ('{"line_items":[],"note":"12345678901"}', [("too_long", "$.note")]),
        ('{"line_items":[],"colour":"green"}', [("invalid", "$.colour")]),
        ('{"line_items":[],"colour":"blue"}', [("colour_sold_out", "$.colour")]),
        ('{"line_items":[],"hm":1}', [("unknown_field", "$.hm")]),
        ('{"line_items":[],"a b":1}', [("unknown_field", '$["a b"]')]),
        ('{"line_items":[],"ship":{"kind":"x"}}', [("value_unknown", "$.ship.kind")]),
        ('{"line_items":[],"ship":{}}', [("missing", "$.ship.kind")]),
        ('{"line_items":[],"ship":{"kind":"card"}}', [("missing", "$.ship.number")]),
    ],
)
def test_everything_that_is_wrong_is_named_with_its_place(
    text: str, problems: list[tuple[str, str]]
) -> None:
    assert wrong(text) == problems


def test_a_place_inside_a_union_is_a_place_in_the_body() -> None:
    places = {path for _, path in wrong('{"line_items":[],"pay":{"kind":"card","number":1}}')}
    assert "$.pay.number" in places
    assert all(path is not None and "Card" not in path and "Points" not in path for path in places)


def test_a_strangers_long_names_are_not_said_back() -> None:
    assert wrong(json.dumps({"line_items": [], "x" * 100_000: 1})) == [("unknown_field", "$")]
    assert len(refused('{"' + "x" * 9000 + '":1,"' + "x" * 9000 + '":1}').detail) < 200


def test_many_problems_are_counted_and_some_told() -> None:
    refusal = refused(json.dumps({"line_items": [{}] * 300}))
    assert len(refusal.problems) == MAX_LISTED_PROBLEMS
    assert "300" in refusal.detail


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        '{"line_items":[' + "1," * 125_000 + "1]}",
        "{" + ",".join(f'"k{n}":1' for n in range(25_000)) + "}",
        "{" + ",".join(f'"k{n}":1' for n in range(25_000)) + ',"k24999":1}',
        '{"line_items":[' + '{"ucp":1},' * 20_000 + "{}]}",
    ],
)
def test_the_largest_rubbish_is_refused_in_no_time(text: str) -> None:
    began = time.process_time()
    refused(text)
    assert time.process_time() - began < 1.0


# ------------------------------------------------------------------------------- the ucp namespace


def test_ucp_may_stand_in_any_object_and_is_not_read() -> None:
    body = {
        "ucp": {"map_order": {}},
        "line_items": [{"id": "x", "quantity": 1, "ucp": {"future": 1}}],
        "pay": {"kind": "card", "number": "1", "ucp": {}},
    }
    order = parse_body(Order, json.dumps(body).encode())
    assert isinstance(order, Order)
    assert order.pay == Card(kind="card", number="1")


def test_a_dictionarys_key_named_ucp_is_data() -> None:
    order = parse_body(Order, b'{"line_items":[],"attribution":{"ucp":"spring"}}')
    assert isinstance(order, Order)
    assert order.attribution == {"ucp": "spring"}


def test_what_else_is_wrong_is_still_named() -> None:
    assert wrong('{"line_items":[],"ucp":{},"hm":1}') == [("unknown_field", "$.hm")]


def test_parsed_data_is_held_to_the_same_rules() -> None:
    assert validate_body(Line, {"id": "x"}) == Line(id="x")
    with pytest.raises(InvalidRequest):
        validate_body(Line, {"id": "x", "quantity": "1"})
    with pytest.raises(ValidationError):
        Line.model_validate({"id": 1})


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 250, 5_000, 100_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_what_is_nested_without_end_is_refused_in_the_shops_own_words(
    pair: str, depth: int
) -> None:
    begin = "[" if pair == "[]" else '{"a":'
    refusal = refused(begin * (depth - 1) + pair + pair[1] * (depth - 1))
    assert refusal.problems[0].code == "json_malformed"
    assert refusal.detail == f"the body is nested more than {MAX_DEPTH} deep"


def test_what_is_nested_within_reason_and_what_is_long_is_read() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(parse_json(b"[" + b",".join([b"[{}]"] * 5_000) + b"]")) == 5_000
