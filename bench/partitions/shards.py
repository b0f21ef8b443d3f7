"""Rows that share the units of a SKU (write sharding), and buyers who take from them."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from bench.partitions.dynamodb import (
    CALL_SECONDS,
    TRANSACTION_SECONDS,
    Outcome,
    Partition,
    Row,
    Simulation,
    Steps,
)

PROCESSES = 1_000
"""Lambda environments, each with a memory of its own."""
MAX_ATTEMPTS = 8
"""Attempts with the same rows while other transactions hold them."""
MAX_DRAWS = 8
"""Choices of rows, after one had too few units or was throttled."""
RANDOM_PICKS = 4
"""Random rows that a process considers before it looks at all it knows."""
SNAPSHOT_INTERVAL_SECONDS = 0.25
"""Minimum time between two reads of the shared snapshot by one process."""
SOLD_OUT_SECONDS = 1.0
"""Age up to which a snapshot may prove that nothing remains."""
UNKNOWN = 1 << 30


@dataclass
class Memory:
    """Units per row as one process last saw them, corrected by later responses."""

    seen: list[int]
    remaining: int = UNKNOWN
    """Units when all rows were last seen."""
    seen_at: float = -1e9
    refreshed_at: float = -1e9


@dataclass
class Snapshot:
    """The units of all rows as last seen, stored in a row of its own for all processes."""

    partition: Partition
    seen: list[int]
    seen_at: float = -1e9
    lease_until: float = -1e9
    """Until then one process is renewing it."""


@dataclass(frozen=True)
class ShardOptions:
    """A scheme. ``fails_over`` and ``conditional`` are switched off in the broken variants only."""

    reservations_in_row: bool = False
    """Keep reservations in the row. One plain write adds a reservation, a second removes it."""
    dwell_seconds: float = 0.050
    """Time from the reservation to its removal."""
    fails_over: bool = True
    """Take from another row if one is empty."""
    conditional: bool = True
    """Write on the condition that the row has enough units."""
    shared_snapshot: bool = True
    """Share one snapshot of all rows; otherwise each process reads all rows itself."""
    max_draws: int = MAX_DRAWS
    retries_throttled: bool = False
    """Retry a throttled row like a held one, instead of another row."""


class Shards:
    """Units of a SKU, split over rows. A single row is the plain quantity row."""

    def __init__(
        self,
        simulation: Simulation,
        units: int,
        rows: int,
        options: ShardOptions | None = None,
        table: str = "stock",
    ) -> None:
        self.simulation = simulation
        self.options = options or ShardOptions()
        simulation.remaining = units
        share, rest = divmod(units, rows)
        partitions = [simulation.partition_of(f"shard {n}", table) for n in range(rows)]
        self.rows = [Row(place, share + (n < rest)) for n, place in enumerate(partitions)]
        self.snapshot: Snapshot | None = None
        if self.options.shared_snapshot:
            partition = simulation.partition_of("summary", table)
            self.snapshot = Snapshot(partition, [row.available for row in self.rows], 0.0)
        self.memories = [Memory([UNKNOWN] * rows) for _ in range(PROCESSES)]

    def buyer(self, quantity: int) -> Steps:
        """Buy this many units, or report "sold out" or "busy"."""
        simulation, started_at = self.simulation, self.simulation.now
        memory = self.memories[simulation.chance.randrange(PROCESSES)]
        for _ in range(self.options.max_draws):
            drawn = self.choose_rows(memory, quantity)
            outcome = yield from self._take_with_retries(drawn)
            if outcome == "ok":
                simulation.record_order(quantity, started_at)
                return
            if outcome != "short":
                break
            if self.options.fails_over:
                yield from self.refresh_drawn(memory, drawn)
            sold_out = not self.options.fails_over or self.believes_sold_out(memory, quantity)
            if not sold_out:
                # Another process may renew the snapshot meanwhile.
                yield simulation.chance.uniform(
                    SNAPSHOT_INTERVAL_SECONDS / 2, SNAPSHOT_INTERVAL_SECONDS
                )
                yield from self.refresh(memory)
                sold_out = self.believes_sold_out(memory, quantity)
            if sold_out:
                simulation.record_sold_out(sufficient=simulation.remaining >= quantity)
                return
        simulation.result.busy += 1

    def choose_rows(self, memory: Memory, quantity: int) -> list[tuple[int, int]]:
        """Choose rows and the units to take from each.

        If the memory shows too few units, any row is tried: its condition decides.
        """
        known = self._choose_known(memory, quantity)
        return known or [(self.simulation.chance.randrange(len(self.rows)), quantity)]

    def _choose_known(self, memory: Memory, quantity: int) -> list[tuple[int, int]] | None:
        """Choose a random row with enough units in the memory, or several together."""
        seen, chance = memory.seen, self.simulation.chance
        for _ in range(RANDOM_PICKS):
            n = chance.randrange(len(seen))
            if seen[n] >= quantity:
                return [(n, quantity)]
        if not self.options.fails_over or not any(seen):
            return None
        enough = [n for n, units in enumerate(seen) if units >= quantity]
        if enough:
            return [(chance.choice(enough), quantity)]
        drawn, missing = [], quantity
        for n in sorted(range(len(seen)), key=lambda n: -seen[n]):
            if seen[n] <= 0:
                return None
            units = min(seen[n], missing)
            drawn.append((n, units))
            missing -= units
            if not missing:
                return drawn
        return None

    def refresh_drawn(self, memory: Memory, drawn: list[tuple[int, int]]) -> Steps:
        """Read the rows that had too few units, and the snapshot."""
        for n, _ in drawn:
            if self.rows[n].partition.reads.take(1.0, self.simulation.now):
                self.simulation.result.read_units += 1.0
                memory.seen[n] = self.rows[n].available
        yield CALL_SECONDS
        yield from self.refresh(memory)

    def believes_sold_out(self, memory: Memory, quantity: int) -> bool:
        fresh = self.simulation.now - memory.seen_at <= SOLD_OUT_SECONDS
        return fresh and memory.remaining < quantity

    def refresh(self, memory: Memory) -> Steps:
        """Read the snapshot, and renew it if no other process is doing so."""
        simulation, snapshot = self.simulation, self.snapshot
        if simulation.now - memory.refreshed_at < SNAPSHOT_INTERVAL_SECONDS:
            return
        memory.refreshed_at = simulation.now
        if snapshot is None:
            seen = yield from simulation.read(self.rows)
            if seen is not None:
                memory.seen, memory.remaining, memory.seen_at = seen, sum(seen), simulation.now
            return
        if not snapshot.partition.reads.take(0.5, simulation.now):
            return
        simulation.result.read_units += 0.5
        yield CALL_SECONDS
        yield from self._renew(snapshot)
        if snapshot.seen_at > memory.seen_at:
            memory.seen, memory.seen_at = list(snapshot.seen), snapshot.seen_at
            memory.remaining = sum(memory.seen)

    def _renew(self, snapshot: Snapshot) -> Steps:
        """Read all rows into the snapshot, if this process wins the conditional write."""
        simulation = self.simulation
        if simulation.now < snapshot.lease_until:
            return
        if not snapshot.partition.writes.take(1.0, simulation.now):
            return
        simulation.result.write_units += 1.0
        snapshot.lease_until = simulation.now + SNAPSHOT_INTERVAL_SECONDS
        yield CALL_SECONDS
        seen = yield from simulation.read(self.rows)
        if seen is not None and snapshot.partition.writes.take(1.0, simulation.now):
            simulation.result.write_units += 1.0
            snapshot.seen, snapshot.seen_at = seen, simulation.now

    def _take_with_retries(self, drawn: list[tuple[int, int]]) -> Outcome:
        return take_with_retries(
            self.simulation,
            lambda: self._take(drawn),
            retries_throttled=self.options.retries_throttled,
        )

    def _take(self, drawn: list[tuple[int, int]]) -> Outcome:
        rows = [(self.rows[n], units) for n, units in drawn]
        if not self.options.conditional:
            for row, units in rows:
                row.available -= units
                self.simulation.remaining -= units
            yield CALL_SECONDS
            return "ok"
        if not self.options.reservations_in_row:
            return (yield from self.simulation.transact(rows))
        return (yield from self._reserve_in_rows(rows))

    def _reserve_in_rows(self, rows: list[tuple[Row, int]]) -> Outcome:
        reserved: list[tuple[Row, int]] = []
        outcome = "ok"
        for row, units in rows:
            outcome = yield from self.simulation.update(row, units, self._reserve(units))
            if outcome != "ok":
                break
            reserved.append((row, units))
        if outcome == "ok":
            yield TRANSACTION_SECONDS + CALL_SECONDS  # the order's own transaction, elsewhere
        for row, units in reserved:
            released = units if outcome != "ok" else 0
            end = self.simulation.now + self.options.dwell_seconds
            self.simulation.start(self._remove_reservation(row, released), end)
        return outcome

    def _reserve(self, units: int) -> Callable[[Row], None]:
        def change(row: Row) -> None:
            row.available -= units
            row.reservations += 1
            self.simulation.remaining -= units

        return change

    def _remove_reservation(self, row: Row, released: int) -> Steps:
        """Remove a reservation from its row, and release its units if there is no order."""

        def change(row: Row) -> None:
            row.reservations -= 1
            row.available += released
            self.simulation.remaining += released

        for attempt in range(1000):
            outcome = yield from self.simulation.update(row, 0, change)
            if outcome == "ok":
                return
            yield self.simulation.backoff(attempt)


def take_with_retries(
    simulation: Simulation, take: Callable[[], Outcome], *, retries_throttled: bool = False
) -> Outcome:
    """Retry the same rows while others hold them, as the shop's unit of work does."""
    for attempt in range(MAX_ATTEMPTS):
        outcome = yield from take()
        if outcome == "throttled" and not retries_throttled:
            return "short"
        if outcome in ("ok", "short"):
            return outcome
        yield simulation.backoff(attempt)
    return "held"


