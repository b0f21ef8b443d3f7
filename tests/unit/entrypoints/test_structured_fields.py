"""Structured fields as RFC 8941 defines them."""

from decimal import Decimal

import pytest

from shop.entrypoints.structured_fields import Member, Token, parse_dictionary, serialize_string


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ('profile="https://a.example/p"', {"profile": Member("https://a.example/p", {})}),
        ("  a=1 ,\tb=2  ", {"a": Member(1, {}), "b": Member(2, {})}),
        ("a, b;x", {"a": Member(True, {}), "b": Member(True, {"x": True})}),
        ('a="q\\"b\\\\"', {"a": Member('q"b\\', {})}),
        ("a=tok/en:x", {"a": Member(Token("tok/en:x"), {})}),
        ("a=-12.500", {"a": Member(Decimal("-12.500"), {})}),
        ("a=999999999999999", {"a": Member(999999999999999, {})}),
        ("a=?0", {"a": Member(False, {})}),
        ("a=:aGk=:", {"a": Member(b"hi", {})}),
        ("a=:aGk:", {"a": Member(b"hi", {})}),
        ("a=(1 2);q", {"a": Member((Member(1, {}), Member(2, {})), {"q": True})}),
        ("a=()", {"a": Member((), {})}),
        ("a=1;x=1;x=2, a=2", {"a": Member(2, {})}),
        ("*k.e-y_1=1", {"*k.e-y_1": Member(1, {})}),
        ('a="x"; version="1"', {"a": Member("x", {"version": "1"})}),
    ],
)
def test_valid_dictionary_is_parsed(text: str, members: dict[str, Member]) -> None:
    assert parse_dictionary(text) == members


def test_token_and_quoted_string_are_distinguished() -> None:
    assert isinstance(parse_dictionary("a=tok")["a"].value, Token)
    assert not isinstance(parse_dictionary('a="tok"')["a"].value, Token)


@pytest.mark.parametrize(
    "text",
    [
        "A=1",
        "=1",
        "a=",
        "a=1,",
        "a=1,,b=2",
        "a=1 b=2",
        'a="open',
        'a="\x01"',
        'a="é"',
        'a="\\x"',
        "a=1.",
        "a=1.2345",
        "a=1234567890123456",
        "a=1234567890123.1",
        "a=1.2.3",
        "a=--1",
        "a=?2",
        "a=:*:",
        "a=:a:",
        "a=:aG=k:",
        "a=(1 2",
        "a=(1,2)",
        'a=("x""y")',
        "https://a.example/p",
        'profile = "x"',
        "a;=1",
        "\ta=1",
        "a=1;\tb",
    ],
)
def test_invalid_dictionary_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_dictionary(text)


def test_serialized_string_round_trip() -> None:
    text = 'https://a.example/"x"\\y'
    assert parse_dictionary(f"a={serialize_string(text)}")["a"].value == text


@pytest.mark.parametrize("text", ["é", "a\nb", "a\r\nX-Evil: 1", "\x00"])
def test_text_that_no_header_can_hold_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        serialize_string(text)
