"""Orders per second that one hot SKU accepts, by scheme, on simulated DynamoDB partitions.

    python -m bench.partition_simulator            # the whole table, under a minute
    python -m bench.partition_simulator --quick    # the chosen scheme alone

No emulator has partitions, throttles them, or rejects concurrent transactions, and a measurement on
AWS costs money and needs a quota. The deciding rules are therefore simulated here, event by event,
from a seed. The assumptions and their sources:

* A partition accepts 1,000 write and 3,000 read units per second, also for a single hot item
  (DynamoDB Developer Guide, "Designing partition keys"). A bucket fills at that rate and holds one
  second's worth. The 300 seconds of burst capacity in the guide are left out on purpose: the guide
  says that they may be used for maintenance without notice and may change. Adaptive capacity, which
  splits a hot partition within minutes, is left out because a flash sale is decided in seconds.
* A write of an item up to 1 KB costs 1 unit, in a transaction 2 (prepare and commit). A write with
  a failed condition costs the same. A rejected transaction is counted in full, which is the
  pessimistic reading. A throttled request costs nothing.
* A transaction holds its items for 10 ms. Another write to a held item is rejected with
  TransactionConflict, not queued. A plain conditional write holds nothing.
* Rows are hashed over the partitions of their table. The order's own rows spread elsewhere.
* 1,000 processes serve the buyers. Each remembers what it last saw of each row; a failed condition
  returns the row (ReturnValuesOnConditionCheckFailure).
* One more row is a snapshot of all rows. A process reads it at most four times per second (half a
  read unit). One process, elected by a conditional write, reads all rows and renews the snapshot
  four times per second. "Sold out" is reported only from a snapshot younger than a second. Without
  the snapshot each process reads all rows itself.
* A buyer who meets a held row retries it at most 8 times, after a random pause (full jitter, 10 ms
  doubling up to 300 ms). A buyer who finds too few units, or a throttled partition, reads the row
  and the snapshot and chooses again, at most 8 times, an eighth to a quarter of a second later. A
  buyer who is not served by then gets the response "busy", not "sold out".
"""

import argparse
import sys
import time
from collections.abc import Sequence

