"""Product pages do not read a hot article to death."""

import random
import sys
from collections.abc import Iterable, Mapping

import pytest

from shop.inventory.model import USAGE_LOCATION, Demand, StockLevel
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.level_cache import LEVEL_CACHE_SECONDS, LevelCache


class Shelf:
    """A stock book that notes what it was asked, and a clock."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.units = 5
        self.now = 100.0

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        self.asked.append(list(skus))
        return {sku: StockLevel(sku, on_hand=self.units) for sku in self.asked[-1]}


@pytest.fixture
def fake_stock() -> Shelf:
    return Shelf()


def shown(pricing: Shelf) -> LevelCache:
    return LevelCache(pricing, clock=lambda: pricing.now)


def test_a_thousand_looks_are_one_reading(fake_stock: Shelf) -> None:
    pages = shown(fake_stock)
    for _ in range(1_000):
        assert pages.levels(["A"])["A"].available == 5
    assert fake_stock.asked == [["A"]]


def test_only_what_is_old_or_new_is_read(fake_stock: Shelf) -> None:
    pages = shown(fake_stock)
    pages.levels(["A"])
    assert set(pages.levels(["A", "B", "B"])) == {"A", "B"}
    assert fake_stock.asked == [["A"], ["B"]]


def test_a_page_is_two_seconds_behind_at_most(fake_stock: Shelf) -> None:
    pages = shown(fake_stock)
    pages.levels(["A"])
    fake_stock.units = 0
    fake_stock.now += LEVEL_CACHE_SECONDS - 0.01
    assert pages.levels(["A"])["A"].available == 5
    fake_stock.now += 0.01
    assert pages.levels(["A"])["A"].available == 0


def test_what_was_read_longest_ago_is_forgotten(
    fake_stock: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[LevelCache.__module__], "MAX_CACHED_SKUS", 2)
    pages = shown(fake_stock)
    for sku in ("A", "B", "C"):
        pages.levels([sku])
    pages.levels(["B", "C"])
    assert fake_stock.asked == [["A"], ["B"], ["C"]]
    assert set(pages.levels(["A", "B", "C"])) == {"A", "B", "C"}
    assert fake_stock.asked[3] == ["A"]


def test_what_is_about_to_be_relied_on_is_read_anew_and_shown_from_then_on(
    fake_stock: Shelf,
) -> None:
    pages = shown(fake_stock)
    pages.levels(["A"])
    fake_stock.units = 1
    assert pages.levels(["A"])["A"].available == 5
    assert pages.levels(["A"], bypass_cache=True)["A"].available == 1
    assert pages.levels(["A"])["A"].available == 1
    assert fake_stock.asked == [["A"], ["A"]]


def test_who_was_told_how_many_bins_there_are_begins_at_any_of_them() -> None:
    def drawn(bins: int) -> set[int]:
        found = set()
        for seed in range(40):
            stock = DynamoStockRepository((USAGE_LOCATION,), chance=random.Random(seed))
            stock.note_shard_count("QUOTA#sale", bins)
            found |= {hold.shard for hold in stock.pick_shards([Demand("QUOTA#sale", 1)])}
        return found

    assert drawn(1) == {0}
    assert len(drawn(64)) > 20
