"""Simulated sales, the rate that a scheme sustains, and whether it keeps its guarantees."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.partitions.dynamodb import SaleResult, Simulation
from bench.partitions.schemes import Scheme

TARGET_RATE = 5_000
"""Orders per second that the chosen scheme must sustain."""
SERVED_SHARE = 0.99
SERVED_WITHIN_MS = 1_000
"""A rate is sustained if this share of the buyers gets an order within this time."""
MAX_FALSE_SHARE = 0.01
"""Maximum share of false "sold out" responses."""
PLACEMENTS = 10
"""Random placements of the rows on partitions."""
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


def draw_quantity(chance: random.Random) -> int:
    """Draw the units of an order in a sale with a limit of three per customer."""
    return chance.choices((1, 2, 3), (85, 12, 3))[0]


def arrivals(chance: random.Random, rate: float, seconds: float) -> Iterator[float]:
    """Yield the arrival times of buyers (Poisson)."""
    at = chance.expovariate(rate)
    while at < seconds:
        yield at
        at += chance.expovariate(rate)


def simulate_sale(
    scheme: Scheme, *, units: int, partitions: int, rate: float, seconds: float, seed: int
) -> tuple[SaleResult, int]:
    """Let buyers arrive for some seconds; return their outcome and the remaining units."""
    simulation = Simulation(partitions, seed)
    sku = scheme(simulation, units)
    for at in arrivals(simulation.chance, rate, seconds):
        simulation.start(sku.buyer(draw_quantity(simulation.chance)), at)
    simulation.run()
    return simulation.result, simulation.remaining


def sustained_rate(
    scheme: Scheme,
    partitions: int,
    seed: int,
    *,
    at_least: int = 0,
    at_most: int = RATES[-1],
    seconds: float = 1.5,
) -> tuple[int, SaleResult]:
    """Return the highest rate at which 99 % of the buyers get their order, with ample stock.

    Only rates from ``at_least`` to ``at_most`` are tried. The bucket of each partition starts
    empty, so that the first second has no saved capacity.
    """
    best, result = 0, SaleResult()
    for rate in (rate for rate in RATES if at_least <= rate <= at_most):
        simulation = Simulation(partitions, seed)
        for partition in simulation.partitions:
            partition.writes.level = partition.reads.level = 0.0
        sku = scheme(simulation, max(2_000, int(rate * seconds * 3)))
        for at in arrivals(simulation.chance, rate, seconds):
            simulation.start(sku.buyer(draw_quantity(simulation.chance)), at + 0.05)
        simulation.run()
        served = simulation.result.orders >= SERVED_SHARE * simulation.result.buyers
        if not served or simulation.result.wait(SERVED_SHARE) > SERVED_WITHIN_MS:
            break
        best, result = rate, simulation.result
    return best, result


@dataclass(frozen=True)
class SchemeCheck:
    """Figures of a scheme over several placements of its rows."""

    target: int
    seed: int
    rates: tuple[int, ...]
    oversold: int
    falsely_sold_out: int
    sold_out: int
    unsold: int
    served: float
    """Smallest share of buyers with an order or a true "sold out" response."""

    @property
    def passed(self) -> bool:
        return (
            min(self.rates) >= self.target
            and self.oversold == 0
            and self.falsely_sold_out <= MAX_FALSE_SHARE * max(self.sold_out, 1)
            and self.unsold == 0
        )

    def __str__(self) -> str:
        median = sorted(self.rates)[len(self.rates) // 2]
        return (
            f"{len(self.rates)} placements from seed {self.seed}: at least {min(self.rates):,} "
            f"orders/s (median {median:,}), oversold {self.oversold}, falsely sold out "
            f"{self.falsely_sold_out} of {self.sold_out:,}, unsold {self.unsold}, "
            f"busy at most {100 - 100 * self.served:.1f} %"
        )


def check_scheme(
    scheme: Scheme,
    partitions: int,
    seed: int,
    *,
    target: int = TARGET_RATE,
    placements: int = PLACEMENTS,
) -> SchemeCheck:
    """Check a scheme for several placements of its rows on the partitions.

    Each placement is measured twice: the rate that it sustains, and a sale of one second's stock to
    twice as many buyers, a tenth faster than the target.
    """
    oversold = falsely_sold_out = sold_out = unsold = 0
    served = 1.0
    rates = []
    for placement in range(placements):
        result, remaining = simulate_sale(
            scheme,
            units=target,
            partitions=partitions,
            rate=target * 1.1,
            seconds=2.0,
            seed=seed + placement,
        )
        oversold += max(0, result.units - target)
        falsely_sold_out += result.falsely_sold_out
        sold_out += result.sold_out
        unsold += max(0, remaining)
        served = min(served, 1 - result.busy / result.buyers)
        rate, _ = sustained_rate(
            scheme, partitions, seed + placement, at_least=target, at_most=2 * target
        )
        rates.append(rate)
    return SchemeCheck(
        target, seed, tuple(rates), oversold, falsely_sold_out, sold_out, unsold, served
    )
