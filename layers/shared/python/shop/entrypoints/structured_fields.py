"""Structured field values for HTTP (RFC 8941): dictionaries, as the ``UCP-Agent`` header is one.

Written here and not taken from a package: the grammar is small and the header is read on every
agent's request. All of section 4.2 is held to, also what UCP does not use, so that a header which
is good elsewhere is not refused here.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_NUMBER = re.compile(r"-?(?:[0-9]{1,12}\.[0-9]{1,3}(?![0-9.])|[0-9]{1,15}(?![0-9.]))")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_BOOLEAN = re.compile(r"\?([01])")
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r" *")


class Token(str):
    """A bare word, as against a quoted string."""

    __slots__ = ()


class Member(NamedTuple):
    """A dictionary's member: its value and the parameters behind it.

    A value is ``str``, :class:`Token`, ``int``, ``Decimal``, ``bytes``, ``bool`` or, for an inner
    list, a tuple of members.
    """

    value: Any
    parameters: Mapping[str, Any]


def parse_dictionary(text: str) -> dict[str, Member]:
    """Read a dictionary (RFC 8941, 4.2.2). Raises ``ValueError`` where it is none.

    Of members or parameters that come twice the last one counts, as the RFC says.
    """
    text = text.strip(" ")
    members: dict[str, Member] = {}
    at = 0
    while at < len(text):
        key, at = _key(text, at)
        if text[at : at + 1] == "=":
            value, at = _item_or_list(text, at + 1)
        else:
            value = True
        parameters, at = _parameters(text, at)
        members[key] = Member(value, parameters)
        at = _skipped(_BLANK, text, at)
        if at == len(text):
            break
        if text[at] != ",":
            raise ValueError(f"a comma is missing at {at}")
        at = _skipped(_BLANK, text, at + 1)
        if at == len(text):
            raise ValueError("it ends with a comma")
    return members


def serialize_string(text: str) -> str:
    """Write a string as a structured field. Raises ``ValueError`` for what one cannot hold."""
    if not text.isascii() or not text.isprintable():
        raise ValueError("only printable ASCII can be written")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(text: str, at: int) -> tuple[str, int]:
    found = _KEY.match(text, at)
    if found is None:
        raise ValueError(f"a key is missing at {at}")
    return found[0], found.end()


def _item_or_list(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 1] != "(":
        return _bare(text, at)
    items: list[Member] = []
    at += 1
    while True:
        at = _skipped(_SPACE, text, at)
        if text[at : at + 1] == ")":
            return tuple(items), at + 1
        value, at = _bare(text, at)
        parameters, at = _parameters(text, at)
        items.append(Member(value, parameters))
        if text[at : at + 1] not in (" ", ")"):
            raise ValueError(f"an inner list is not closed at {at}")


def _bare(text: str, at: int) -> tuple[Any, int]:
    if problems := _STRING.match(text, at):
        return re.sub(r"\\(.)", r"\1", problems[1]), problems.end()
    if problems := _TOKEN.match(text, at):
        return Token(problems[0]), problems.end()
    if problems := _NUMBER.match(text, at):
        return (Decimal if "." in problems[0] else int)(problems[0]), problems.end()
    if problems := _BOOLEAN.match(text, at):
        return problems[1] == "1", problems.end()
    if problems := _BYTES.match(text, at):
        try:
            padded = problems[1] + "=" * (-len(problems[1]) % 4)
            return base64.b64decode(padded, validate=True), problems.end()
        except binascii.Error:
            raise ValueError(f"not base64 at {at}") from None
    raise ValueError(f"a value is missing at {at}")


def _parameters(text: str, at: int) -> tuple[dict[str, Any], int]:
    parameters: dict[str, Any] = {}
    while text[at : at + 1] == ";":
        key, at = _key(text, _skipped(_SPACE, text, at + 1))
        value: Any = True
        if text[at : at + 1] == "=":
            value, at = _bare(text, at + 1)
        parameters[key] = value
    return parameters, at


def _skipped(blank: re.Pattern[str], text: str, at: int) -> int:
    found = blank.match(text, at)
    return found.end() if found else at
