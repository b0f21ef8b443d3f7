"""Reading a JSON body: strictly, and with a name for everything that is wrong with it.

Strict means: UTF-8, no key twice, no NaN, no number that loses digits elsewhere, ``"2"`` and
``2.0`` are not 2, and no unknown field, so that a misspelt wish is refused and not ignored.
The one name that may stand in any object is ``ucp``, which the protocol keeps for itself.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.money import MAX_SAFE_INTEGER
from shop.kernel.text_validation import CONTROL_CHARACTERS

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError  # whoever has a shape has imported it
    from pydantic_core import ErrorDetails

MAX_LISTED_PROBLEMS = 50
"""Problems that are listed at most; the count says how many there are."""
MAX_ECHOED_NAME_LENGTH = 64
"""Characters of a stranger's field name that are said back to him."""

MAX_DEPTH = 100
"""Objects and lists in one another that are read: no shape has more than a dozen."""


def parse_body(shape: "type[BaseModel]", raw: bytes) -> "BaseModel":
    """Read a JSON body into its shape. Raises :class:`Invalid` naming every field that is wrong."""
    if not raw.strip():
        raise InvalidRequest("a JSON body is needed", code="body_missing", path="$")
    return validate_body(shape, parse_json(raw))


def parse_json(raw: bytes) -> Any:
    """Read JSON that means the same to every reader (I-JSON, RFC 7493). Raises :class:`Invalid`."""
    try:
        text = raw.decode("utf-8")
        data = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
        if text.count("[") + text.count("{") > MAX_DEPTH and _deeper(data):
            raise _too_deep()
        if _LONG.search(text):
            _in_range(data)
        if _CONTROL.search(text):
            _all_text(data)
        if _SURROGATE.search(text):
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        at = error.start
        message = f"byte {at + 1} of the body (0x{raw[at]:02X}) is not UTF-8"
        raise InvalidRequest(message, code="text_invalid", path="$") from None
    except UnicodeError:
        message = "the body holds text that is not Unicode"
        raise InvalidRequest(message, code="text_invalid", path="$") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise InvalidRequest(
            f"the body is not JSON: {error}", code="json_malformed", path="$"
        ) from None
    return data


def _too_deep() -> InvalidRequest:
    message = f"the body is nested more than {MAX_DEPTH} deep"
    return InvalidRequest(message, code="json_malformed", path="$")


def _deeper(data: Any) -> bool:
    """Whether there is anything below the deepest level that is read."""
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for part in level
            if isinstance(part, (dict, list))
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return any(isinstance(part, (dict, list)) for part in level)


_CONTROL = re.compile(r"[\x7f-\x9f]|\\(?:[bf]|u00(?:[01]|7[fF]|[89]))")
"""Where a text has this, one of its strings may hold a control character, and all are looked at."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        met: set[str] = set()
        for name, _ in pairs:
            if name in met:
                message = f"{name[:MAX_ECHOED_NAME_LENGTH]!r} stands twice in one object"
                raise InvalidRequest(message, code="duplicate_key", path="$")
            met.add(name)
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_LONG = re.compile(r"[0-9]{16}|[eE]\+?[0-9]{2}")
"""Where a text has this, one of its numbers may be out of range, and all are looked at."""


class _Huge(str):
    """A number that other readers would not read as it is written."""

    __slots__ = ()


def _finite(text: str) -> float | _Huge:
    value = float(text)
    return value if math.isfinite(value) else _Huge(text)


def _exact(text: str) -> int | _Huge:
    return int(text) if len(text) <= 17 and abs(int(text)) <= MAX_SAFE_INTEGER else _Huge(text)


def _in_range(data: Any) -> None:
    for path, value in _values(data):
        if isinstance(value, _Huge):
            message = f"{value[:24]} is out of range: numbers go to ±{MAX_SAFE_INTEGER}"
            raise InvalidRequest(message, code="number_out_of_range", path=_json_path(path, data))


def _all_text(data: Any) -> None:
    """No control character in any string, whoever's field it is: not in a name, nor in a URL."""
    for path, value in _values(data):
        names = value if isinstance(value, dict) else ()
        if any(CONTROL_CHARACTERS.search(name) for name in names) or (
            isinstance(value, str) and CONTROL_CHARACTERS.search(value)
        ):
            message = "control characters are not text"
            raise InvalidRequest(message, code="text_invalid", path=_json_path(path, data))


