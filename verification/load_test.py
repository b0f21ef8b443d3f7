"""A shop on an emulated AWS of its own, and the steps that every load test takes there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from verification.emulator import Emulator
from verification.worker_pool import run_workers
from verification.worker_result import WorkerResult

PROCESSES, THREADS = 4, 4


class LoadTest:
    """Runs functions of :mod:`verification.load_workers` in several processes at one shop."""

    def __init__(self, endpoint: str, title: str) -> None:
        self._endpoint, self._title = endpoint, title

    def prepare(self, **goods: int) -> None:
        """Create the tables and put goods on sale, as ``prepare_shop`` takes them."""
        self._one("prepare_shop", goods)

    def create_sessions(self, shares: Sequence[Mapping[str, int]], **session: Any) -> None:
        """Create the checkout sessions of all buyers."""
        total = sum(share["number"] for share in shares)
        self._all("create_sessions", [{**share, **session} for share in shares], total, "sessions")

    def run(self, function: str, shares: Sequence[Mapping[str, Any]], *, total: int) -> list[Any]:
        """Run the step that the test is about, all shares at the same time."""
        return self._all(function, shares, total, self._title)

    def call(self, function: str, **arguments: Any) -> Any:
        """Run a single step in a process of its own."""
        return self._one(function, arguments)

    def check(self, **arguments: Any) -> WorkerResult:
        """Check the invariants, and count what was sold."""
        result: WorkerResult = self._one("check_state", arguments)
        return result

    def _one(self, function: str, arguments: Mapping[str, Any]) -> Any:
        (result,) = self._all(function, [arguments], 1, function)
        return result

    def _all(
        self, function: str, shares: Sequence[Mapping[str, Any]], total: int, title: str
    ) -> list[Any]:
        return run_workers(
            f"verification.load_workers:{function}",
            shares,
            total=total,
            title=title,
            endpoint=self._endpoint,
        )


@contextmanager
def load_test(title: str) -> Iterator[LoadTest]:
    """Start an emulated AWS for one load test."""
    with Emulator() as emulator:
        yield LoadTest(emulator.endpoint, title)


def equal_shares(number: int, processes: int = PROCESSES) -> list[dict[str, int]]:
    """Split buyers into equal shares; a remainder is dropped."""
    each = number // processes
    return [{"first": process * each, "number": each} for process in range(processes)]


def add_up(outcomes: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Add up the outcomes of all processes."""
    return {
        name: sum(each.get(name, 0) for each in outcomes)
        for name in sorted({name for each in outcomes for name in each})
    }
