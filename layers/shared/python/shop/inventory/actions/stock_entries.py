"""Where staff write into the stock book: only of goods that are sold, where the shop is,
and each entry once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.inventory.actions.stock_movements import get_level
from shop.inventory.model import MAIN_LOCATION, StockLevel, StockMovement, group_by_level
from shop.inventory.ports import LocationRepository, SkuDirectory, StockRepository, StockWriter
from shop.kernel.errors import ShopError
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, stored_response
from shop.kernel.unit_of_work import WriteOperation

Render = Callable[[Sequence[StockLevel]], Mapping[str, Any]]
"""The answer to an entry, by the levels that it led to."""


@frozen(slots=False)
class StockEntryService:
    """The stock book, what may have stock and where, and the keys that requests come with."""

    stock: StockRepository
    sku_directory: SkuDirectory
    locations: LocationRepository
    keys: IdempotencyStore

    def record_idempotent(
        self,
        entry: Callable[[StockWriter], object],
        render: Render,
        idempotent_request: IdempotentRequest | None = None,
    ) -> Mapping[str, Any]:
        """Make one entry and give its answer: the same on every repetition under the same key.

        The key and the answer are written in the transaction that moves the goods. It is only
        looked up when something stands in the way, which in a repetition is the version.
        """
        page = _Page(self, render, idempotent_request)
        try:
            entry(page)
        except ShopError:
            stored = (
                stored_response(idempotent_request, self.keys)
                if idempotent_request is not None
                else None
            )
            if stored is not None:
                return stored
            raise
        return page.answer


class _Page:
    """The stock book while one entry is made in it."""

    def __init__(
        self, desk: StockEntryService, render: Render, idempotent_request: IdempotentRequest | None
    ) -> None:
        self._desk, self._render, self._ask = desk, render, idempotent_request
        self.answer: Mapping[str, Any] = {}

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        if location != MAIN_LOCATION:
            self._desk.locations.get().location(location)
        return get_level(
            sku, stock=self._desk.stock, skus=self._desk.sku_directory, location=location
        )

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *more: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        moves = group_by_level([(movement, before), *more])
        answer = self._render([level.with_movements(*several) for level, several in moves])
        if self._ask is not None:
            extra_writes = (*extra_writes, self._desk.keys.claim(self._ask, answer))
        level = self._desk.stock.write_movement(movement, before, *more, extra_writes=extra_writes)
        self.answer = answer
        return level
