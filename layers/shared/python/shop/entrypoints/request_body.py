"""Strict parsing of bodies and query parameters, with a problem and a path for everything wrong.

Strict means:

- UTF-8 without control characters, no duplicate key, no ``NaN``;
- no number that loses digits in another JSON reader, and no conversion: ``"2"`` and ``2.0`` are
  not 2;
- no text that looks empty: a blank text counts as ``""``, so a required text is too short;
- no unknown field, so that a misspelt one is rejected instead of ignored. Only ``ucp`` is allowed
  in any object, because the protocol reserves that name.
"""

import base64
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from shop.kernel.errors import InvalidRequest, PayloadTooLarge, Problem
from shop.kernel.money import MAX_SAFE_INTEGER
from shop.kernel.text_validation import CONTROL_CHARACTERS

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError  # a caller with a schema has imported pydantic
    from pydantic_core import ErrorDetails

BODY_LIMIT = 256 * 1024
"""Maximum bytes of a request body; an order of 1,000 lines needs about 60 KB."""
MAX_LISTED_PROBLEMS = 50
"""Problems that a response lists; its detail states how many there are."""
MAX_ECHOED_NAME_LENGTH = 64
"""Characters of an unknown field name that a response repeats."""
MAX_DEPTH = 100
"""Maximum nesting of objects and lists; no schema needs more than a dozen."""

_Path = tuple[int | str, ...]


# ---------------------------------------------------------------------------------------- bytes


def raw_body(event: Mapping[str, Any], limit: int = BODY_LIMIT) -> bytes:
    """Return the exact bytes of a request body.

    Raises :class:`PayloadTooLarge`, or :class:`InvalidRequest` (``body_unreadable``,
    ``text_invalid``).
    """
    text = event.get("body") or ""
    # Before decoding: the decoded copy of an oversized body is never made.
    if len(text) > limit * 4 // 3 + 4:
        raise _too_large(limit)
    try:
        is_base64 = event.get("isBase64Encoded")
        raw = base64.b64decode(text, validate=True) if is_base64 else text.encode()
    except ValueError:
        raise _invalid("The body cannot be decoded. Send it again.", "body_unreadable") from None
    if len(raw) > limit:
        raise _too_large(limit)
    if not is_base64 and _was_replaced(event, text, len(raw)):
        raise _invalid(
            "The body contained bytes that are not UTF-8, and the gateway replaced them."
            " Send UTF-8, or send a file with a Content-Type that is not text.",
            "text_invalid",
        )
    return raw


def _was_replaced(event: Mapping[str, Any], text: str, size: int) -> bool:
    """Return whether the gateway replaced bytes by U+FFFD: the body then has another length.

    AWS does not document what the gateway does with bytes of a text type that are not text. A
    U+FFFD that the client sent is a character like any other.
    """
    if "\ufffd" not in text:
        return False
    headers = event.get("headers") or {}
    length = next((v for n, v in headers.items() if str(n).lower() == "content-length"), None)
    # 20 digits at most: int() of a very long text would take long.
    return isinstance(length, str) and length.isdecimal() and int(length[:20]) != size


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body must be at most {limit} bytes.", path="$")


def _invalid(detail: str, code: str, path: str = "$") -> InvalidRequest:
    return InvalidRequest(detail, code=code, path=path)


# ---------------------------------------------------------------------------------------- query


