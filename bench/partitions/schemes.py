"""The schemes that are compared: each puts the units of a SKU into rows of a simulation."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.partitions.dynamodb import Simulation
from bench.partitions.shards import SaleWithQuota, ShardOptions, Shards
from bench.partitions.unit_rows import UnitRows

Scheme = Callable[[Simulation, int], Shards | SaleWithQuota | UnitRows]


@dataclass(frozen=True)
class Choice:
    """Rows and partitions with which a flash sale is prepared."""

    name: str
    rows: int
    partitions: int


CHOSEN = Choice("sharded rows", 256, 40)
"""The scheme of the shop (docs/adr/hot-skus.md)."""


def quantity_row(simulation: Simulation, units: int) -> Shards:
    return Shards(simulation, units, 1)


def sharded(rows: int) -> Scheme:
    return lambda simulation, units: Shards(simulation, units, rows)


def without_snapshot(rows: int) -> Scheme:
    return _with_options(rows, ShardOptions(shared_snapshot=False))


def retrying_throttled(rows: int) -> Scheme:
    return _with_options(rows, ShardOptions(max_draws=4, retries_throttled=True))


def sharded_inside(rows: int, dwell_seconds: float = 0.050) -> Scheme:
    options = ShardOptions(reservations_in_row=True, dwell_seconds=dwell_seconds)
    return _with_options(rows, options)


def unit_rows(simulation: Simulation, units: int) -> UnitRows:
    return UnitRows(simulation, units)


def with_quota(quota_rows: int) -> Scheme:
    return lambda simulation, units: SaleWithQuota(simulation, units, CHOSEN.rows, quota_rows)


BROKEN: dict[str, Callable[[int], Scheme]] = {
    "no failover": lambda rows: _with_options(rows, ShardOptions(fails_over=False)),
    "no condition": lambda rows: _with_options(rows, ShardOptions(conditional=False)),
}
"""Variants that the check must detect."""


def _with_options(rows: int, options: ShardOptions) -> Scheme:
    return lambda simulation, units: Shards(simulation, units, rows, options)
