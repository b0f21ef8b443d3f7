"""What the ports' suite is given: a stock book and how its transactions are opened."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Room:
    """A stock book, how its transactions are opened, and what they raise when cancelled."""

    stock: Any
    transaction: Callable[[], AbstractContextManager[Any]]
    cancelled: type[Exception]
