"""What staff tell of a customer, for the rules to ask: groups (wholesale, staff) and segments."""

import re
from collections.abc import Iterable

from shop.kernel.errors import InvalidRequest, NotFound, Problem
from shop.kernel.frozen import frozen

GROUP_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_GROUPS = 20
COGNITO_SUBJECT_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What Cognito calls a user: the subject of its tokens, a UUID in small letters."""


def parse_customer_id(told: str) -> str:
    """The id of a customer that staff name. Raises NotFound for what cannot be one's.

    The user pool keeps the accounts; the shop has no row of who has not bought yet. So the form is
    looked at, and a slip of the keyboard does not become an account.
    """
    if not COGNITO_SUBJECT_PATTERN.fullmatch(told):
        raise NotFound(f"there is no customer {told!r}", code="customer_unknown", path="id")
    return told


@frozen
class CustomerSegments:
    """Groups are who somebody is to the shop, segments what the shop found out; both are names."""

    customer_id: str
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    version: int = 0

    def validate(self) -> None:
        """Raise :class:`Invalid` with every name that is none."""
        problems = []
        for field in ("groups", "segments"):
            names = getattr(self, field)
            if len(names) > MAX_GROUPS:
                problems.append(Problem("too_many", f"{MAX_GROUPS} at most", f"$.{field}"))
            problems += invalid_names(names, f"$.{field}")
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)


def invalid_names(names: Iterable[str], path: str) -> list[Problem]:
    """Those that are no name of a group or segment."""
    detail = "1 to 64 letters, digits, '-', '_' or '.'"
    return [
        Problem("name_invalid", detail, f"{path}[{n}]")
        for n, name in enumerate(names)
        if not GROUP_NAME_PATTERN.fullmatch(name)
    ]
