"""Cursor pagination: a cursor is an opaque token with the key to continue after, not an offset."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen

T = TypeVar("T")


@frozen(slots=False)
class Page(Generic[T]):
    """Items of a list and the cursor of the next page, ``None`` on the last one."""

    items: tuple[T, ...]
    cursor: str | None = None


def to_cursor(key: Mapping[str, Any] | None) -> str | None:
    """Encode a last-evaluated key as an opaque, URL-safe token."""
    if not key:
        return None
    raw = json.dumps(key, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def from_cursor(cursor: str | None, *, path: str = "cursor") -> dict[str, Any] | None:
    """Decode a cursor. Raises :class:`InvalidRequest` unless it encodes a JSON object."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key = json.loads(raw)
        # DynamoDB accepts neither half a surrogate pair nor NaN, and JSON's escapes can hold both.
        json.dumps(key, ensure_ascii=False, allow_nan=False).encode()
    # RecursionError: a cursor is untrusted and may hold deeply nested JSON.
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise _invalid_cursor(path)
    return key


NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Names that users choose themselves and by which lists are sorted."""


def decode_name_cursor(cursor: str | None, pattern: re.Pattern[str] = NAME_PATTERN) -> str | None:
    """Return the name to continue after, or ``None`` to start at the beginning.

    The cursor encodes ``{"after": name}``. Raises :class:`InvalidRequest` for any other content.
    """
    key = from_cursor(cursor)
    if key is None:
        return None
    after = key.get("after")
    if len(key) != 1 or not isinstance(after, str) or not pattern.fullmatch(after):
        raise _invalid_cursor("cursor")
    return after


def _invalid_cursor(path: str) -> InvalidRequest:
    return InvalidRequest(
        "The cursor is invalid. Use the cursor of the previous page unchanged.",
        code="cursor_invalid",
        path=path,
    )


def parse_limit(text: str | None, *, default: int = 50, max_results: int = 200) -> int:
    """Parse ``?limit=``; larger limits are reduced to ``max_results``.

    Raises :class:`InvalidRequest` (``limit_invalid``) unless it is a whole number of 1 or more.
    """
    if text is None:
        return default
    # Six digits at most: int() of a very long text would take long.
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise InvalidRequest(
            f"limit must be a whole number from 1 to {max_results}.",
            code="limit_invalid",
            path="limit",
        )
    return min(int(text), max_results)