def _values(data: Any) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Every value there is, and where."""
    rest: list[tuple[tuple[int | str, ...], Any]] = [((), data)]
    while rest:
        path, value = rest.pop()
        yield path, value
        if isinstance(value, dict):
            rest.extend(((*path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            rest.extend(((*path, number), inner) for number, inner in enumerate(value))


def validate_body(shape: "type[BaseModel]", data: Any) -> "BaseModel":
    """Read parsed JSON into its shape, strictly: ``"2"`` is not 2. Raises :class:`Invalid`."""
    from pydantic import ValidationError

    try:
        return _fitted(shape, data)
    except ValidationError as error:
        if not _drop_ambient(data, error):
            raise _told(error, data) from None
    except (ValueError, RecursionError):
        raise InvalidRequest("the body cannot be read", code="json_malformed", path="$") from None
    try:
        return _fitted(shape, data)
    except ValidationError as error:
        raise _told(error, data) from None


def _fitted(shape: "type[BaseModel]", data: Any) -> "BaseModel":
    return shape.model_validate_json(json.dumps(data), strict=True)


def _drop_ambient(data: Any, error: "ValidationError") -> bool:
    """Take out the members named ``ucp`` that a shape does not know; tell whether there were any.

    Source: UCP, "The ucp Protocol Namespace": the member may stand in any structured object and
    what is not recognised in it is ignored. Where ``ucp`` is a key of a dictionary it is data, and
    no shape complains of it there.
    """
    dropped = False
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        path = problem["loc"]
        if problem["type"] == "extra_forbidden" and path and path[-1] == "ucp":
            node = data
            for part in _real(path[:-1], data):
                node = node[part]
            if isinstance(node, dict) and node.pop("ucp", node) is not node:
                dropped = True
    return dropped


def _told(error: "ValidationError", data: Any) -> InvalidRequest:
    found = error.errors(include_url=False, include_input=False)
    problems = tuple(
        dict.fromkeys(
            Problem(
                _code(e["type"]),
                e["msg"].removeprefix("Value error, "),
                _json_path((*e["loc"], *_tag(e)), data),
            )
            for e in found[:MAX_LISTED_PROBLEMS]
        )
    )
    detail = f"{len(found)} fields are not right" if len(found) > 1 else problems[0].detail
    return InvalidRequest(detail, problems=problems)


def _tag(problem: "ErrorDetails") -> tuple[str, ...]:
    """The field that tells which branch of a union is meant, where it is that which is wrong."""
    if not problem["type"].startswith("union_tag"):
        return ()
    return (str(problem["ctx"]["discriminator"]).strip("'"),)


_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "json_invalid": "json_malformed",
    "too_long": "too_long",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "string_too_short": "too_short",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "multiple_of": "out_of_range",
    "string_pattern_mismatch": "format_invalid",
    "literal_error": "value_unknown",
    "enum": "value_unknown",
    "union_tag_invalid": "value_unknown",
    "union_tag_not_found": "missing",
    "value_error": "invalid",
    "assertion_error": "invalid",
}


def _code(kind: str) -> str:
    """Our own words for what pydantic found, so that its next release does not change the API.

    A code that a shape chose itself (``PydanticCustomError``) is kept.
    """
    if kind in _CODES:
        return _CODES[kind]
    if kind.endswith(("_type", "_attributes_type")):
        return "wrong_type"
    if kind.endswith(("_parsing", "_from_date_parsing", "_parsing_size", "_naive", "_aware")):
        return "format_invalid"
    return kind


def _real(where: Iterable[int | str], data: Any) -> list[int | str]:
    """The parts of a location that are in the data: pydantic also names branches of unions."""
    parts: list[int | str] = []
    node = data
    for part in where:
        if isinstance(part, int):
            there = isinstance(node, list) and part < len(node)
        else:
            there = isinstance(node, dict) and part in node
        if there:
            parts.append(part)
            node = node[part]
    return parts


def _json_path(where: tuple[int | str, ...], data: Any) -> str:
    """A location as a JSONPath (RFC 9535), up to the first name that is too long to be repeated."""
    path = "$"
    parts = _real(where[:-1], data) + list(where[-1:])
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
