"""Requests of stock movements, and the stock journal, for staff."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.actions.stock_movements import MAX_REASON_LENGTH
from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, StockLevel, StockMovement
from shop.inventory.ports import StockWriter
from shop.inventory.schemas.levels import Location, Reason, Reference, Sku, Units
from shop.inventory.schemas.locations import Version
from shop.kernel.pagination import Page

Difference = Annotated[int, Field(ge=-MAX_UNITS, le=MAX_UNITS)]
"""Number of units to add, or below zero to remove.
Example: -2"""
UnavailableReason = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_REASON_LENGTH, pattern=r"\S")
]
"""Reason for which units are excluded from sale, such as damaged or quality_control.
Example: damaged"""


class StockEntryBody(BaseModel):
    """The fields that all stock entries share."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    version: Version
    """Version of the stock level that was read, 0 for a new one.
    Example: 3"""
    reason: Reference = ""
    """Reason in the words of staff, 200 characters at most.
    Example: recount of aisle 4"""
    reference: Reference = ""

    def audit_info(self, actor: str, at: datetime) -> AuditInfo:
        return AuditInfo(actor, at, self.reason, self.reference)


class _LocatedEntry(StockEntryBody):
    location: Location = MAIN_LOCATION

    def _target(self, stock_writer: StockWriter) -> dict[str, Any]:
        """Return the arguments of a use case that name the stock level to change."""
        return {
            "expected_version": self.version,
            "location": self.location,
            "stock_writer": stock_writer,
        }


class AdjustEntry(_LocatedEntry):
    """A correction: the location holds more or fewer units than recorded."""

    kind: Literal["adjust"]
    """Type of the movement."""
    delta: Difference
    reason: Reason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.adjust_stock(self.sku, self.delta, audit, **self._target(stock_writer))


class ReceiveEntry(_LocatedEntry):
    """A delivery from a supplier."""

    kind: Literal["receive"]
    """Type of the movement."""
    units: Units
    announced: bool = True
    """Whether the units were counted as incoming before.
    Example: true"""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.receive_stock(
            self.sku, self.units, audit, announced=self.announced, **self._target(stock_writer)
        )


class ExpectEntry(_LocatedEntry):
    """Units ordered from a supplier; negative units cancel such an order."""

    kind: Literal["expect"]
    """Type of the movement."""
    units: Difference

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.expect_inbound(self.sku, self.units, audit, **self._target(stock_writer))


class RestockReturnEntry(_LocatedEntry):
    """Goods that a customer returned."""

    kind: Literal["return"]
    """Type of the movement."""
    units: Units
    damage_reason: UnavailableReason | None = None
    """Reason for which the units are excluded from sale; absent if they are sold again."""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.restock_return(
            self.sku,
            self.units,
            audit,
            damage_reason=self.damage_reason,
            **self._target(stock_writer),
        )


class SetAsideEntry(_LocatedEntry):
    """Units on hand that are excluded from sale."""

    kind: Literal["set_aside"]
    """Type of the movement."""
    units: Units
    unavailable_reason: UnavailableReason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_aside(
            self.sku, self.units, self.unavailable_reason, audit, **self._target(stock_writer)
        )


class ReleaseSetAsideEntry(_LocatedEntry):
    """Units that were set aside and are released for sale."""

    kind: Literal["release"]
    """Type of the movement."""
    units: Units
    unavailable_reason: UnavailableReason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_aside(
            self.sku, -self.units, self.unavailable_reason, audit, **self._target(stock_writer)
        )


class WriteOffEntry(_LocatedEntry):
    """Goods that are lost or disposed of."""

    kind: Literal["write_off"]
    """Type of the movement."""
    units: Units
    reason: Reason
    unavailable_reason: UnavailableReason | None = None
    """Reason for which the units were set aside; absent for units that were for sale."""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.write_off_stock(
            self.sku,
            self.units,
            audit,
            unavailable_reason=self.unavailable_reason,
            **self._target(stock_writer),
        )


class SafetyStockEntry(_LocatedEntry):
    """A change of the units that are withheld from sale."""

    kind: Literal["safety_stock"]
    """Type of the movement."""
    units: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    """Number of units; it replaces the former one.
    Example: 5"""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_safety_stock(self.sku, self.units, audit, **self._target(stock_writer))


class MovementRequest(
    RootModel[
        Annotated[
            AdjustEntry
            | ReceiveEntry
            | ExpectEntry
            | RestockReturnEntry
            | SetAsideEntry
            | ReleaseSetAsideEntry
            | WriteOffEntry
            | SafetyStockEntry,
            Field(discriminator="kind"),
        ]
    ]
):
    """A stock movement; ``kind`` is its type."""


class StockMovementView(BaseModel):
    """An entry of the stock journal. All numbers are differences in units."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    """Instant of the movement."""
    kind: str
    """Type of the movement."""
    location: str
    """Name of the location."""
    actor: str
    """Staff user or process that wrote the entry."""
    reason: str
    """Reason in the words of the actor."""
    reference: str
    """Document behind the entry, such as an order or a delivery note."""
    on_hand: int
    """Difference in units on hand."""
    unavailable: dict[str, int]
    """Difference in units excluded from sale, by reason."""
    safety: int
    """Difference in safety stock."""
    incoming: int
    """Difference in units ordered from suppliers."""
    in_transit: int
    """Difference in units under way from other locations."""
    earmarked: int
    """Difference in units set aside for back-orders."""
    available: int
    """Difference in available units."""


class StockMovementListView(BaseModel):
    """The movements of a SKU, newest first."""

    movements: list[StockMovementView]
    """Movements, newest first."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[StockMovement]) -> "StockMovementListView":
        # The fields of the view are those of the movement.
        movements = [StockMovementView.model_validate(movement) for movement in page.items]
        return cls(movements=movements, cursor=page.cursor)
