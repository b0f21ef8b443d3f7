"""Product pages do not read a hot article to death."""

from collections.abc import Iterable, Mapping

import pytest

from shop.inventory.model import StockLevel
from shop.inventory.store import recent
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
