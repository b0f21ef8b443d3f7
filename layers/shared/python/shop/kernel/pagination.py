"""Lists are paged by cursor: an opaque token that holds the key to go on from, never an offset."""

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
    """Some items of a list and the cursor of the next page, ``None`` at the end."""

    items: tuple[T, ...]
    cursor: str | None = None


def to_cursor(key: Mapping[str, Any] | None) -> str | None:
    """Write a last-evaluated key as an opaque, URL-safe token."""
    if not key:
        return None
    raw = json.dumps(key, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def from_cursor(cursor: str | None, *, path: str = "cursor") -> dict[str, Any] | None:
    """Read a cursor back. Raises :class:`Invalid` for one this shop did not write."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        key = None
    if not isinstance(key, dict):
        raise InvalidRequest("this cursor is not one of ours", code="cursor_invalid", path=path)
    return key


NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""How things are named that people name themselves, and that a list is in the order of."""


def decode_name_cursor(cursor: str | None, shape: re.Pattern[str] = NAME_PATTERN) -> str | None:
    """The name after which a list goes on, as ``{"after": name}`` tells it; ``None``: from its
    start. Raises :class:`Invalid` for a cursor that holds anything else.
    """
    key = from_cursor(cursor)
    if key is None:
        return None
    after = key.get("after")
    if len(key) != 1 or not isinstance(after, str) or not shape.fullmatch(after):
        raise InvalidRequest("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    return after


def parse_limit(text: str | None, *, default: int = 50, max_results: int = 200) -> int:
    """``?limit=`` of a list: so many items at most. Raises :class:`Invalid`."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise InvalidRequest("a limit is a whole number above zero", path="limit")
    return min(int(text), max_results)
