"""What a change starts from: the version that somebody read, so that nobody's change is lost."""

import re

from shop.kernel.errors import InvalidRequest, VersionConflict

_TAG = re.compile(r'\s*(?:W/)?"?([0-9]{1,9})"?\s*')


def expected_version(if_match: str | None, in_body: int | None, *, least: int = 1) -> int | None:
    """The version that a change starts from: ``If-Match: "3"``, or ``version`` in the body.

    ``least`` is 0 where version 0 is what nobody has written yet. Raises :class:`Invalid` for a
    header that names no version.
    """
    if if_match is None:
        return in_body
    tag = _TAG.fullmatch(if_match)
    if tag is None or int(tag[1]) < least:
        raise InvalidRequest('If-Match is the version that was read, as in "3"', path="If-Match")
    return int(tag[1])


def require_version(if_match: str | None, in_body: int | None, *, least: int = 1) -> int:
    """The same, where a change without it would overwrite what somebody else wrote.

    Raises :class:`Invalid` (``version_missing``).
    """
    version = expected_version(if_match, in_body, least=least)
    if version is None:
        raise InvalidRequest(
            "say which version you change: If-Match, or version in the body",
            code="version_missing",
            path="If-Match",
        )
    return version


def check_version(what: str, version: int, expected: int) -> None:
    """Raise :class:`Stale` unless a thing is still at the version that a change starts from."""
    if version != expected:
        raise VersionConflict(f"{what} is at version {version}, not {expected}; read it again")
