"""Writing several things at once, or none: what an action may know of a transaction.

A *part* is one floor's share of a transaction: opaque to everybody but the stores. An action
collects parts from several floors and commits them together.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from shop.kernel.frozen import frozen

T = TypeVar("T")

WriteOperation = Callable[[Any], None]
"""Adds its writes, each with its condition, to the transaction it is given. May be called again
for a retry, so it decides nothing and changes nothing outside the transaction."""


class ConditionFailed(Exception):
    """A condition of the transaction did not hold; nothing was written.

    ``about`` holds the keys of the rows whose conditions failed, as their stores name them.
    """

    def __init__(self, about: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(about)))
        self.keys = about


class PartitionThrottled(Exception):
    """The place of some row takes no more writes at this moment; nothing was written.

    Other rows may lie elsewhere: who can choose others does, and only who cannot waits. No
    condition is known to have failed.
    """

    keys: frozenset[str] = frozenset()


class UnitOfWork(Protocol):
    """Where parts are committed."""

    def commit(self, *parts: WriteOperation) -> None:
        """Write all parts or none. Raises :class:`Clash`; a mere collision is tried again first."""


@frozen(slots=False)
class StagedChange(Generic[T]):
    """What something is to become, and the parts that make it so once they are committed."""

    value: T
    parts: tuple[WriteOperation, ...]
