"""The simulator keeps the rules it claims to keep, and can tell a good scheme from a bad one."""

import pytest

from bench import partition_simulator as simulator
from bench.partition_simulator import Bucket, Row, World


def test_a_partition_serves_its_rate_and_no_more() -> None:
    bucket = Bucket(1_000.0)
    bucket.level = 0.0
    served = sum(bucket.take(1.0, tick / 5_000) for tick in range(10_000))
    assert 1_990 <= served <= 2_000


def test_a_partition_saves_up_one_second_and_not_more() -> None:
    bucket = Bucket(1_000.0)
    assert sum(bucket.take(1.0, 60.0) for _ in range(5_000)) == 1_000


def test_a_second_transaction_on_a_held_row_is_refused_and_paid_for() -> None:
    world = World(1, seed=1)
    row = Row(world.tables["stock"][0], available=5)
    outcomes = []

    def buyer() -> simulator.Steps:
        outcomes.append((yield from world.transact([(row, 1)])))

    for at in (0.0, 0.001, 0.009, 0.011):
        world.start(buyer(), at)
    world.run()
    assert sorted(outcomes) == ["conflict", "conflict", "ok", "ok"]
    assert row.available == 3
    assert world.tally.write_units == 8.0


def test_a_transaction_over_two_rows_takes_from_both_or_from_none() -> None:
    world = World(2, seed=1)
    rich, poor = Row(world.tables["stock"][0], 5), Row(world.tables["stock"][1], 1)
    outcomes = []

    def buyer() -> simulator.Steps:
        outcomes.append((yield from world.transact([(rich, 2), (poor, 2)])))

    world.start(buyer(), 0.0)
    world.run()
    assert outcomes == ["short"]
    assert (rich.available, poor.available) == (5, 1)


def test_one_row_takes_at_most_a_hundred_transactions_a_second() -> None:
    tally, _ = simulator.play(
        simulator.quantity_row, units=100_000, partitions=40, rate=400, seconds=5.0, seed=7
    )
    assert tally.orders / (5.0 + max(tally.waits)) < 1 / simulator.HELD_SECONDS


@pytest.mark.parametrize(
    "scheme",
    [
        simulator.quantity_row,
        simulator.sharded(16),
        simulator.sharded_inside(16),
        simulator.unit_rows,
    ],
)
def test_no_scheme_sells_a_unit_twice_and_every_unit_is_accounted_for(
    scheme: simulator.Scheme,
) -> None:
    tally, left = simulator.play(scheme, units=300, partitions=8, rate=300, seconds=3.0, seed=11)
    assert tally.units + left == 300
    assert left >= 0
    assert tally.buyers > 800


def test_the_last_unit_is_found_however_thinly_the_stock_is_spread() -> None:
    tally, left = simulator.play(
        simulator.sharded(64), units=40, partitions=8, rate=200, seconds=3.0, seed=3
    )
    assert (tally.units, left) == (40, 0)
    assert tally.falsely_sold_out == 0


def test_the_same_seed_gives_the_same_sale() -> None:
    def sale() -> tuple[int, int, float]:
        tally, left = simulator.play(
            simulator.sharded(8), units=200, partitions=4, rate=500, seconds=1.0, seed=5
        )
        return tally.orders, left, tally.wait(0.99)

    assert sale() == sale()


@pytest.mark.slow
def test_the_chosen_scheme_passes_the_verdict() -> None:
    passed, words = simulator.verdict(simulator.sharded(64), 16, 1, target=1_000, placements=2)
    assert passed, words


@pytest.mark.slow
@pytest.mark.parametrize("broken", simulator.BROKEN)
def test_a_scheme_broken_on_purpose_fails_the_verdict(broken: str) -> None:
    scheme = simulator.BROKEN[broken](64)
    passed, words = simulator.verdict(scheme, 16, 1, target=1_000, placements=2)
    assert not passed, words


@pytest.mark.slow
def test_more_rows_sell_more_and_the_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert not simulator.growth(40, 2026, (1, 4, 16))  # it grows, and does not reach 5,000 a second
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    rates = [int(row[1].replace(",", "")) for row in rows]
    assert [row[0] for row in rows] == ["1", "4", "16"]
    assert rates[0] < rates[1] < rates[2]
    assert all(row[-1] == "kept" for row in rows)


def test_a_quota_in_one_row_is_a_sales_bottleneck_and_in_bins_it_is_none() -> None:
    one, _ = simulator.sustained(simulator.with_quota(1), 40, 1, at_most=500)
    many, _ = simulator.sustained(simulator.with_quota(64), 40, 1, at_least=500, at_most=1_000)
    assert one <= 100
    assert many == 1_000
    sold, _ = simulator.play(
        simulator.with_quota(16), units=300, partitions=16, rate=300, seconds=2.0, seed=1
    )
    assert (sold.units <= 300, sold.falsely_sold_out) == (True, 0)