def query_from(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the query parameters of a request. ``QUERY`` holds the names that its route has.

    Raises :class:`InvalidRequest` for every other name (``unknown_field``), since a misspelt filter
    would otherwise return everything, and for a repeated one (``duplicate``).
    """
    pairs = parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)
    # The default route has no parameters of its own: it answers for routes that do not exist.
    known = os.environ.get("QUERY")
    if known is None or not pairs:
        return dict(pairs)
    names = [name for name, _ in pairs]
    allowed = known.split(",") if known else []
    remedy = f"Use {', '.join(allowed)}." if allowed else "This route has none. Remove it."
    problems = [
        Problem("unknown_field", f"The query parameter {name!r} is unknown. {remedy}", name)
        for name in dict.fromkeys(map(_shown, names))
        if name not in allowed
    ]
    problems += [
        Problem("duplicate", f"The query parameter {name!r} appears twice. Send one value.", name)
        for name in allowed
        if names.count(name) > 1
    ]
    if problems:
        first, listed = problems[0], problems[:MAX_LISTED_PROBLEMS]
        raise InvalidRequest(first.detail, code=first.code, problems=listed)
    return dict(pairs)


def _shown(name: str) -> str:
    return "".join(c for c in name[:MAX_ECHOED_NAME_LENGTH] if c.isprintable())


# ----------------------------------------------------------------------------------------- JSON


def parse_body(schema: "type[BaseModel]", raw: bytes) -> "BaseModel":
    """Parse a JSON body into its schema.

    Raises :class:`InvalidRequest` with a problem for every invalid field.
    """
    if not raw.strip():
        raise _invalid("A JSON body is required.", "body_missing")
    return validate_body(schema, parse_json(raw))


def parse_json(raw: bytes) -> Any:
    """Parse JSON that has the same meaning for every reader (I-JSON, RFC 7493).

    Raises :class:`InvalidRequest`.
    """
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise _invalid(
                "The body begins with a byte order mark. Send UTF-8 without it.", "json_malformed"
            )
        data = json.loads(
            text,
            object_pairs_hook=_object_with_unique_keys,
            parse_constant=_reject_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
        # The checks below visit every value. A search of the text decides whether they are needed.
        if text.count("[") + text.count("{") > MAX_DEPTH and _exceeds_max_depth(data):
            raise _too_deep()
        if _LONG_NUMBER.search(text):
            _check_numbers(data)
        if _CONTROL_CHARACTER.search(text):
            _check_texts(data)
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        byte = f"Byte {error.start + 1} of the body (0x{raw[error.start]:02X})"
        raise _invalid(f"{byte} is not UTF-8. Send UTF-8.", "text_invalid") from None
    except UnicodeError:
        raise _invalid(
            "The body contains half a surrogate pair. Send Unicode text.", "text_invalid"
        ) from None
    # json.loads() itself fails on nesting beyond Python's recursion limit.
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        # Without Python's text: it is no part of the API.
        place = f"line {error.lineno}, column {error.colno}"
        raise _invalid(
            f"The body is not JSON at {place}. Correct it and send it again.", "json_malformed"
        ) from None
    return data


def _too_deep() -> InvalidRequest:
    return _invalid(f"The body must be nested at most {MAX_DEPTH} deep.", "json_malformed")


def _exceeds_max_depth(data: Any) -> bool:
    """Return whether an object or list is nested deeper than :data:`MAX_DEPTH`.

    It descends level by level, because recursion would be limited by Python's stack.
    """
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)


_CONTROL_CHARACTER = re.compile(r"[\x7f-\x9f]|\\(?:[bf]|u00(?:[01]|7[fF]|[89]))")
"""A text without a match has no control character in any string."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _object_with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                echoed = name[:MAX_ECHOED_NAME_LENGTH]
                raise _invalid(
                    f"The key {echoed!r} occurs twice in an object. Send it once.", "duplicate"
                )
            names.add(name)
    return result


def _reject_constant(name: str) -> Any:
    """Raise :class:`InvalidRequest` for NaN, Infinity or -Infinity."""
    raise _invalid(f"{name} is not JSON. Send a number or null.", "json_malformed")


_LONG_NUMBER = re.compile(r"[0-9]{16}|[eE]\+?[0-9]{2}")
"""A text without a match has no number out of range."""


class _OutOfRangeNumber(str):
    """The text of a number that other readers would read as a different number."""

    __slots__ = ()


def _parse_float(text: str) -> float | _OutOfRangeNumber:
    value = float(text)
    return value if math.isfinite(value) else _OutOfRangeNumber(text)


def _parse_int(text: str) -> int | _OutOfRangeNumber:
    # The length first: int() of a very long text would take long.
    in_range = len(text) <= 17 and abs(int(text)) <= MAX_SAFE_INTEGER
    return int(text) if in_range else _OutOfRangeNumber(text)


def _check_numbers(data: Any) -> None:
    for path, value in _walk(data):
        if isinstance(value, _OutOfRangeNumber):
            raise _invalid(
                f"Must be from -{MAX_SAFE_INTEGER} to {MAX_SAFE_INTEGER}.",
                "out_of_range",
                _json_path(path, data),
            )


def _check_texts(data: Any) -> None:
    """Reject control characters in every string and key, whatever its schema accepts."""
    for path, value in _walk(data):
        names = value if isinstance(value, dict) else ()
        if any(CONTROL_CHARACTERS.search(name) for name in names) or (
            isinstance(value, str) and CONTROL_CHARACTERS.search(value)
        ):
            raise _invalid(
                "Text must not contain control characters.", "text_invalid", _json_path(path, data)
            )


def _walk(data: Any) -> Iterator[tuple[_Path, Any]]:
    """Yield every value of a document with its location."""
    pending: list[tuple[_Path, Any]] = [((), data)]
    while pending:
        path, value = pending.pop()
        yield path, value
        if isinstance(value, dict):
            pending.extend(((*path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            pending.extend(((*path, index), inner) for index, inner in enumerate(value))


# --------------------------------------------------------------------------------------- schema


def validate_body(schema: "type[BaseModel]", data: Any) -> "BaseModel":
    """Validate parsed JSON strictly against its schema. Raises :class:`InvalidRequest`.

    Members named ``ucp`` that the schema does not know are removed from ``data``.
    """
    from pydantic import ValidationError  # lazy: a caller with a schema has imported pydantic

    try:
        return _validate(schema, data)
    except ValidationError as error:
        # Validate first: most bodies are valid, and only the errors name the unknown ``ucp``.
        if not _remove_unknown_ucp_members(data, error):
            raise _invalid_fields(error, data) from None
    except (ValueError, RecursionError):
        message = "The body is not JSON. Correct it and send it again."
        raise _invalid(message, "json_malformed") from None
    try:
        return _validate(schema, data)
    except ValidationError as error:
        raise _invalid_fields(error, data) from None


def _validate(schema: "type[BaseModel]", data: Any) -> "BaseModel":
    from shop.entrypoints.blank_texts import to_json_without_blanks  # lazy: GETs have no body

    # From JSON text: pydantic's strict mode then accepts dates and enums as strings.
    return schema.model_validate_json(to_json_without_blanks(data), strict=True)


def _remove_unknown_ucp_members(data: Any, error: "ValidationError") -> bool:
    """Remove members named ``ucp`` that the schema does not know; return whether there were any.

    Source: UCP, "The ucp Protocol Namespace": the member may occur in any structured object, and
    unrecognized content is ignored. Where ``ucp`` is a key of a dictionary, it is data, and no
    schema reports it.
    """
    removed = False
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        path = problem["loc"]
        if problem["type"] == "extra_forbidden" and path and path[-1] == "ucp":
            node = data
            for part in _existing_parts(path[:-1], data):
                node = node[part]
            # The default is the node itself: None would equal a member that is null.
            if isinstance(node, dict) and node.pop("ucp", node) is not node:
                removed = True
    return removed


def _invalid_fields(error: "ValidationError", data: Any) -> InvalidRequest:
    from shop.entrypoints.field_errors import field_error  # lazy: few bodies are invalid

    errors = error.errors(include_url=False, include_input=False)
    # Branches of a union may report the same problem; dict.fromkeys() removes duplicates in order.
    problems = tuple(
        dict.fromkeys(
            Problem(
                *field_error(e),
                _json_path((*e["loc"], *_discriminator(e)), data),
            )
            for e in errors[:MAX_LISTED_PROBLEMS]
        )
    )
    if len(problems) == 1:
        return InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)
    return InvalidRequest(f"{len(errors)} fields are invalid.", problems=problems)


def _discriminator(problem: "ErrorDetails") -> tuple[str, ...]:
    """Return the name of the field that selects a branch of a union, if that field is invalid."""
    if not problem["type"].startswith("union_tag"):
        return ()
    return (str(problem["ctx"]["discriminator"]).strip("'"),)


def _existing_parts(location: Iterable[int | str], data: Any) -> list[int | str]:
    """Return the parts of a location that exist in the data; pydantic also adds union branches."""
    parts: list[int | str] = []
    node = data
    for part in location:
        if isinstance(part, int):
            exists = isinstance(node, list) and part < len(node)
        else:
            exists = isinstance(node, dict) and part in node
        if exists:
            parts.append(part)
            node = node[part]
    return parts


def _json_path(location: _Path, data: Any) -> str:
    """Return a location as JSONPath (RFC 9535), up to the first name that is too long to echo."""
    path = "$"
    # Pydantic marks an invalid name in a mapping; the path of the name itself is that of its value.
    if len(location) > 1 and location[-1] == "[key]":
        location = location[:-1]
    # The last part may be missing in the data: a required field, or an invalid discriminator.
    parts = _existing_parts(location[:-1], data) + list(location[-1:])
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif len(part) > MAX_ECHOED_NAME_LENGTH:
            return path
        elif part.isidentifier():
            path += f".{part}"
        else:
            path += f"[{json.dumps(part)}]"
    return path
