"""Simulated DynamoDB: partitions with a limited rate, items that transactions hold, and a clock."""

import hashlib
import heapq
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

WRITES_PER_SECOND = 1_000.0
READS_PER_SECOND = 3_000.0
TRANSACTION_SECONDS = 0.010
"""Time for which a transaction holds its items."""
CALL_SECONDS = 0.003
FIRST_BACKOFF_SECONDS = 0.010
MAX_BACKOFF_SECONDS = 0.300
ITEM_BYTES, RESERVATION_BYTES = 200, 56
TABLES = ("stock", "usage")
"""Two tables with the same number of partitions. Schemes without a quota use only the first."""

Steps = Generator[float, None, None]
"""A simulated process: it yields the seconds until its next step."""
Outcome = Generator[float, None, str]
"""A simulated call: ends with ``ok``, ``throttled``, ``conflict`` or ``short``."""


@dataclass
class Bucket:
    """Remaining capacity of a partition. It refills continuously up to one second's worth."""

    rate: float
    level: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.rate

    def take(self, units: float, now: float) -> bool:
        """Take units if they are available."""
        self.level = min(self.rate, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < units:
            return False
        self.level -= units
        return True


@dataclass
class Partition:
    """Write and read capacity of one partition."""

    writes: Bucket = field(default_factory=lambda: Bucket(WRITES_PER_SECOND))
    reads: Bucket = field(default_factory=lambda: Bucket(READS_PER_SECOND))


@dataclass
class Row:
    """An item that holds some units of the SKU."""

    partition: Partition
    available: int
    held_until: float = 0.0
    reservations: int = 0
    """Reservations stored in the row itself, in the scheme that does so."""


@dataclass
class SaleResult:
    """Outcome of all buyers, and the capacity that they used."""

    orders: int = 0
    units: int = 0
    sold_out: int = 0
    falsely_sold_out: int = 0
    """Buyers with a "sold out" response while stock was sufficient."""
    busy: int = 0
    write_units: float = 0.0
    read_units: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def buyers(self) -> int:
        return self.orders + self.sold_out + self.busy

    def wait(self, share: float) -> float:
        """Return the wait, in milliseconds, that this share of the orders did not exceed."""
        ordered = sorted(self.waits)
        return 1000 * ordered[int(share * (len(ordered) - 1))] if ordered else 0.0


class Simulation:
    """Clock, partitions, and the queue of simulated processes."""

    def __init__(self, partitions: int, seed: int) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)
        self.result = SaleResult()
        self.remaining = 0
        """Units that are not sold yet, of all tables."""
        self._salt = seed
        self._tables = {name: [Partition() for _ in range(partitions)] for name in TABLES}
        self._queue: list[tuple[float, int, Steps]] = []
        self._count = 0

    @property
    def partitions(self) -> Iterator[Partition]:
        return (partition for table in self._tables.values() for partition in table)

    def partition_of(self, key: str, table: str = "stock") -> Partition:
        """Hash a partition key over the partitions of a table."""
        digest = hashlib.blake2b(f"{self._salt}/{key}".encode(), digest_size=8).digest()
        partitions = self._tables[table]
        return partitions[int.from_bytes(digest, "big") % len(partitions)]

    def start(self, steps: Steps, at: float) -> None:
        """Schedule a process."""
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, steps))

    def run(self) -> None:
        """Run all processes to their end."""
        while self._queue:
            self.now, _, steps = heapq.heappop(self._queue)
            pause = next(steps, None)
            if pause is not None:
                self.start(steps, self.now + pause)

    def transact(self, rows: list[tuple[Row, int]]) -> Outcome:
        """Take units from every row in one conditional transaction."""
        for row, _ in rows:
            # Preparing and committing cost one unit each, also if the transaction is cancelled.
            if not row.partition.writes.take(2.0, self.now):
                yield CALL_SECONDS
                return "throttled"
            self.result.write_units += 2.0
        if any(row.held_until > self.now for row, _ in rows):
            yield CALL_SECONDS
            return "conflict"
        if any(row.available < units for row, units in rows):
            yield CALL_SECONDS
            return "short"
        for row, _ in rows:
            row.held_until = self.now + TRANSACTION_SECONDS
        yield TRANSACTION_SECONDS
        for row, units in rows:
            row.available -= units
            self.remaining -= units
        yield CALL_SECONDS
        return "ok"

    def update(self, row: Row, units: int, change: Callable[[Row], None]) -> Outcome:
        """Change a row in a conditional write, if it has this many units."""
        size = ITEM_BYTES + RESERVATION_BYTES * row.reservations
        cost = float(-(-size // 1024))
        if not row.partition.writes.take(cost, self.now):
            yield CALL_SECONDS
            return "throttled"
        self.result.write_units += cost
        if row.held_until > self.now:
            yield CALL_SECONDS
            return "conflict"
        if row.available < units:
            yield CALL_SECONDS
            return "short"
        change(row)
        yield CALL_SECONDS
        return "ok"

    def read(self, rows: list[Row]) -> Generator[float, None, list[int] | None]:
        """Read rows in a batch, eventually consistent; ``None`` if a partition is throttled."""
        for row in rows:
            if not row.partition.reads.take(0.5, self.now):
                yield CALL_SECONDS
                return None
            self.result.read_units += 0.5
        seen = [row.available for row in rows]
        yield CALL_SECONDS * -(-len(rows) // 100)
        return seen

    def backoff(self, attempt: int) -> float:
        """Return a random pause before the next attempt (full jitter)."""
        limit = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt)
        return self.chance.uniform(0, limit)

    def record_order(self, quantity: int, started_at: float) -> None:
        self.result.orders += 1
        self.result.units += quantity
        self.result.waits.append(self.now - started_at)

    def record_sold_out(self, *, sufficient: bool) -> None:
        """Count a "sold out" response; it is false if stock was sufficient."""
        self.result.sold_out += 1
        self.result.falsely_sold_out += sufficient
