"""The simulator follows its rules, and its check separates good schemes from bad ones."""

import pytest

from bench import partition_simulator
from bench.partitions import schemes
from bench.partitions.dynamodb import TRANSACTION_SECONDS, Bucket, Row, Simulation, Steps
from bench.partitions.measurement import check_scheme, simulate_sale, sustained_rate


def test_bucket_serves_its_rate_and_no_more() -> None:
    bucket = Bucket(1_000.0)
    bucket.level = 0.0
    served = sum(bucket.take(1.0, tick / 5_000) for tick in range(10_000))
    assert 1_990 <= served <= 2_000


def test_bucket_saves_one_second_of_capacity() -> None:
    bucket = Bucket(1_000.0)
    assert sum(bucket.take(1.0, 60.0) for _ in range(5_000)) == 1_000


def new_row(simulation: Simulation, key: str, available: int) -> Row:
    return Row(simulation.partition_of(key), available)


def test_transaction_on_a_held_row_is_rejected_and_costs_units() -> None:
    simulation = Simulation(1, seed=1)
    row = new_row(simulation, "row", 5)
    outcomes = []

    def buyer() -> Steps:
        outcomes.append((yield from simulation.transact([(row, 1)])))

    for at in (0.0, 0.001, 0.009, 0.011):
        simulation.start(buyer(), at)
    simulation.run()
    assert sorted(outcomes) == ["conflict", "conflict", "ok", "ok"]
    assert row.available == 3
    assert simulation.result.write_units == 8.0


def test_transaction_takes_from_all_rows_or_none() -> None:
    simulation = Simulation(2, seed=1)
    full, short = new_row(simulation, "full", 5), new_row(simulation, "short", 1)
    outcomes = []

    def buyer() -> Steps:
        outcomes.append((yield from simulation.transact([(full, 2), (short, 2)])))

    simulation.start(buyer(), 0.0)
    simulation.run()
    assert outcomes == ["short"]
    assert (full.available, short.available) == (5, 1)


def test_one_row_accepts_at_most_a_hundred_transactions_per_second() -> None:
    result, _ = simulate_sale(
        schemes.quantity_row, units=100_000, partitions=40, rate=400, seconds=5.0, seed=7
    )
    assert result.orders / (5.0 + max(result.waits)) < 1 / TRANSACTION_SECONDS


@pytest.mark.parametrize(
    "scheme",
    [
        schemes.quantity_row,
        schemes.sharded(16),
        schemes.sharded_inside(16),
        schemes.unit_rows,
    ],
    ids=["quantity row", "sharded", "reservations inside", "unit rows"],
)
def test_no_scheme_oversells_or_loses_units(scheme: schemes.Scheme) -> None:
    result, remaining = simulate_sale(
        scheme, units=300, partitions=8, rate=300, seconds=3.0, seed=11
    )
    assert result.units + remaining == 300
    assert remaining >= 0
    assert result.buyers > 800


def test_last_unit_is_found_in_thinly_spread_stock() -> None:
    result, remaining = simulate_sale(
        schemes.sharded(64), units=40, partitions=8, rate=200, seconds=3.0, seed=3
    )
    assert (result.units, remaining) == (40, 0)
    assert result.falsely_sold_out == 0


def test_same_seed_gives_the_same_sale() -> None:
    def sale() -> tuple[int, int, float]:
        result, remaining = simulate_sale(
            schemes.sharded(8), units=200, partitions=4, rate=500, seconds=1.0, seed=5
        )
        return result.orders, remaining, result.wait(0.99)

    assert sale() == sale()


@pytest.mark.slow
def test_chosen_scheme_passes_the_check() -> None:
    check = check_scheme(schemes.sharded(64), 16, 1, target=1_000, placements=2)
    assert check.passed, check


@pytest.mark.slow
@pytest.mark.parametrize("broken", schemes.BROKEN)
def test_broken_scheme_fails_the_check(broken: str) -> None:
    check = check_scheme(schemes.BROKEN[broken](64), 16, 1, target=1_000, placements=2)
    assert not check.passed, check


@pytest.mark.slow
def test_more_rows_sell_more_and_the_table_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    # The rate grows, but does not reach 5,000 per second with 16 rows.
    assert not partition_simulator.print_growth(40, 2026, (1, 4, 16))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    rates = [int(line[1].replace(",", "")) for line in lines]
    assert [line[0] for line in lines] == ["1", "4", "16"]
    assert rates[0] < rates[1] < rates[2]
    assert all(line[-1] == "ok" for line in lines)


def test_quota_in_one_row_is_a_bottleneck_and_in_shards_is_not() -> None:
    one, _ = sustained_rate(schemes.with_quota(1), 40, 1, at_most=500)
    many, _ = sustained_rate(schemes.with_quota(64), 40, 1, at_least=500, at_most=1_000)
    assert one <= 100
    assert many == 1_000
    sale, _ = simulate_sale(
        schemes.with_quota(16), units=300, partitions=16, rate=300, seconds=2.0, seed=1
    )
    assert (sale.units <= 300, sale.falsely_sold_out) == (True, 0)