from bench.partitions.measurement import (
    MAX_FALSE_SHARE,
    TARGET_RATE,
    check_scheme,
    simulate_sale,
    sustained_rate,
)
from bench.partitions.schemes import (
    BROKEN,
    CHOSEN,
    Scheme,
    quantity_row,
    retrying_throttled,
    sharded,
    sharded_inside,
    unit_rows,
    with_quota,
    without_snapshot,
)

ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Numbers of rows in the tables of growth."""
UNIT_ROWS_RATE = 2_000
"""Rate of the sale with one row per unit: every loser reads every collection, and more takes
minutes."""


def print_scheme(
    name: str,
    rows: int | str,
    partitions: int,
    scheme: Scheme,
    seed: int,
    *,
    max_rate: int = TARGET_RATE,
) -> None:
    """Print the sustained rate of a scheme, and a sale at that rate."""
    rate, at_rate = sustained_rate(scheme, partitions, seed)
    pace = min(max(rate, 100), max_rate)
    units = 2 * pace
    sale, remaining = simulate_sale(
        scheme, units=units, partitions=partitions, rate=pace, seconds=4.0, seed=seed
    )
    cost = at_rate.write_units / max(at_rate.orders, 1)
    false_share = sale.falsely_sold_out / max(1, sale.sold_out)
    print(
        f"{name:<27}{rows:>6}{partitions:>6}{rate:>10,}{cost:>9.1f}"
        f"{at_rate.wait(0.5):>7.0f}{at_rate.wait(0.99):>7.0f}"
        f"{sale.units:>8,}{max(0, sale.units - units):>6}{remaining:>8}"
        f"{sale.falsely_sold_out:>7}{100 * false_share:>7.2f}%"
        f"{100 * sale.busy / max(1, sale.buyers):>7.2f}%",
        flush=True,
    )


def print_all_schemes(seed: int) -> None:
    """Print the table of schemes."""
    print_scheme("quantity row", 1, 4, quantity_row, seed)
    print_scheme("quantity row", 1, 40, quantity_row, seed)
    for partitions in (4, 16, 40):
        for rows in (16, 64, 128, 256):
            print_scheme("sharded rows", rows, partitions, sharded(rows), seed)
    print_scheme("  retrying throttled rows", 128, 40, retrying_throttled(128), seed)
    print_scheme("  retrying throttled rows", 256, 40, retrying_throttled(256), seed)
    print_scheme("  without the snapshot", 256, 40, without_snapshot(256), seed)
    for partitions in (4, 16, 40):
        for rows in (16, 128):
            scheme = sharded_inside(rows)
            print_scheme("  reservations inside", rows, partitions, scheme, seed)
    scheme = sharded_inside(128, dwell_seconds=1.5)
    print_scheme("  inside, through payment", 128, 40, scheme, seed)
    for partitions in (4, 40):
        name = "one row per unit"
        print_scheme(name, "units", partitions, unit_rows, seed, max_rate=UNIT_ROWS_RATE)


def print_quota_growth(partitions: int, seed: int, rows: Sequence[int] = ROWS) -> bool:
    """Print how the rate of a flash sale grows with the rows of its quota.

    The stock is in the chosen number of rows, and each order takes from both. Return whether a
    quota in one row is the bottleneck, and a quota in as many rows as the stock is none.
    """
    print(f"the same with a sale's quota, stock in {CHOSEN.rows} rows, two tables of {partitions}")
    print(f"{'rows':>6}{'orders/s':>10}{'over':>6}{'false':>8}{'busy':>8}")
    rates = []
    for number in rows:
        scheme = with_quota(number)
        rate, _ = sustained_rate(scheme, partitions, seed)
        pace = min(max(rate, 50), TARGET_RATE)
        sale, _ = simulate_sale(
            scheme, units=pace, partitions=partitions, rate=pace, seconds=2.0, seed=seed
        )
        false_share = sale.falsely_sold_out / max(1, sale.sold_out)
        oversold, busy = max(0, sale.units - pace), sale.busy / max(1, sale.buyers)
        print(
            f"{number:>6}{rate:>10,}{oversold:>6}{100 * false_share:>7.2f}%{100 * busy:>7.2f}%",
            flush=True,
        )
        rates.append(rate)
        if oversold or false_share > MAX_FALSE_SHARE:
            return False
    return rates[0] < TARGET_RATE / 10 and rates[-1] >= TARGET_RATE


def print_growth(partitions: int, seed: int, rows: Sequence[int] = ROWS) -> bool:
    """Print how the rate grows with the rows of a SKU; return whether the guarantees hold.

    Each line is a sale of one second's stock to twice as many buyers. The rate must never fall when
    rows are added, and must reach the target with the last number.
    """
    print(f"how the rate grows with the rows of the SKU, on {partitions} partitions")
    print(f"{'rows':>6}{'orders/s':>10}{'grows':>8}{'over':>6}{'false':>8}   result")
    before, passed = 0, True
    for number in rows:
        scheme = sharded(number)
        rate, _ = sustained_rate(scheme, partitions, seed)
        pace = min(max(rate, 50), TARGET_RATE)
        sale, remaining = simulate_sale(
            scheme, units=pace, partitions=partitions, rate=pace, seconds=2.0, seed=seed
        )
        oversold = max(0, sale.units - pace)
        false_share = sale.falsely_sold_out / max(1, sale.sold_out)
        good = rate >= before and not oversold and false_share < MAX_FALSE_SHARE and remaining >= 0
        result = "ok" if good else "FAILED"
        if good and rate >= TARGET_RATE:
            result = f"ok, {TARGET_RATE:,} orders/s reached"
        factor = f"{rate / before:.1f} x" if before else ""
        print(
            f"{number:>6}{rate:>10,}{factor:>8}{oversold:>6}{100 * false_share:>7.2f}%   {result}",
            flush=True,
        )
        before, passed = rate, passed and good
    return passed and before >= TARGET_RATE


def main(argv: list[str] | None = None) -> int:
    """Print the tables; return 0 if the chosen scheme passes for every placement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--quick", action="store_true", help="the chosen scheme alone")
    parser.add_argument(
        "--broken", choices=BROKEN, help="the chosen scheme, broken on purpose: must fail"
    )
    options = parser.parse_args(argv)
    seed, rows, partitions = options.seed, CHOSEN.rows, CHOSEN.partitions
    started = time.perf_counter()
    print(f"one hot SKU, simulated, seed {seed}; orders/s at which 99 % are served")
    print(f"then stock for two seconds and buyers for four, at that rate or {TARGET_RATE:,}/s")
    print(
        f"{'scheme':<27}{'rows':>6}{'parts':>6}{'orders/s':>10}{'WU/order':>9}{'p50ms':>7}"
        f"{'p99ms':>7}{'sold':>8}{'over':>6}{'unsold':>8}{'false':>7}{'':>8}{'busy':>8}"
    )
    passed = True
    if not options.quick and not options.broken:
        print_all_schemes(seed)
        passed &= print_growth(partitions, seed)
        passed &= print_quota_growth(partitions, seed)
        quota = check_scheme(with_quota(rows), partitions, seed)
        print(f"{'PASS' if quota.passed else 'FAIL'}: quota and stock, {rows} rows each, {quota}")
        passed &= quota.passed
    scheme = BROKEN[options.broken](rows) if options.broken else sharded(rows)
    check = check_scheme(scheme, partitions, seed)
    print(
        f"{'PASS' if check.passed else 'FAIL'}: {options.broken or CHOSEN.name}, {rows} rows over "
        f"{partitions} partitions, {check}; {time.perf_counter() - started:.0f} s"
    )
    return 0 if check.passed and passed else 1


if __name__ == "__main__":
    sys.exit(main())
