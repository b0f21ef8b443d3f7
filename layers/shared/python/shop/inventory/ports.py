"""The ports of inventory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderTerms,
    Demand,
    LowStockCrossing,
    Reservation,
    ReservationState,
    Shortage,
    StockKey,
    StockLevel,
    StockMovement,
)
from shop.inventory.model.kits import Kit
from shop.inventory.model.locations import Locations
from shop.kernel.pagination import Page
from shop.kernel.unit_of_work import WriteOperation

T = TypeVar("T", contravariant=True)


class StockWriter(Protocol):
    """Reads a stock level and writes movements of it."""

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        """Return a level by a consistent read; all zeros at version 0 for an unknown SKU."""
        ...

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *additional: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        """Write a movement and the level it leads to, if the level is still at that version.

        ``additional`` movements, of the same or other levels, and ``extra_writes`` are written in
        the same transaction. Returns the level that ``before`` became.

        Raises:

        - :class:`~shop.kernel.errors.VersionConflict` if the stock moved since it was read;
        - :class:`~shop.kernel.errors.Contention` if another writer won every attempt, or if one of
          the ``extra_writes`` failed;
        - the errors of :meth:`StockLevel.with_movements`.
        """
        ...


class StockList(Protocol):
    """The SKUs that have a stock level, by location."""

    def list_skus(self, location: str, *, prefix: str, cursor: str | None, limit: int) -> Page[str]:
        """Return the SKUs of a location that begin with the prefix, sorted.

        ``{"after": sku}`` in a cursor continues after that SKU.
        """
        ...


class StockRepository(StockWriter, Protocol):
    """The stock levels, their journal and their back-order terms."""

    def for_destination(self, country: str | None) -> "StockRepository":
        """Return the repository restricted to locations that ship to a country."""
        ...

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        """Return the level of every requested SKU over all shipping locations, in one call.

        The numbers may be some milliseconds old. They are for display; only a reservation
        guarantees units.
        """
        ...

    def get_levels_at(self, keys: Sequence[StockKey]) -> Sequence[StockLevel]:
        """Return the existing levels of these keys, by a consistent read."""
        ...

    def levels_by_location(self, sku: str) -> Sequence[StockLevel]:
        """Return the levels of a SKU at all locations that ever had it, by name.

        The read is consistent.
        """
        ...

    def create_levels(
        self,
        counts: Mapping[str, int],
        *,
        actor: str,
        reason: str,
        at: datetime,
        earlier: frozenset[datetime] = frozenset(),
    ) -> frozenset[str]:
        """Enter the first counts of SKUs at the main location; existing levels stay unchanged.

        Returns the SKUs that were new, so that a second import of a file changes nothing.
        ``earlier`` are the instants of interrupted calls with the same counts: a SKU whose first
        count is of such an instant is returned, too.
        """
        ...

    def list_movements(
        self, sku: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[StockMovement]:
        """Return the movements of a SKU, newest first.

        Raises InvalidRequest for a cursor that this listing did not return.
        """
        ...

    def set_backorder_terms(self, terms: BackorderTerms, before: StockLevel) -> StockLevel:
        """Set the back-order terms of a level.

        Raises VersionConflict, and Conflict (``stock_promised``) for a limit below the
        back-ordered units.
        """
        ...

    def list_backorderable(self) -> Sequence[StockKey]:
        """Return every SKU and location that ever had back-order terms."""
        ...

    def reshard(self, sku: str, shard_count: int, location: str = MAIN_LOCATION) -> int:
        """Change the number of shards of a level while it sells.

        Returns the resulting number. It exceeds the requested one while surplus shards still hold
        promises; repeat the call later. Raises NotFound (``stock_unknown``) for a missing level.
        """
        ...


class LowStockAlerts(Protocol):
    """The low-stock thresholds and the open alerts."""

    def set_threshold(self, threshold: int | None, before: StockLevel) -> None:
        """Set or clear (``None``) the threshold of a level and close its alert.

        Raises VersionConflict.
        """
        ...

    def open_alert(self, crossing: LowStockCrossing, level: StockLevel) -> bool:
        """Record a crossing and its event; ``False`` if another process recorded it first."""
        ...

    def close_alert(self, level: StockLevel) -> bool:
        """Record that the stock recovered; ``False`` if another process recorded it first."""
        ...

    def list_open(self, *, cursor: str | None, limit: int) -> Page[LowStockCrossing]:
        """Return the open alerts by location and SKU.

        Raises InvalidRequest for a cursor that this listing did not return.
        """
        ...

    def list_watched(self, *, cursor: str | None, limit: int) -> Page[StockKey]:
        """Return the keys of all levels with a threshold."""
        ...

    def filter_watched(self, keys: Iterable[StockKey]) -> Sequence[StockKey]:
        """Return those of the keys whose levels have a threshold."""
        ...


class SkuDirectory(Protocol):
    """The SKUs that products sell. Other SKUs cannot get stock."""

    def product_id_for(self, sku: str) -> str | None:
        """Return the product that sells a SKU; ``None`` if no product does."""


class LocationRepository(Protocol):
    """The locations and the allocation policy."""

    def get(self) -> Locations:
        """Return all of them by a consistent read; the main location is always included."""
        ...

    def save(self, after: Locations, before: Locations) -> Locations:
        """Replace ``before`` by ``after``. Raises Contention if the stored value differs."""
        ...


class KitRepository(Protocol):
    """The kits and their parts."""

    def get(self, sku: str) -> tuple[Kit | None, int]:
        """Return the kit, ``None`` for a SKU that is not a kit, and the version of its row.

        The version is 0 for an unknown SKU.
        """
        ...

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        """Return those of the SKUs that are kits."""
        ...

    def save(self, sku: str, parts: Mapping[str, int], before: Kit | None, version: int) -> int:
        """Define a kit, or end it if ``parts`` is empty; return the new version.

        Raises VersionConflict if the SKU or a part changed since it was read. Raises Conflict for
        a SKU that has stock or is a part, and for a part that is a kit.
        """
        ...


class StockReservations(Protocol[T]):
    """The stock side of an order's transaction: adds writes that the order's store commits.

    No operation is idempotent by itself, because a count does not record its orders. **The
    transaction must include the order's row with its own condition**: absent, or at the version
    that was read. A second application then fails as a whole. No count is clamped: a failed
    condition cancels the whole transaction.
    """

    def for_destination(self, country: str | None) -> "StockReservations[T]":
        """Return the port restricted to locations that ship to a country."""
        ...

    def pick_shards(self, demands: Iterable[Demand]) -> tuple[Reservation, ...]:
        """Choose the shards to reserve from, without a read or a write.

        The order stores these reservations in the transaction that reserves them.
        """
        ...

    def reserve(
        self, transaction: T, requested: Iterable[Demand | Reservation]
    ) -> tuple[Reservation, ...]:
        """Reserve units if that many are available; demands are first assigned to shards.

        Returns the reservations that the order stores.
        """
        ...

    def release(
        self,
        transaction: T,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        """Make promised units available again, if that many are promised."""
        ...

    def commit(self, transaction: T, reservations: Iterable[Reservation]) -> None:
        """Mark the reserved units of a paid order as committed.

        An application may skip this step; the units then stay reserved until they ship.
        """
        ...

    def revert_commit(self, transaction: T, reservations: Iterable[Reservation]) -> None:
        """Undo :meth:`commit`."""
        ...

    def relocate(
        self,
        transaction: T,
        old: Iterable[Reservation],
        new: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        """Move a promise to other shards or locations; the order replaces its reservations."""
        ...

    def cover_backorder(
        self,
        transaction: T,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> tuple[Reservation, ...]:
        """Move the promise of inbound units to the units that were earmarked for them.

        Returns all reservations that the order stores from then on. The transaction fails if too
        few units are earmarked.
        """
        ...

    def ship(
        self,
        transaction: T,
        reservations: Iterable[Reservation],
        *,
        order: str,
        actor: str,
        at: datetime,
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        """Ship units: reduce stock on hand and the promise, and add journal entries.

        Each reservation writes two rows, so more than 49 SKUs take several transactions.
        """
        ...

    def restock_op(
        self,
        returned: Iterable[Reservation],
        *,
        order: str,
        actor: str,
        at: datetime,
        reason: str,
    ) -> WriteOperation:
        """Return the write that adds units of an order to stock, with their journal entries.

        The units become available for sale at the named locations. Reads the rows, so that a
        location's first units create its level. Each SKU and location writes two rows and may check
        a third. Raises Conflict (``kit_has_no_stock``) for a SKU that has become a kit.
        """
        ...

    def shortages_from(
        self, error: Exception | None, demands: Iterable[Demand]
    ) -> tuple[Shortage, ...]:
        """Return every short line after a failed transaction, by a new read of the rows.

        ``error`` is the :class:`~shop.kernel.unit_of_work.ConditionFailed` of the transaction. An
        empty result means that stock does not explain the error. Either another shard has enough
        units (pick shards again and retry, a bounded number of times), or the condition of
        another write failed.
        """
        ...
