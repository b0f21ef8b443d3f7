"""A change of an order states the version it read; who comes second looks again."""

from collections.abc import Callable
from typing import TypeVar

from shop.kernel.errors import VersionConflict
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork, WriteOperation

T = TypeVar("T")

MAX_ATTEMPTS = 5
"""How often a change is tried anew when somebody else was faster."""


def retry_on_conflict(attempt: Callable[[], T]) -> T:
    """Do it again, a few times, while somebody else is faster. Raises Stale after that."""
    for remaining in reversed(range(MAX_ATTEMPTS)):
        try:
            return attempt()
        except VersionConflict:
            if not remaining:
                raise
    raise AssertionError


def commit_or_raise(uow: UnitOfWork, *parts: WriteOperation) -> None:
    """Commit, or raise Stale where a row is not as it was read."""
    try:
        uow.commit(*parts)
    except ConditionFailed:
        raise VersionConflict("somebody else changed this order or its stock meanwhile") from None
