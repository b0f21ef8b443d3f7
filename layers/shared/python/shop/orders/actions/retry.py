"""Retries of order changes that lose a race (optimistic locking)."""

from collections.abc import Callable
from typing import TypeVar

from shop.kernel.errors import Contention, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork, WriteOperation

T = TypeVar("T")

MAX_ATTEMPTS = 5
"""How often a change is tried while other writers change the same order."""


def retry_on_conflict(attempt: Callable[[], T]) -> T:
    """Call ``attempt`` until it wins against other writers, at most :data:`MAX_ATTEMPTS` times.

    ``attempt`` must read the order again each time, because VersionConflict and Contention mean
    that its version is old. No pause is needed here: repositories pause themselves while another
    transaction holds the order. Raises Contention after the last attempt. The client read no
    version of the order, so it may send the same request again.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            return attempt()
        except (VersionConflict, Contention):
            continue
    raise Contention("This order was changed at the same time. Please try again.")


def commit_or_raise(uow: UnitOfWork, *operations: WriteOperation) -> None:
    """Commit, and raise VersionConflict if a condition failed, so that the caller may retry."""
    try:
        uow.commit(*operations)
    except ConditionFailed:
        raise VersionConflict("The order changed after it was read. Read it again.") from None
