"""What whoever runs the verification may choose."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """``points`` is how much is tried, ``None`` a proof's own choice; ``workers`` how many do."""

    seed: int = 1
    broken: bool = False
    points: int | None = None
    workers: int = 2
    data: str | None = None
    """The file of invoices that the replay reads."""
    invoices: int | None = None
    seconds: float | None = None
    """How long the replay buys at most."""

    def clock(self) -> Callable[[], float]:
        """Seconds since now."""
        began = time.monotonic()
        return lambda: time.monotonic() - began