class SaleWithQuota:
    """Orders of a flash sale: units of the SKU and of the sale's quota in one transaction.

    Stock and quota have the same number of units, and rows and a snapshot in a table of their own.
    """

    def __init__(self, simulation: Simulation, units: int, rows: int, quota_rows: int) -> None:
        self.simulation = simulation
        stock = Shards(simulation, units, rows)
        quota = Shards(simulation, units, quota_rows, table="usage")
        self.both = (stock, quota)
        simulation.remaining = 2 * units

    def buyer(self, quantity: int) -> Steps:
        """Buy this many units within the quota, or report "sold out" or "busy"."""
        simulation, started_at = self.simulation, self.simulation.now
        process = simulation.chance.randrange(PROCESSES)
        memories = [(shards, shards.memories[process]) for shards in self.both]
        for _ in range(MAX_DRAWS):
            drawn = [shards.choose_rows(memory, quantity) for shards, memory in memories]
            rows = [
                (shards.rows[n], units)
                for shards, chosen in zip(self.both, drawn, strict=True)
                for n, units in chosen
            ]
            outcome = yield from self._take(rows)
            if outcome == "ok":
                simulation.record_order(quantity, started_at)
                return
            if outcome != "short":
                break
            for (shards, memory), chosen in zip(memories, drawn, strict=True):
                yield from shards.refresh_drawn(memory, chosen)
            if not _believes_sold_out(memories, quantity):
                yield simulation.chance.uniform(
                    SNAPSHOT_INTERVAL_SECONDS / 2, SNAPSHOT_INTERVAL_SECONDS
                )
                for shards, memory in memories:
                    yield from shards.refresh(memory)
            if _believes_sold_out(memories, quantity):
                smaller = min(sum(row.available for row in shards.rows) for shards in self.both)
                simulation.record_sold_out(sufficient=smaller >= quantity)
                return
        simulation.result.busy += 1

    def _take(self, rows: list[tuple[Row, int]]) -> Generator[float, None, str]:
        return take_with_retries(self.simulation, lambda: self.simulation.transact(rows))


def _believes_sold_out(memories: Sequence[tuple[Shards, Memory]], quantity: int) -> bool:
    return any(shards.believes_sold_out(memory, quantity) for shards, memory in memories)
