"""The unit of work: several writes in one transaction, all or none, as use cases see it.

A use case collects the write operations of several capabilities and commits them together. The
content of a write operation is known to its store only.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from shop.kernel.frozen import frozen

T = TypeVar("T")

WriteOperation = Callable[[Any], None]
"""Adds conditional writes of one capability to the transaction that it is called with.

A retry calls it again. It must therefore decide nothing and change nothing but the transaction.
"""


class ConditionFailed(Exception):
    """A condition of the transaction did not hold; nothing was written.

    ``keys`` are the keys of the items whose conditions failed, as their stores name them.
    """

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(keys)))
        self.keys = keys


class PartitionThrottled(Exception):
    """The partition of an item accepts no more writes at the moment; nothing was written.

    Other items may be in other partitions. A caller that can choose another item does so; any
    other caller waits. No condition is known to have failed, hence ``keys`` is empty.
    """

    keys: frozenset[str] = frozenset()


class UnitOfWork(Protocol):
    """Commits write operations."""

    def commit(self, *writes: WriteOperation) -> None:
        """Commit all writes or none, after retries of mere transaction conflicts.

        Raises :class:`ConditionFailed`.
        """


@frozen(slots=False)
class StagedChange(Generic[T]):
    """A new state and the write operations that store it once they are committed."""

    value: T
    writes: tuple[WriteOperation, ...]
