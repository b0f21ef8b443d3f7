"""Groups and segments of a customer, which price lists and promotions may require."""

import re
from collections.abc import Iterable

from shop.kernel.errors import InvalidRequest, NotFound, Problem
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import clean

GROUP_NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_GROUPS = 20
COGNITO_SUBJECT_PATTERN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The subject of Cognito's tokens: a UUID in lower case."""


def parse_customer_id(raw: str) -> str:
    """Return the id of a customer. Raises NotFound (``customer_unknown``) for any other form.

    The user pool holds the accounts, and the shop has no row of a customer before the first
    purchase. The form is therefore the only protection against typing errors in the id.
    """
    customer_id = clean(raw).lower()
    if not COGNITO_SUBJECT_PATTERN.fullmatch(customer_id):
        raise NotFound(
            f"Customer {raw!r} is unknown. Use the subject of an account in the user pool.",
            code="customer_unknown",
            path="id",
        )
    return customer_id


@frozen
class CustomerSegments:
    """The groups and segments of a customer.

    Staff assign ``groups``, such as ``wholesale``; analyses produce ``segments``. Version 0 stands
    for a customer whose groups and segments were never set.
    """

    customer_id: str
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    version: int = 0

    def validate(self) -> None:
        """Raise :class:`InvalidRequest` with every invalid name."""
        problems = []
        for field in ("groups", "segments"):
            names = getattr(self, field)
            if len(names) > MAX_GROUPS:
                problems.append(Problem("too_many", f"Send {MAX_GROUPS} or fewer.", f"$.{field}"))
            problems += invalid_names(names, f"$.{field}")
        if problems:
            raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems)


def invalid_names(names: Iterable[str], path: str) -> list[Problem]:
    """Return a problem for each invalid name of a group or segment."""
    detail = (
        "Name must be 1 to 64 letters, digits, hyphens, underscores or points, and begin with a"
        " letter or digit."
    )
    return [
        Problem("id_invalid", detail, f"{path}[{n}]")
        for n, name in enumerate(names)
        if not GROUP_NAME_PATTERN.fullmatch(name)
    ]
