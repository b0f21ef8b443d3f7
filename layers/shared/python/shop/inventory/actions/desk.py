"""Where staff write into the stock book: only of goods that are sold, where the shop is,
and each entry once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.inventory.actions.goods import look_at
from shop.inventory.model import MAIN, Movement, StockLevel, by_level
from shop.inventory.ports import Book, Goods, Locations, Stock
from shop.kernel.errors import Refusal
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import Ask, Keys, answer_kept
from shop.kernel.transactions import Part

Render = Callable[[Sequence[StockLevel]], Mapping[str, Any]]
"""The answer to an entry, by the levels that it led to."""


@frozen(slots=False)
class Desk:
    """The stock book, what may have stock and where, and the keys that requests come with."""

    stock: Stock
    goods: Goods
    locations: Locations
    keys: Keys

    def write(
        self, entry: Callable[[Book], object], render: Render, ask: Ask | None = None
    ) -> Mapping[str, Any]:
        """Make one entry and give its answer: the same on every repetition under the same key.

        The key and the answer are written in the transaction that moves the goods. It is only
        looked up when something stands in the way, which in a repetition is the version.
        """
        page = _Page(self, render, ask)
        try:
            entry(page)
        except Refusal:
            kept = answer_kept(ask, self.keys) if ask is not None else None
            if kept is not None:
                return kept
            raise
        return page.answer


class _Page:
    """The stock book while one entry is made in it."""

    def __init__(self, desk: Desk, render: Render, ask: Ask | None) -> None:
        self._desk, self._render, self._ask = desk, render, ask
        self.answer: Mapping[str, Any] = {}

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        if location != MAIN:
            self._desk.locations.network().location(location)
        return look_at(sku, stock=self._desk.stock, goods=self._desk.goods, location=location)

    def record(
        self,
        movement: Movement,
        before: StockLevel,
        *more: tuple[Movement, StockLevel],
        along: Sequence[Part] = (),
    ) -> StockLevel:
        moves = by_level([(movement, before), *more])
        answer = self._render([level.after(*several) for level, several in moves])
        if self._ask is not None:
            along = (*along, self._desk.keys.taking(self._ask, answer))
        level = self._desk.stock.record(movement, before, *more, along=along)
        self.answer = answer
        return level
