"""Structured field values for HTTP (RFC 8941): dictionaries, such as the ``UCP-Agent`` header.

The project has its own parser because the grammar is small and the header is parsed on every
request of an agent. It implements all of section 4.2, beyond the part that UCP uses, so that no
valid header is rejected.
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
_OPTIONAL_WHITESPACE = re.compile(r"[ \t]*")
_SPACES = re.compile(r" *")


class Token(str):
    """A token, as opposed to a quoted string."""

    __slots__ = ()


class Member(NamedTuple):
    """A member of a dictionary: its value and its parameters.

    A value is a ``str``, :class:`Token`, ``int``, ``Decimal``, ``bytes``, ``bool`` or, for an inner
    list, a tuple of members.
    """

    value: Any
    parameters: Mapping[str, Any]


def parse_dictionary(text: str) -> dict[str, Member]:
    """Parse a dictionary (RFC 8941, 4.2.2). Raises ``ValueError`` if it is invalid.

    Of duplicate members or parameters, the last one counts (RFC 8941, 3.2).
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
        at = _skip(_OPTIONAL_WHITESPACE, text, at)
        if at == len(text):
            break
        if text[at] != ",":
            raise ValueError(f"expected a comma at character {at}")
        at = _skip(_OPTIONAL_WHITESPACE, text, at + 1)
        if at == len(text):
            raise ValueError("a trailing comma")
    return members


def serialize_string(text: str) -> str:
    """Return a string as a structured field. Raises ``ValueError`` unless it is printable ASCII."""
    if not text.isascii() or not text.isprintable():
        raise ValueError("A structured field must be printable ASCII.")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(text: str, at: int) -> tuple[str, int]:
    match = _KEY.match(text, at)
    if match is None:
        raise ValueError(f"expected a key at character {at}")
    return match[0], match.end()


def _item_or_list(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 1] != "(":
        return _bare_item(text, at)
    items: list[Member] = []
    at += 1
    while True:
        at = _skip(_SPACES, text, at)
        if text[at : at + 1] == ")":
            return tuple(items), at + 1
        value, at = _bare_item(text, at)
        parameters, at = _parameters(text, at)
        items.append(Member(value, parameters))
        if text[at : at + 1] not in (" ", ")"):
            raise ValueError(f"expected the end of an inner list at character {at}")


def _bare_item(text: str, at: int) -> tuple[Any, int]:
    # The first characters of these types differ, so the order does not matter.
    if match := _STRING.match(text, at):
        return re.sub(r"\\(.)", r"\1", match[1]), match.end()
    if match := _TOKEN.match(text, at):
        return Token(match[0]), match.end()
    if match := _NUMBER.match(text, at):
        return (Decimal if "." in match[0] else int)(match[0]), match.end()
    if match := _BOOLEAN.match(text, at):
        return match[1] == "1", match.end()
    if match := _BYTES.match(text, at):
        try:
            # The RFC asks parsers to accept missing padding.
            padded = match[1] + "=" * (-len(match[1]) % 4)
            return base64.b64decode(padded, validate=True), match.end()
        except binascii.Error:
            raise ValueError(f"invalid base64 at character {at}") from None
    raise ValueError(f"expected a value at character {at}")


def _parameters(text: str, at: int) -> tuple[dict[str, Any], int]:
    parameters: dict[str, Any] = {}
    while text[at : at + 1] == ";":
        key, at = _key(text, _skip(_SPACES, text, at + 1))
        value: Any = True
        if text[at : at + 1] == "=":
            value, at = _bare_item(text, at + 1)
        parameters[key] = value
    return parameters, at


def _skip(blanks: re.Pattern[str], text: str, at: int) -> int:
    match = blanks.match(text, at)
    return match.end() if match else at
