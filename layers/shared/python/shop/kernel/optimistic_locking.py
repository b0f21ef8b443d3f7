"""Optimistic locking: a change states the version it read and fails after a concurrent change."""

import re

from shop.kernel.errors import InvalidRequest, VersionConflict

_ENTITY_TAG = re.compile(r'\s*(?:W/)?"?([0-9]{1,9})"?\s*')


def expected_version(if_match: str | None, in_body: int | None, *, minimum: int = 1) -> int | None:
    """Return the version that a change is based on, from header or body.

    The header is ``If-Match: "3"``; without it, ``version`` of the body counts. ``minimum`` is
    0 where version 0 stands for an object that does not exist yet. Raises
    :class:`InvalidRequest` (``version_invalid``) for a header without a version.
    """
    if if_match is None:
        return in_body
    tag = _ENTITY_TAG.fullmatch(if_match)
    if tag is None or int(tag[1]) < minimum:
        raise InvalidRequest(
            'If-Match must be the version that was read, as in "3".',
            code="version_invalid",
            path="If-Match",
        )
    return int(tag[1])


def require_version(if_match: str | None, in_body: int | None, *, minimum: int = 1) -> int:
    """Return the version that a change is based on, for changes that overwrite the whole object.

    Raises :class:`InvalidRequest` (``version_missing``) if the request has none.
    """
    version = expected_version(if_match, in_body, minimum=minimum)
    if version is None:
        raise InvalidRequest(
            "State the version that you change: send If-Match, or version in the body.",
            code="version_missing",
            path="If-Match",
        )
    return version


def check_version(subject: str, version: int, expected: int) -> None:
    """Raise :class:`VersionConflict` unless an object still has the expected version.

    ``subject`` names the object in the message, with its article: ``the shipping table``.
    """
    if version != expected:
        name = subject[:1].upper() + subject[1:]
        raise VersionConflict(
            f"{name}: the current version is {version}, not {expected}."
            " Read it again and repeat the change."
        )
