"""A change of an order states the version it read; who comes second looks again."""

from collections.abc import Callable
from typing import TypeVar

from shop.kernel.errors import Stale
from shop.kernel.transactions import Clash, Ledger, Part

T = TypeVar("T")

TRIES = 5
"""How often a change is tried anew when somebody else was faster."""


def insist(attempt: Callable[[], T]) -> T:
    """Do it again, a few times, while somebody else is faster. Raises Stale after that."""
    for left in reversed(range(TRIES)):
        try:
            return attempt()
        except Stale:
            if not left:
                raise
    raise AssertionError


def commit(ledger: Ledger, *parts: Part) -> None:
    """Commit, or raise Stale where a row is not as it was read."""
    try:
        ledger.commit(*parts)
    except Clash:
        raise Stale("somebody else changed this order or its stock meanwhile") from None
