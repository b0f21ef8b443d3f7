"""How many orders a second one hot SKU takes, by scheme, on simulated DynamoDB partitions.

    python -m bench.partition_simulator            # the whole table, under a minute
    python -m bench.partition_simulator --quick    # the chosen scheme alone

No emulator throttles, refuses a concurrent transaction or has partitions, and on AWS a measurement
of this costs money and a quota. So the rules that decide are written down here and played through,
event by event, with a seed. What is assumed, and from where:

* A partition takes 1,000 write and 3,000 read units a second, a single hot item included
  (DynamoDB Developer Guide, "Designing partition keys"). The rate is kept by a bucket that fills
  at that speed and holds one second's worth. The 300 seconds of burst that the guide describes are
  left out on purpose: it says that they may be spent on maintenance without notice and may change,
  and the ceiling of a partition holds for bursts too. Adaptive capacity, which splits a hot
  partition within minutes, is left out for the same reason: a flash sale is decided in seconds.
* A write of an item up to 1 KB costs 1 unit, in a transaction 2 (one to prepare, one to commit).
  A write whose condition fails costs the same; a refused transaction is counted in full as well,
  which is the pessimistic reading. A throttled request costs nothing.
* A transaction holds its items for 10 ms; another write that meets a held item is refused with
  TransactionConflict, not queued. A plain conditional write holds nothing.
* Rows are hashed over the partitions of the table; the order's own rows lie elsewhere and spread.
* Buyers are served by 1,000 processes, each with a memory of what it last saw of each row; a
  refused condition returns the row (ReturnValuesOnConditionCheckFailure), so it teaches. What the
  others saw is in one more row, the summary: a process looks there at most four times a second
  (half a read unit), and one of them, elected by a conditional write, reads all rows and renews
  it four times a second. "Sold out" is said only on a summary younger than a second. Without the
  summary (``summary=False``) each process reads all rows itself.
* A buyer who meets another tries the same row again, at most 8 times, after a random pause (full
  jitter, 10 ms doubling up to 300 ms). One who finds too little in a row, or a partition that is
  throttled, reads the row, looks at the summary and draws again, at most 8 times, an eighth to a
  quarter of a second later. Whoever is still unserved then is told "busy", not "sold out".
"""

import argparse
import hashlib
import heapq
import random
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

WRITES_A_SECOND = 1_000.0
READS_A_SECOND = 3_000.0
HELD_SECONDS = 0.010
CALL_SECONDS = 0.003
PROCESSES = 1_000
ATTEMPTS = 8
DRAWS = 8
FIRST_PAUSE = 0.010
LONGEST_PAUSE = 0.300
LOOK_AGAIN_AFTER = 0.25
"""Seconds after which a process that was refused looks at the summary again."""
BELIEVED_FOR = 1.0
"""Seconds for which it is believed that there is nothing left."""
UNKNOWN = 1 << 30
TABLES = ("stock", "uses")
"""Each with as many partitions; schemes without a quota use the first alone."""

TARGET_RATE = 5_000
SERVED_SHARE = 0.99
SERVED_WITHIN_MS = 1_000
"""A rate counts as sustained when this share of the buyers gets an order, within this time."""

Steps = Generator[float, None, None]


