"""What selling and stock-keeping need from the world."""

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
    StockLevel,
    StockMovement,
)
from shop.inventory.model.kits import Kit
from shop.inventory.model.locations import Locations
from shop.kernel.pagination import Page
from shop.kernel.unit_of_work import WriteOperation

T = TypeVar("T", contravariant=True)


class StockWriter(Protocol):
    """The stock book, as it is written in: look at a level, and move it."""

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        """One level as last written; all zeros, version 0, for a SKU never seen there."""
        ...

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *more: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        """Write the movement and the level it leads to, if ``before`` is still the version.

        ``more`` movements, of the same or other levels, and the parts that go ``along`` are written
        with it or not at all.
        Returns the level that ``before`` became.

        Raises :class:`~shop.kernel.errors.VersionConflict` where somebody else moved the same stock
        meanwhile, and what :meth:`StockLevel.after` raises.
        """
        ...


class StockRepository(StockWriter, Protocol):
    """The stock book, as staff and product pages use it."""

    def for_destination(self, country: str | None) -> "StockRepository":
        """The same book for who lives there: of the locations that ship there."""
        ...

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        """The level of each SKU over all locations that orders are served from, in one call; every
        SKU asked for is present.

        May be some milliseconds old: it informs, it promises nothing. Only a hold promises.
        """
        ...

    def current_levels_by_location(self, skus: Iterable[str]) -> Mapping[str, Sequence[StockLevel]]:
        """The level of each SKU at each location that has any, as last written."""
        ...

    def get_levels_at(self, places: Sequence[tuple[str, str]]) -> Sequence[StockLevel]:
        """The levels of (SKU, location), as last written, of those that there are."""
        ...

    def levels_by_location(self, sku: str) -> Sequence[StockLevel]:
        """The level of a SKU at each location it was ever at, as last written, by name."""
        ...

    def create_levels(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        """Put first counts (at :data:`MAIN`) for SKUs that have none; the others stay as they are.

        Returns the SKUs that were opened, so that a second import of a file changes nothing.
        """
        ...

    def list_movements(
        self, sku: str, *, cursor: str | None = None, limit: int = 50
    ) -> Page[StockMovement]:
        """The movements of a SKU, newest first. Raises Invalid for a cursor of somebody else."""
        ...

    def set_backorder_terms(self, terms: BackorderTerms, before: StockLevel) -> StockLevel:
        """Set the terms on which goods still to come are sold. Raises Stale, and Conflict for a
        limit below what is sold already."""
        ...

    def list_backorderable(self) -> Sequence[tuple[str, str]]:
        """Every SKU and location for which terms were ever agreed."""
        ...

    def reshard(self, sku: str, bins: int, location: str = MAIN_LOCATION) -> int:
        """Keep the stock of a SKU in so many bins from now on, while it goes on selling.

        More bins before it sells fast, one again afterwards. Returns how many there are: more than
        wanted while some still hold promises, so ask again. Raises NotFound.
        """
        ...


class LowStockAlerts(Protocol):
    """Thresholds, and the crossings of them that are not over."""

    def set_threshold(self, low_at: int | None, before: StockLevel) -> None:
        """Set the number for sale at which an alarm is raised, ``None`` for none, and arm it anew.
        Raises Stale."""
        ...

    def open_alert(self, crossing: LowStockCrossing, level: StockLevel) -> bool:
        """Note a crossing, with its event; ``False`` where somebody else was faster."""
        ...

    def close_alert(self, level: StockLevel) -> bool:
        """Note that a crossing is over; ``False`` where somebody else was faster."""
        ...

    def list_open(self, *, cursor: str | None, limit: int) -> Page[LowStockCrossing]:
        """The crossings that are not over, by location and SKU. Raises Invalid for the cursor."""
        ...

    def list_watched(self, *, cursor: str | None, limit: int) -> Page[tuple[str, str]]:
        """The SKU and location of everything that has a threshold."""
        ...

    def with_threshold(self, places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Those of them that have a threshold."""
        ...


class SkuDirectory(Protocol):
    """Who may have stock: what some product sells."""

    def product_id_for(self, sku: str) -> str | None:
        """The product whose SKU it is; ``None`` for nobody's."""


class LocationRepository(Protocol):
    """The warehouses and shops there are, and the policy by which they share the orders."""

    def get(self) -> Locations:
        """All of it, as last written. :data:`MAIN` is always among them."""
        ...

    def save(self, after: Locations, before: Locations) -> Locations:
        """Write it, if ``before`` is still what there is. Raises Stale."""
        ...


class KitRepository(Protocol):
    """Which SKUs are sold as several of others."""

    def get(self, sku: str) -> tuple[Kit | None, int]:
        """What one takes, ``None`` for a SKU that is no kit; and the version, 0 for none."""
        ...

    def find(self, skus: Iterable[str]) -> Mapping[str, Kit]:
        """Those of the SKUs that are kits."""
        ...

    def save(self, sku: str, parts: Mapping[str, int], before: Kit | None, version: int) -> int:
        """Make it a kit of these parts, or with none no kit any more; returns the new version.

        Raises Stale where it or a part was changed meanwhile, Conflict for a SKU that has stock or
        is a part, and for a part that is a kit.
        """
        ...


class StockReservations(Protocol[T]):
    """The stock side of an order's own transaction: parts are added, the order's store commits.

    None of these is safe to apply twice by itself: a hold is a number, and a number does not
    remember whose it was. **The transaction must carry the order's row with a condition of its
    own** (absent, or at the version that was read), so that a second application fails as a whole.
    Nothing is clamped: a part whose condition fails cancels the entire transaction.
    """

    def for_destination(self, country: str | None) -> "StockReservations[T]":
        """The same book for an order that goes there: of the locations that ship there."""
        ...

    def pick_shards(self, demands: Iterable[Demand]) -> tuple[Reservation, ...]:
        """Choose the rows that units shall be taken from. Reads nothing and promises nothing.

        The order stores these holds in the very transaction that reserves them.
        """
        ...

    def reserve(
        self, transaction: T, requested: Iterable[Demand | Reservation]
    ) -> tuple[Reservation, ...]:
        """Put units aside (``available >= quantity``) where the holds say; demands are drawn first.

        Returns the holds that the order keeps.
        """
        ...

    def release(
        self,
        transaction: T,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        """Give held units back to sale (``claim >= quantity``)."""
        ...

    def commit(self, transaction: T, reservations: Iterable[Reservation]) -> None:
        """The order is paid and will ship: reserved units become committed.

        A shop may leave this step out; units then stay reserved until they ship.
        """
        ...

    def revert_commit(self, transaction: T, reservations: Iterable[Reservation]) -> None:
        """Undo of :meth:`commit`."""
        ...

    def relocate(
        self,
        transaction: T,
        old: Iterable[Reservation],
        new: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> None:
        """The same promise from other bins or locations; the order replaces its holds."""
        ...

    def cover_backorder(
        self,
        transaction: T,
        reservations: Iterable[Reservation],
        state: ReservationState = ReservationState.RESERVED,
    ) -> tuple[Reservation, ...]:
        """Goods that were awaited are here: the promise moves to the units put aside for it.

        Returns all the holds that the order keeps. Fails where too few were put aside yet.
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
        """The goods leave: on hand and the claim go down, and the journal gets a line for each.

        Two rows for each hold, so a parcel of more than 49 SKUs takes several transactions.
        """
        ...

    def shortages_from(
        self, error: Exception | None, demands: Iterable[Demand]
    ) -> tuple[Shortage, ...]:
        """After a :class:`~shop.kernel.unit_of_work.ConditionFailed`: every short line as the rows now stand.

        Empty means that stock does not explain the refusal: somebody gave back what was missing
        (draw again and retry, a bounded number of times), or another part's condition failed.
        """
        ...
