"""The alternative with one row per unit."""

from collections.abc import Generator

from bench.partitions.dynamodb import CALL_SECONDS, Row, Simulation, Steps
from bench.partitions.shards import MAX_ATTEMPTS, PROCESSES, SNAPSHOT_INTERVAL_SECONDS

COLLECTION = 100
"""Rows of one partition key, which are read together."""
READ_UNITS = 1.5
"""Cost of reading a collection of 10 KB."""
BLIND_ATTEMPTS = 2
"""Attempts with random rows, before the collections are read."""
SPARE_UNITS = 10
"""Free rows to find per unit requested, so that two buyers seldom choose the same."""


class UnitRows:
    """One row per unit, in collections of a hundred.

    A buyer tries random units first. Then it reads collections that are not known to be empty, and
    takes free units from there. An order of three units writes three rows.
    """

    def __init__(self, simulation: Simulation, units: int) -> None:
        self.simulation = simulation
        simulation.remaining = units
        partitions = [
            simulation.partition_of(f"collection {n}") for n in range(-(-units // COLLECTION))
        ]
        self.rows = [Row(partitions[n // COLLECTION], 1) for n in range(units)]
        self.collections = len(partitions)
        self.free = [
            dict.fromkeys(range(first, min(first + COLLECTION, units)))
            for first in range(0, units, COLLECTION)
        ]
        self.empty: list[dict[int, float]] = [{} for _ in range(PROCESSES)]
        """By process: collections that it saw empty, and when."""

    def buyer(self, quantity: int) -> Steps:
        """Buy this many units, or report "sold out" or "busy"."""
        simulation, started_at = self.simulation, self.simulation.now
        empty = self.empty[simulation.chance.randrange(PROCESSES)]
        free: list[int] = []
        for attempt in range(MAX_ATTEMPTS):
            if attempt < BLIND_ATTEMPTS:
                number = min(quantity, len(self.rows))
                drawn = simulation.chance.sample(range(len(self.rows)), number)
            else:
                if len(free) < quantity:
                    free = yield from self._find_free(empty, quantity)
                drawn = simulation.chance.sample(free, min(quantity, len(free)))
            if len(drawn) < quantity:
                simulation.record_sold_out(sufficient=simulation.remaining >= quantity)
                return
            outcome = yield from simulation.transact([(self.rows[n], 1) for n in drawn])
            if outcome == "ok":
                for n in drawn:
                    del self.free[n // COLLECTION][n]
                simulation.record_order(quantity, started_at)
                return
            free = [n for n in free if n not in drawn]
            if outcome != "short":
                yield simulation.backoff(attempt)
        simulation.result.busy += 1

    def _find_free(
        self, empty: dict[int, float], quantity: int
    ) -> Generator[float, None, list[int]]:
        """Read collections in random order until enough free units are found."""
        simulation, found = self.simulation, []
        order = [
            n
            for n in simulation.chance.sample(range(self.collections), self.collections)
            if simulation.now - empty.get(n, -1e9) >= SNAPSHOT_INTERVAL_SECONDS
        ]
        for n in order:
            partition = self.rows[n * COLLECTION].partition
            while not partition.reads.take(READ_UNITS, simulation.now):
                yield CALL_SECONDS + simulation.backoff(2)
            simulation.result.read_units += READ_UNITS
            yield CALL_SECONDS
            free = list(self.free[n])
            if not free:
                empty[n] = simulation.now
            found += free
            if len(found) >= SPARE_UNITS * quantity:
                break
        return found
