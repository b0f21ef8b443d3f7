"""The stock repository over the inventory table."""

from shop.inventory.store.movements import StockMovementWriter
from shop.inventory.store.reservations import StockReservationWriter


class DynamoStockRepository(StockMovementWriter, StockReservationWriter):
    """Implements StockRepository and StockReservations of :mod:`shop.inventory.ports`.

    Both sides share the cached snapshots of shards.
    """
