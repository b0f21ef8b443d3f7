"""Options of a run, as chosen on the command line."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Seed, size and variant of a run. ``None`` leaves the choice to the verification."""

    seed: int = 1
    broken: bool = False
    points: int | None = None
    workers: int = 2
    data: str | None = None
    """File of invoices for the replay."""
    invoices: int | None = None
    seconds: float | None = None
    """Maximum duration of the replay's purchases."""

    def stopwatch(self) -> Callable[[], float]:
        """Return a function that returns the seconds since this call."""
        started = time.monotonic()
        return lambda: time.monotonic() - started
