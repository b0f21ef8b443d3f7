"""Waiting in tests: for a condition, never for a time that a busy machine may exceed."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

GUARD_SECONDS = 120.0
"""Ends a test whose condition never holds. It is no expectation about the speed of a machine."""


def eventually(look: Callable[[], T | None], seconds: float = GUARD_SECONDS) -> T:
    """Return the first true value of ``look``. Raises ``AssertionError`` if there is none."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"the condition did not hold within {seconds} s")
        time.sleep(0.01)
    return seen
