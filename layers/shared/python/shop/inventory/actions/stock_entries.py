"""Write stock entries of staff, each once per idempotency key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from shop.inventory.actions.stock_movements import AuditInfo, get_level, set_on_hand
from shop.inventory.model import MAIN_LOCATION, StockLevel, StockMovement, group_by_level
from shop.inventory.ports import LocationRepository, SkuDirectory, StockRepository, StockWriter
from shop.kernel.errors import ShopError
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, stored_response
from shop.kernel.unit_of_work import WriteOperation

T = TypeVar("T")

Render = Callable[[Sequence[StockLevel]], Mapping[str, Any]]
"""Builds the response to an entry from the levels that it changed."""


@frozen(slots=False)
class StockEntryService:
    """The repositories that a stock entry needs, and the store of idempotency keys."""

    stock: StockRepository
    sku_directory: SkuDirectory
    locations: LocationRepository
    idempotency: IdempotencyStore

    def record_idempotent(
        self,
        entry: Callable[[StockWriter], object],
        render: Render,
        idempotent_request: IdempotentRequest | None = None,
    ) -> Mapping[str, Any]:
        """Write one entry and return its response, the same for every retry under one key.

        The transaction that moves the goods also stores the key and the response.
        """
        writer = _EntryWriter(self, render, idempotent_request)
        try:
            entry(writer)
        except ShopError:
            # The key is read after an error only, which saves a read on every first attempt. A
            # retry always fails first, because its version is no longer current.
            stored = (
                stored_response(idempotent_request, self.idempotency)
                if idempotent_request is not None
                else None
            )
            if stored is not None:
                return stored
            raise
        return writer.response


class _EntryWriter:
    """The :class:`StockWriter` of one entry; it stores the key and renders the response."""

    def __init__(
        self,
        service: StockEntryService,
        render: Render,
        idempotent_request: IdempotentRequest | None,
    ) -> None:
        self._service = service
        self._render = render
        self._idempotent_request = idempotent_request
        self.response: Mapping[str, Any] = {}

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        if location != MAIN_LOCATION:
            # The main location always exists; an unknown one raises NotFound here.
            self._service.locations.get().location(location)
        return get_level(
            sku, stock=self._service.stock, skus=self._service.sku_directory, location=location
        )

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *additional: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        groups = group_by_level([(movement, before), *additional])
        # The response is part of the transaction, so it is rendered before the write.
        response = self._render([level.with_movements(*moves) for level, moves in groups])
        if self._idempotent_request is not None:
            claim = self._service.idempotency.claim(self._idempotent_request, response)
            extra_writes = (*extra_writes, claim)
        level = self._service.stock.write_movement(
            movement, before, *additional, extra_writes=extra_writes
        )
        self.response = response
        return level


def record_stock_take(
    counts: Sequence[tuple[str, int, int]],
    audit: AuditInfo,
    *,
    write: Callable[[int, Callable[[StockWriter], StockLevel]], T],
    location: str = MAIN_LOCATION,
) -> Sequence[T | ShopError]:
    """Enter many counts: ``(sku, units, expected version)`` each.

    Returns the result of ``write`` or the error of each line, so that staff repeat only the failed
    lines. ``write`` receives the number of the line and the function that enters its count.
    """
    audit = replace(audit, reason=audit.reason or "stock count")

    def count_entry(sku: str, units: int, version: int) -> Callable[[StockWriter], StockLevel]:
        return lambda stock_writer: set_on_hand(
            sku,
            units,
            audit,
            expected_version=version,
            stock_writer=stock_writer,
            location=location,
        )

    results: list[T | ShopError] = []
    for number, line in enumerate(counts):
        try:
            results.append(write(number, count_entry(*line)))
        except ShopError as error:
            # Each line is a transaction of its own; an error of one leaves the others valid.
            results.append(error)
    return results
