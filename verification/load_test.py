"""A shop on an emulated AWS of its own, and the steps that every load test takes there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from verification.emulator import Emulator
from verification.worker_pool import run_workers
from verification.worker_result import WorkerResult

PROCESSES, THREADS = 4, 4

EMPTY_CARD_CODES = ("credit_insufficient",)
"""Error codes of a purchase whose gift card was spent meanwhile, or before."""


def session_id(buyer: int) -> str:
    """Return the id of a buyer's checkout session."""
    return f"chk_crowd{buyer:08d}"


class LoadTest:
    """Runs worker functions in several processes at one shop.

    They are named by text, because only the workers import the shop.
    """

    def __init__(self, endpoint: str, title: str) -> None:
        self._endpoint, self._title = endpoint, title

    def prepare(self, **goods: int) -> None:
        """Create the tables and put goods on sale, as ``prepare_shop`` takes them."""
        self.call("verification.load_setup:prepare_shop", **goods)

    def create_sessions(self, shares: Sequence[Mapping[str, int]], **session: Any) -> None:
        """Create the checkout sessions of all buyers."""
        function = "verification.load_setup:create_sessions"
        total = sum(share["number"] for share in shares)
        self._run(function, [{**share, **session} for share in shares], total, "sessions")

    def complete_sessions(
        self, shares: Sequence[Mapping[str, int]], **options: Any
    ) -> dict[str, int]:
        """Complete the sessions of all buyers at the same time; count the outcomes."""
        function = "verification.load_buyers:complete_sessions"
        buying = [{**share, "threads": THREADS, **options} for share in shares]
        return add_up(self.run(function, buying, total=sum(share["number"] for share in shares)))

    def run(self, function: str, shares: Sequence[Mapping[str, Any]], *, total: int) -> list[Any]:
        """Run the step under test, all shares at the same time."""
        return self._run(function, shares, total, self._title)

    def call(self, function: str, **arguments: Any) -> Any:
        """Run a single step in its own process."""
        (result,) = self._run(function, [arguments], 1, function.partition(":")[2])
        return result

    def check(self, **arguments: Any) -> WorkerResult:
        """Check the invariants, and count what was sold."""
        result: WorkerResult = self.call("verification.load_state:check_state", **arguments)
        return result

    def _run(
        self, function: str, shares: Sequence[Mapping[str, Any]], total: int, title: str
    ) -> list[Any]:
        return run_workers(function, shares, total=total, title=title, endpoint=self._endpoint)


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
