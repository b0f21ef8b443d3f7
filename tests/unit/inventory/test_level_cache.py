"""Product pages share cached levels, so that a hot SKU costs few reads."""

import random
import sys
from collections.abc import Iterable, Mapping

import pytest

from shop.inventory.model import USAGE_LOCATION, Demand, StockLevel
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.level_cache import LEVEL_CACHE_SECONDS, LevelCache


class FakeStock:
    """A stock repository that records requests, and a clock."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.units = 5
        self.now = 100.0

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        self.requests.append(list(skus))
        return {sku: StockLevel(sku, on_hand=self.units) for sku in self.requests[-1]}


@pytest.fixture
def fake_stock() -> FakeStock:
    return FakeStock()


def build_cache(fake_stock: FakeStock) -> LevelCache:
    return LevelCache(fake_stock, clock=lambda: fake_stock.now)


def test_thousand_requests_are_one_read(fake_stock: FakeStock) -> None:
    cache = build_cache(fake_stock)
    for _ in range(1_000):
        assert cache.levels(["A"])["A"].available == 5
    assert fake_stock.requests == [["A"]]


def test_only_stale_and_unknown_skus_are_read(fake_stock: FakeStock) -> None:
    cache = build_cache(fake_stock)
    cache.levels(["A"])
    assert set(cache.levels(["A", "B", "B"])) == {"A", "B"}
    assert fake_stock.requests == [["A"], ["B"]]


def test_cached_level_is_two_seconds_old_at_most(fake_stock: FakeStock) -> None:
    cache = build_cache(fake_stock)
    cache.levels(["A"])
    fake_stock.units = 0
    fake_stock.now += LEVEL_CACHE_SECONDS - 0.01
    assert cache.levels(["A"])["A"].available == 5
    fake_stock.now += 0.01
    assert cache.levels(["A"])["A"].available == 0


def test_oldest_entries_are_evicted(fake_stock: FakeStock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[LevelCache.__module__], "MAX_CACHED_SKUS", 2)
    cache = build_cache(fake_stock)
    for sku in ("A", "B", "C"):
        cache.levels([sku])
    cache.levels(["B", "C"])
    assert fake_stock.requests == [["A"], ["B"], ["C"]]
    assert set(cache.levels(["A", "B", "C"])) == {"A", "B", "C"}
    assert fake_stock.requests[3] == ["A"]


def test_bypassing_the_cache_reads_and_refreshes_it(
    fake_stock: FakeStock,
) -> None:
    cache = build_cache(fake_stock)
    cache.levels(["A"])
    fake_stock.units = 1
    assert cache.levels(["A"])["A"].available == 5
    assert cache.levels(["A"], bypass_cache=True)["A"].available == 1
    assert cache.levels(["A"])["A"].available == 1
    assert fake_stock.requests == [["A"], ["A"]]


def test_known_shard_count_lets_a_process_start_at_any_shard() -> None:
    def picked_shards(shard_count: int) -> set[int]:
        shards = set()
        for seed in range(40):
            stock = DynamoStockRepository((USAGE_LOCATION,), chance=random.Random(seed))
            stock.note_shard_count("QUOTA#sale", shard_count)
            shards |= {
                reservation.shard for reservation in stock.pick_shards([Demand("QUOTA#sale", 1)])
            }
        return shards

    assert picked_shards(1) == {0}
    assert len(picked_shards(64)) > 20