@dataclass
class Bucket:
    """What a partition may still serve; fills continuously, holds one second's worth."""

    rate: float
    level: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.rate

    def take(self, units: float, now: float) -> bool:
        self.level = min(self.rate, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < units:
            return False
        self.level -= units
        return True


@dataclass
class Partition:
    writes: Bucket = field(default_factory=lambda: Bucket(WRITES_A_SECOND))
    reads: Bucket = field(default_factory=lambda: Bucket(READS_A_SECOND))


@dataclass
class Row:
    """Some units of the SKU, in one item."""

    partition: Partition
    available: int
    held_until: float = 0.0
    inside: int = 0
    """Reservations written inside the row, in the scheme that does so."""


@dataclass
class Tally:
    """What came of the buyers."""

    orders: int = 0
    units: int = 0
    sold_out: int = 0
    falsely_sold_out: int = 0
    busy: int = 0
    write_units: float = 0.0
    read_units: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def buyers(self) -> int:
        return self.orders + self.sold_out + self.busy

    def wait(self, share: float) -> float:
        """The wait, in milliseconds, that this share of the orders stayed below."""
        ordered = sorted(self.waits)
        return 1000 * ordered[int(share * (len(ordered) - 1))] if ordered else 0.0


class World:
    """The clock, the partitions and the queue of what happens next."""

    def __init__(self, partitions: int, seed: int) -> None:
        self.now = 0.0
        self.chance = random.Random(seed)
        self.salt = seed
        self.tables = {name: [Partition() for _ in range(partitions)] for name in TABLES}
        self.tally = Tally()
        self.left = 0
        self._queue: list[tuple[float, int, Steps]] = []
        self._count = 0

    @property
    def partitions(self) -> Iterator[Partition]:
        return (partition for table in self.tables.values() for partition in table)

    def partition_of(self, key: str, table: str = "stock") -> Partition:
        digest = hashlib.blake2b(f"{self.salt}/{key}".encode(), digest_size=8).digest()
        partitions = self.tables[table]
        return partitions[int.from_bytes(digest, "big") % len(partitions)]

    def start(self, steps: Steps, at: float) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, steps))

    def run(self) -> None:
        while self._queue:
            self.now, _, steps = heapq.heappop(self._queue)
            pause = next(steps, None)
            if pause is not None:
                self.start(steps, self.now + pause)

    # What DynamoDB does. Each returns its outcome when the generator ends.

    def transact(self, wanted: list[tuple[Row, int]]) -> Generator[float, None, str]:
        """A conditional transactional write on each row: ok, throttled, conflict or short."""
        for row, _ in wanted:
            if not row.partition.writes.take(2.0, self.now):
                yield CALL_SECONDS
                return "throttled"
            self.tally.write_units += 2.0
        if any(row.held_until > self.now for row, _ in wanted):
            yield CALL_SECONDS
            return "conflict"
        if any(row.available < units for row, units in wanted):
            yield CALL_SECONDS
            return "short"
        for row, _ in wanted:
            row.held_until = self.now + HELD_SECONDS
        yield HELD_SECONDS
        for row, units in wanted:
            row.available -= units
            self.left -= units
        yield CALL_SECONDS
        return "ok"

    def update(
        self, row: Row, units: int, change: Callable[[Row], None]
    ) -> Generator[float, None, str]:
        """A plain conditional write: ok, throttled, conflict or short."""
        cost = float(-(-(200 + 56 * row.inside) // 1024))
        if not row.partition.writes.take(cost, self.now):
            yield CALL_SECONDS
            return "throttled"
        self.tally.write_units += cost
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
        """A batch of eventually consistent reads; nothing where a partition is out of units."""
        for row in rows:
            if not row.partition.reads.take(0.5, self.now):
                yield CALL_SECONDS
                return None
            self.tally.read_units += 0.5
        seen = [row.available for row in rows]
        yield CALL_SECONDS * -(-len(rows) // 100)
        return seen

    def pause(self, attempt: int) -> float:
        return self.chance.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt))


@dataclass
class Memory:
    """What one process believes of the rows, and when it last read them all."""

    seen: list[int]
    left: int = UNKNOWN
    """Units at the moment they were all seen; ``seen`` is corrected by what is learned since."""
    seen_at: float = -1e9
    looked_at: float = -1e9


@dataclass
class Summary:
    """What was last seen of all rows, for everybody, in a row of its own."""

    partition: Partition
    seen: list[int]
    seen_at: float = -1e9
    renewed_until: float = -1e9


class Shards:
    """A SKU's units split over rows. One row is the plain quantity row.

    ``inside``: reservations are kept in the row itself. A reservation is then a plain write, and
    a second one takes it out once the order is written (``dwell`` seconds later).
    ``insists``: a throttled row is tried again like one that is held, and no other is drawn.
    ``falls_over=False`` and ``conditional=False`` are the broken variants: the first gives up at
    an empty row, the second writes without looking.
    """

    def __init__(
        self,
        world: World,
        units: int,
        rows: int,
        *,
        inside: bool = False,
        dwell: float = 0.050,
        falls_over: bool = True,
        conditional: bool = True,
        summary: bool = True,
        draws: int = DRAWS,
        insists: bool = False,
        table: str = "stock",
    ) -> None:
        self.world = world
        world.left = units
        self.inside = inside
        self.dwell = dwell
        self.falls_over = falls_over
        self.conditional = conditional
        self.draws = draws
        self.insists = insists
        share, rest = divmod(units, rows)
        places = [world.partition_of(f"shard {n}", table) for n in range(rows)]
        self.rows = [Row(place, share + (n < rest)) for n, place in enumerate(places)]
        self.summary = (
            Summary(world.partition_of("summary", table), [r.available for r in self.rows], 0.0)
            if summary
            else None
        )
        self.memories = [Memory([UNKNOWN] * rows) for _ in range(PROCESSES)]

    def draw(self, memory: Memory, quantity: int) -> list[tuple[int, int]] | None:
        """A random row that is believed to have enough; else several that have it together."""
        seen, chance = memory.seen, self.world.chance
        for _ in range(4):
            n = chance.randrange(len(seen))
            if seen[n] >= quantity:
                return [(n, quantity)]
        if not self.falls_over:
            return None
        if not any(seen):
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

    def buyer(self, quantity: int) -> Steps:
        world, begun = self.world, self.world.now
        memory = self.memories[world.chance.randrange(PROCESSES)]
        for _ in range(self.draws):
            drawn = self.chosen(memory, quantity)
            outcome = yield from self._insist(drawn)
            if outcome == "ok":
                world.tally.orders += 1
                world.tally.units += quantity
                world.tally.waits.append(world.now - begun)
                return
            if outcome != "short":
                break
            if self.falls_over:
                yield from self.learn(memory, drawn)
            gone = not self.falls_over or self.believed_gone(memory, quantity)
            if not gone:
                yield world.chance.uniform(LOOK_AGAIN_AFTER / 2, LOOK_AGAIN_AFTER)
                yield from self.look(memory)
                gone = self.believed_gone(memory, quantity)
            if gone:
                world.tally.sold_out += 1
                world.tally.falsely_sold_out += world.left >= quantity
                return
        world.tally.busy += 1

    def chosen(self, memory: Memory, quantity: int) -> list[tuple[int, int]]:
        """Where nothing is believed to be left the condition decides, on any row."""
        believed = self.draw(memory, quantity)
        return believed or [(self.world.chance.randrange(len(self.rows)), quantity)]

    def learn(self, memory: Memory, drawn: list[tuple[int, int]]) -> Steps:
        """Read what refused, and see what the others saw."""
        for n, _ in drawn:
            if self.rows[n].partition.reads.take(1.0, self.world.now):
                self.world.tally.read_units += 1.0
                memory.seen[n] = self.rows[n].available
        yield CALL_SECONDS
        yield from self.look(memory)

    def believed_gone(self, memory: Memory, quantity: int) -> bool:
        fresh = self.world.now - memory.seen_at <= BELIEVED_FOR
        return fresh and memory.left < quantity

    def _insist(self, drawn: list[tuple[int, int]]) -> Generator[float, None, str]:
        """Try the same rows again while others are in the way, as the shop's ledger does."""
        for attempt in range(ATTEMPTS):
            outcome = yield from self._take(drawn)
            if outcome == "throttled" and not self.insists:
                return "short"
            if outcome in ("ok", "short"):
                return outcome
            yield self.world.pause(attempt)
        return "in the way"

    def look(self, memory: Memory) -> Steps:
        """Learn what the others saw; renew it for all where nobody did lately."""
        world, summary = self.world, self.summary
        if world.now - memory.looked_at < LOOK_AGAIN_AFTER:
            return
        memory.looked_at = world.now
        if summary is None:
            seen = yield from world.read(self.rows)
            if seen is not None:
                memory.seen, memory.left, memory.seen_at = seen, sum(seen), world.now
            return
        if not summary.partition.reads.take(0.5, world.now):
            return
        world.tally.read_units += 0.5
        yield CALL_SECONDS
        if world.now >= summary.renewed_until and summary.partition.writes.take(1.0, world.now):
            world.tally.write_units += 1.0
            summary.renewed_until = world.now + LOOK_AGAIN_AFTER
            yield CALL_SECONDS
            seen = yield from world.read(self.rows)
            if seen is not None and summary.partition.writes.take(1.0, world.now):
                world.tally.write_units += 1.0
                summary.seen, summary.seen_at = seen, world.now
        if summary.seen_at > memory.seen_at:
            memory.seen, memory.seen_at = list(summary.seen), summary.seen_at
            memory.left = sum(memory.seen)

    def _take(self, drawn: list[tuple[int, int]]) -> Generator[float, None, str]:
        wanted = [(self.rows[n], units) for n, units in drawn]
        if not self.conditional:
            for row, units in wanted:
                row.available -= units
                self.world.left -= units
            yield CALL_SECONDS
            return "ok"
        if not self.inside:
            return (yield from self.world.transact(wanted))
        done: list[tuple[Row, int]] = []
        outcome = "ok"
        for row, units in wanted:
            outcome = yield from self.world.update(row, units, self._reserving(units))
            if outcome != "ok":
                break
            done.append((row, units))
        if outcome == "ok":
            yield HELD_SECONDS + CALL_SECONDS  # the order's own transaction, elsewhere
        for row, units in done:
            back = units if outcome != "ok" else 0
            self.world.start(self._settle(row, back), self.world.now + self.dwell)
        return outcome

    def _reserving(self, units: int) -> Callable[[Row], None]:
        def change(row: Row) -> None:
            row.available -= units
            row.inside += 1
            self.world.left -= units

        return change

    def _settle(self, row: Row, back: int) -> Steps:
        """The reservation leaves the row, and its units come back if there is no order."""

        def change(row: Row) -> None:
            row.inside -= 1
            row.available += back
            self.world.left += back

        for attempt in range(1000):
            outcome = yield from self.world.update(row, 0, change)
            if outcome == "ok":
                return
            yield self.world.pause(attempt)


class Sale:
    """Orders of a flash sale: units of the SKU and uses of the sale's quota, in one transaction.

    Both are kept in rows of a table of their own, with a sight of their own, and there are as many
    uses as there are units.
    """

    def __init__(self, world: World, units: int, rows: int, quota_rows: int) -> None:
        self.world = world
        self.both = (Shards(world, units, rows), Shards(world, units, quota_rows, table="uses"))
        world.left = 2 * units

    def buyer(self, quantity: int) -> Steps:
        world, begun = self.world, self.world.now
        process = world.chance.randrange(PROCESSES)
        kept = [(each, each.memories[process]) for each in self.both]
        for _ in range(DRAWS):
            drawn = [each.chosen(memory, quantity) for each, memory in kept]
            wanted = [
                (each.rows[n], units)
                for each, rows in zip(self.both, drawn, strict=True)
                for n, units in rows
            ]
            outcome = yield from self._insist(wanted)
            if outcome == "ok":
                world.tally.orders += 1
                world.tally.units += quantity
                world.tally.waits.append(world.now - begun)
                return
            if outcome != "short":
                break
            for (each, memory), rows in zip(kept, drawn, strict=True):
                yield from each.learn(memory, rows)
            if not self._gone(kept, quantity):
                yield world.chance.uniform(LOOK_AGAIN_AFTER / 2, LOOK_AGAIN_AFTER)
                for each, memory in kept:
                    yield from each.look(memory)
            if self._gone(kept, quantity):
                world.tally.sold_out += 1
                there = min(sum(row.available for row in each.rows) for each in self.both)
                world.tally.falsely_sold_out += there >= quantity
                return
        world.tally.busy += 1

    def _gone(self, kept: Sequence[tuple[Shards, Memory]], quantity: int) -> bool:
        return any(each.believed_gone(memory, quantity) for each, memory in kept)

    def _insist(self, wanted: list[tuple[Row, int]]) -> Generator[float, None, str]:
        for attempt in range(ATTEMPTS):
            outcome = yield from self.world.transact(wanted)
            if outcome == "throttled":
                return "short"
            if outcome in ("ok", "short"):
                return outcome
            yield self.world.pause(attempt)
        return "in the way"


class UnitRows:
    """One row per unit, in collections of a hundred that can be read together.

    A buyer tries a unit at random, then reads collections that are not known to be empty and
    takes a free unit from there. An order of three pieces writes three rows.
    """

    COLLECTION = 100

    def __init__(self, world: World, units: int) -> None:
        self.world = world
        world.left = units
        places = [
            world.partition_of(f"collection {n}") for n in range(-(-units // self.COLLECTION))
        ]
        self.rows = [Row(places[n // self.COLLECTION], 1) for n in range(units)]
        self.collections = len(places)
        self.free = [
            dict.fromkeys(range(first, min(first + self.COLLECTION, units)))
            for first in range(0, units, self.COLLECTION)
        ]
        self.empty: list[dict[int, float]] = [{} for _ in range(PROCESSES)]

    def buyer(self, quantity: int) -> Steps:
        world, begun = self.world, self.world.now
        empty = self.empty[world.chance.randrange(PROCESSES)]
        free: list[int] = []
        for attempt in range(ATTEMPTS):
            if attempt < 2:
                drawn = world.chance.sample(range(len(self.rows)), min(quantity, len(self.rows)))
            else:
                if len(free) < quantity:
                    free = yield from self._look(empty, quantity)
                drawn = world.chance.sample(free, min(quantity, len(free)))
            if len(drawn) < quantity:
                world.tally.sold_out += 1
                world.tally.falsely_sold_out += world.left >= quantity
                return
            outcome = yield from world.transact([(self.rows[n], 1) for n in drawn])
            if outcome == "ok":
                for n in drawn:
                    del self.free[n // self.COLLECTION][n]
                world.tally.orders += 1
                world.tally.units += quantity
                world.tally.waits.append(world.now - begun)
                return
            free = [n for n in free if n not in drawn]
            if outcome != "short":
                yield world.pause(attempt)
        world.tally.busy += 1

    def _look(self, empty: dict[int, float], quantity: int) -> Generator[float, None, list[int]]:
        """Free units, from collections in random order; each read costs 10 KB, 1.5 units."""
        world, found = self.world, []
        order = [
            n
            for n in world.chance.sample(range(self.collections), self.collections)
            if world.now - empty.get(n, -1e9) >= LOOK_AGAIN_AFTER
        ]
        for n in order:
            place = self.rows[n * self.COLLECTION].partition
            while not place.reads.take(1.5, world.now):
                yield CALL_SECONDS + world.pause(2)
            world.tally.read_units += 1.5
            yield CALL_SECONDS
            here = list(self.free[n])
            if not here:
                empty[n] = world.now
            found += here
            if len(found) >= 10 * quantity:
                break
        return found


Scheme = Callable[[World, int], Shards | Sale | UnitRows]


def pieces(chance: random.Random) -> int:
    """Pieces an order asks for in a sale with a limit of three a head."""
    return chance.choices((1, 2, 3), (85, 12, 3))[0]


def arrivals(chance: random.Random, rate: float, seconds: float) -> Iterator[float]:
    """Buyers come at random (Poisson), not in step."""
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


def play(
    scheme: Scheme, *, units: int, partitions: int, rate: float, seconds: float, seed: int
) -> tuple[Tally, int]:
    """Let buyers come for some seconds; returns what came of them and the units left."""
    world = World(partitions, seed)
    sku = scheme(world, units)
    for at in arrivals(world.chance, rate, seconds):
        world.start(sku.buyer(pieces(world.chance)), at)
    world.run()
    return world.tally, world.left


RATES = (
    25,
    50,
    100,
    250,
    500,
    1_000,
    2_000,
    3_000,
    4_000,
    5_000,
    6_500,
    8_000,
    10_000,
    13_000,
    16_000,
)


def sustained(
    scheme: Scheme,
    partitions: int,
    seed: int,
    *,
    at_least: int = 0,
    at_most: int = RATES[-1],
    seconds: float = 1.5,
) -> tuple[int, Tally]:
    """The highest of :data:`RATES` at which 99 % of the buyers get their order; plenty of stock.

    Only rates from ``at_least`` to ``at_most`` are tried. The bucket of each partition starts
    empty, so that its first second is not borrowed.
    """
    best, tally = 0, Tally()
    for rate in (rate for rate in RATES if at_least <= rate <= at_most):
        world = World(partitions, seed)
        for partition in world.partitions:
            partition.writes.level = partition.reads.level = 0.0
        sku = scheme(world, max(2_000, int(rate * seconds * 3)))
        for at in arrivals(world.chance, rate, seconds):
            world.start(sku.buyer(pieces(world.chance)), at + 0.05)
        world.run()
        enough = world.tally.orders >= SERVED_SHARE * world.tally.buyers
        if not enough or world.tally.wait(SERVED_SHARE) > SERVED_WITHIN_MS:
            break
        best, tally = rate, world.tally
    return best, tally


def quantity_row(world: World, units: int) -> Shards:
    return Shards(world, units, 1)


def sharded(rows: int) -> Scheme:
    return lambda world, units: Shards(world, units, rows)


def unsummarised(rows: int) -> Scheme:
    return lambda world, units: Shards(world, units, rows, summary=False)


def insisting(rows: int) -> Scheme:
    return lambda world, units: Shards(world, units, rows, draws=4, insists=True)


def sharded_inside(rows: int, dwell: float = 0.050) -> Scheme:
    return lambda world, units: Shards(world, units, rows, inside=True, dwell=dwell)


def unit_rows(world: World, units: int) -> UnitRows:
    return UnitRows(world, units)


def with_quota(quota_rows: int) -> Scheme:
    return lambda world, units: Sale(world, units, CHOSEN[1], quota_rows)


BROKEN: dict[str, Callable[[int], Scheme]] = {
    "no falling over": lambda rows: (
        lambda world, units: Shards(world, units, rows, falls_over=False)
    ),
    "no condition": lambda rows: lambda world, units: Shards(world, units, rows, conditional=False),
}
"""What the verdict must be able to tell from the real thing."""

CHOSEN = ("sharded rows", 256, 40)
"""The scheme, shards and partitions that a flash sale is prepared with (docs/adr/hot-skus.md)."""


def line(
    name: str,
    shards: int | str,
    partitions: int,
    scheme: Scheme,
    seed: int,
    *,
    fastest_sale: int = TARGET_RATE,
) -> int:
    """Print one row of the table; returns the sustained rate."""
    rate, at_rate = sustained(scheme, partitions, seed)
    pace = min(max(rate, 100), fastest_sale)
    units = 2 * pace
    sold, left = play(
        scheme,
        units=units,
        partitions=partitions,
        rate=pace,
        seconds=4.0,
        seed=seed,
    )
    cost = at_rate.write_units / max(at_rate.orders, 1)
    print(
        f"{name:<27}{shards:>6}{partitions:>6}{rate:>10,}{cost:>9.1f}"
        f"{at_rate.wait(0.5):>7.0f}{at_rate.wait(0.99):>7.0f}"
        f"{sold.units:>8,}{max(0, sold.units - units):>6}{left:>6}"
        f"{sold.falsely_sold_out:>7}{100 * sold.falsely_sold_out / max(1, sold.sold_out):>7.2f}%"
        f"{100 * sold.busy / max(1, sold.buyers):>7.2f}%",
        flush=True,
    )
    return rate


def of_quota(partitions: int, seed: int, shards: Sequence[int] | None = None) -> bool:
    """Print how the rate of a flash sale grows with the bins of its quota: the stock is in as many
    rows as were chosen, and each order takes of both.

    True where a quota in one row is the bottleneck, and in as many bins as the stock it is none.
    """
    stock = CHOSEN[1]
    print(f"the same with a sale's quota, stock in {stock} rows, two tables of {partitions}")
    print(f"{'bins':>6}{'orders/s':>10}{'over':>6}{'false':>8}{'busy':>8}")
    rates = []
    for rows in shards or GROWTH:
        rate, _ = sustained(with_quota(rows), partitions, seed)
        pace = min(max(rate, 50), TARGET_RATE)
        sold, _ = play(
            with_quota(rows), units=pace, partitions=partitions, rate=pace, seconds=2.0, seed=seed
        )
        false = sold.falsely_sold_out / max(1, sold.sold_out)
        over, busy = max(0, sold.units - pace), sold.busy / max(1, sold.buyers)
        print(f"{rows:>6}{rate:>10,}{over:>6}{100 * false:>7.2f}%{100 * busy:>7.2f}%", flush=True)
        rates.append(rate)
        if over or false > 0.01:
            return False
    return rates[0] < TARGET_RATE / 10 and rates[-1] >= TARGET_RATE


GROWTH = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def growth(partitions: int, seed: int, shards: Sequence[int] = GROWTH) -> bool:
    """Print how the rate grows with the rows of a SKU, and whether each keeps its promise.

    Each row of the table is a sale of one second's stock to twice as many buyers. The rate must
    never fall as rows are added, and must reach the target with the most.
    """
    print(f"how the rate grows with the rows of the SKU, on {partitions} partitions")
    print(f"{'rows':>6}{'orders/s':>10}{'grows':>8}{'over':>6}{'false':>8}   verdict")
    before, whole = 0, True
    for rows in shards:
        rate, _ = sustained(sharded(rows), partitions, seed)
        pace = min(max(rate, 50), TARGET_RATE)
        sold, left = play(
            sharded(rows), units=pace, partitions=partitions, rate=pace, seconds=2.0, seed=seed
        )
        over, false = max(0, sold.units - pace), sold.falsely_sold_out / max(1, sold.sold_out)
        good = rate >= before and over == 0 and false < 0.01 and left >= 0
        said = "kept" if good else "BROKEN"
        if good and rate >= TARGET_RATE:
            said = f"kept, {TARGET_RATE:,} orders/s reached"
        times = f"{rate / before:.1f} x" if before else ""
        print(f"{rows:>6}{rate:>10,}{times:>8}{over:>6}{100 * false:>7.2f}%   {said}", flush=True)
        before, whole = rate, whole and good
    return whole and before >= TARGET_RATE


def main(argv: list[str] | None = None) -> int:
    """Print the table; 0 when the chosen scheme keeps its promise over every placement tried."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--quick", action="store_true", help="the chosen scheme alone")
    parser.add_argument(
        "--broken", choices=BROKEN, help="the chosen scheme, broken on purpose: must fail"
    )
    options = parser.parse_args(argv)
    begun = time.perf_counter()
    print(f"one hot SKU, simulated, seed {options.seed}; orders/s at which 99 % are served")
    print(f"then stock for two seconds and buyers for four, at that rate or {TARGET_RATE:,}/s")
    print(
        f"{'scheme':<27}{'rows':>6}{'parts':>6}{'orders/s':>10}{'WU/order':>9}{'p50ms':>7}"
        f"{'p99ms':>7}{'sold':>8}{'over':>6}{'left':>6}{'false':>7}{'':>8}{'busy':>8}"
    )
    if not options.quick and not options.broken:
        line("quantity row", 1, 4, quantity_row, options.seed)
        line("quantity row", 1, 40, quantity_row, options.seed)
        for partitions in (4, 16, 40):
            for shards in (16, 64, 128, 256):
                line("sharded rows", shards, partitions, sharded(shards), options.seed)
        line("  insisting, 4 draws", 128, 40, insisting(128), options.seed)
        line("  insisting, 4 draws", 256, 40, insisting(256), options.seed)
        line("  without the summary", 256, 40, unsummarised(256), options.seed)
        for partitions in (4, 16, 40):
            for shards in (16, 128):
                scheme = sharded_inside(shards)
                line("  reservations inside", shards, partitions, scheme, options.seed)
        scheme = sharded_inside(128, dwell=1.5)
        line("  inside, through payment", 128, 40, scheme, options.seed)
        for partitions in (4, 40):
            line(
                "one row per unit",
                "units",
                partitions,
                unit_rows,
                options.seed,
                fastest_sale=2_000,  # every loser reads every collection; more takes minutes
            )
    name, shards, partitions = CHOSEN
    grows = True
    if not options.quick and not options.broken:
        grows = growth(partitions, options.seed)
        grows &= of_quota(partitions, options.seed)
        passed, words = verdict(with_quota(shards), partitions, options.seed)
        print(f"{'PASS' if passed else 'FAIL'}: quota and stock, {shards} rows each, {words}")
        grows &= passed
    scheme = BROKEN[options.broken](shards) if options.broken else sharded(shards)
    passed, words = verdict(scheme, partitions, options.seed)
    print(
        f"{'PASS' if passed else 'FAIL'}: {options.broken or name}, {shards} rows over "
        f"{partitions} partitions, {words}; {time.perf_counter() - begun:.0f} s"
    )
    return 0 if passed and grows else 1


def verdict(
    scheme: Scheme,
    partitions: int,
    seed: int,
    *,
    target: int = TARGET_RATE,
    placements: int = 10,
) -> tuple[bool, str]:
    """Whether a scheme keeps the promise, wherever the hash happens to put its rows.

    For each placement: the rate that it sustains, and a sale of one second's stock to twice as
    many buyers, a tenth faster than the target.
    """
    over = false = told = left = 0
    served = 1.0
    rates = []
    for placement in range(placements):
        tally, rest = play(
            scheme,
            units=target,
            partitions=partitions,
            rate=target * 1.1,
            seconds=2.0,
            seed=seed + placement,
        )
        over += max(0, tally.units - target)
        false += tally.falsely_sold_out
        told += tally.sold_out
        left += max(0, rest)
        served = min(served, 1 - tally.busy / tally.buyers)
        rate, _ = sustained(
            scheme, partitions, seed + placement, at_least=target, at_most=2 * target
        )
        rates.append(rate)
    passed = min(rates) >= target and over == 0 and false <= 0.01 * max(told, 1) and left == 0
    return passed, (
        f"{placements} placements from seed {seed}: at least {min(rates):,} orders/s (median "
        f"{sorted(rates)[len(rates) // 2]:,}), oversold {over}, falsely sold out {false} of "
        f"{told:,}, left over {left}, told to try again at most {100 - 100 * served:.1f} %"
    )


if __name__ == "__main__":
    sys.exit(main())
