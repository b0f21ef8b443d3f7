"""Product pages do not read a hot article to death."""

import random
from collections.abc import Iterable, Mapping

import pytest

from shop.inventory.model import USES, Demand, StockLevel
from shop.inventory.store import DynamoStock, recent
from shop.inventory.store.recent import FRESH_FOR, RecentLevels


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
def shelf() -> Shelf:
    return Shelf()


def shown(shelf: Shelf) -> RecentLevels:
    return RecentLevels(shelf, clock=lambda: shelf.now)


def test_a_thousand_looks_are_one_reading(shelf: Shelf) -> None:
    pages = shown(shelf)
    for _ in range(1_000):
        assert pages.levels(["A"])["A"].available == 5
    assert shelf.asked == [["A"]]


def test_only_what_is_old_or_new_is_read(shelf: Shelf) -> None:
    pages = shown(shelf)
    pages.levels(["A"])
    assert set(pages.levels(["A", "B", "B"])) == {"A", "B"}
    assert shelf.asked == [["A"], ["B"]]


def test_a_page_is_two_seconds_behind_at_most(shelf: Shelf) -> None:
    pages = shown(shelf)
    pages.levels(["A"])
    shelf.units = 0
    shelf.now += FRESH_FOR - 0.01
    assert pages.levels(["A"])["A"].available == 5
    shelf.now += 0.01
    assert pages.levels(["A"])["A"].available == 0


def test_what_was_read_longest_ago_is_forgotten(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "SKUS_REMEMBERED", 2)
    pages = shown(shelf)
    for sku in ("A", "B", "C"):
        pages.levels([sku])
    pages.levels(["B", "C"])
    assert shelf.asked == [["A"], ["B"], ["C"]]
    assert set(pages.levels(["A", "B", "C"])) == {"A", "B", "C"}
    assert shelf.asked[3] == ["A"]


def test_what_is_about_to_be_relied_on_is_read_anew_and_shown_from_then_on(shelf: Shelf) -> None:
    pages = shown(shelf)
    pages.levels(["A"])
    shelf.units = 1
    assert pages.levels(["A"])["A"].available == 5
    assert pages.levels(["A"], anew=True)["A"].available == 1
    assert pages.levels(["A"])["A"].available == 1
    assert shelf.asked == [["A"], ["A"]]


def test_who_was_told_how_many_bins_there_are_begins_at_any_of_them() -> None:
    def drawn(bins: int) -> set[int]:
        found = set()
        for seed in range(40):
            stock = DynamoStock((USES,), chance=random.Random(seed))
            stock.told("QUOTA#sale", bins)
            found |= {hold.shard for hold in stock.draw([Demand("QUOTA#sale", 1)])}
        return found

    assert drawn(1) == {0}
    assert len(drawn(64)) > 20
