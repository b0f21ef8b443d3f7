"""What staff tell of a customer, for the rules to ask: groups (wholesale, staff) and segments."""

import re
from collections.abc import Iterable

from shop.kernel.errors import Invalid, NotFound, Problem
from shop.kernel.frozen import frozen

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MOST = 20
SUBJECT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What Cognito calls a user: the subject of its tokens, a UUID in small letters."""


def customer_of(told: str) -> str:
    """The id of a customer that staff name. Raises NotFound for what cannot be one's.

    The user pool keeps the accounts; the shop has no row of who has not bought yet. So the form is
    looked at, and a slip of the keyboard does not become an account.
    """
    if not SUBJECT.fullmatch(told):
        raise NotFound(f"there is no customer {told!r}", code="customer_unknown", path="id")
    return told


@frozen
class Known:
    """Groups are who somebody is to the shop, segments what the shop found out; both are names."""

    customer_id: str
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    version: int = 0

    def check(self) -> None:
        """Raise :class:`Invalid` with every name that is none."""
        problems = []
        for field in ("groups", "segments"):
            names = getattr(self, field)
            if len(names) > MOST:
                problems.append(Problem("too_many", f"{MOST} at most", f"$.{field}"))
            problems += no_names(names, f"$.{field}")
        if problems:
            raise Invalid(problems[0].detail, code=problems[0].code, problems=problems)


def no_names(names: Iterable[str], path: str) -> list[Problem]:
    """Those that are no name of a group or segment."""
    said = "1 to 64 letters, digits, '-', '_' or '.'"
    return [
        Problem("name_invalid", said, f"{path}[{n}]")
        for n, name in enumerate(names)
        if not NAME.fullmatch(name)
    ]
