"""What moves goods, as staff write it down, and the journal, as they read it."""

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
    Example: recount of shelf 4"""
    reference: Reference = ""

    def audit_info(self, actor: str, at: datetime) -> AuditInfo:
        return AuditInfo(actor, at, self.reason, self.reference)


class _Here(StockEntryBody):
    location: Location = MAIN_LOCATION

    def _where(self, stock_writer: StockWriter) -> dict[str, Any]:
        return {
            "expected_version": self.version,
            "location": self.location,
            "stock_writer": stock_writer,
        }


class AdjustEntry(_Here):
    """A correction: the location holds more or fewer units than recorded."""

    kind: Literal["adjust"]
    """Kind of the entry."""
    delta: Difference
    reason: Reason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.adjust_stock(self.sku, self.delta, audit, **self._where(stock_writer))


class ReceiveEntry(_Here):
    """A delivery from a supplier."""

    kind: Literal["receive"]
    """Kind of the entry."""
    units: Units
    announced: bool = True
    """Whether the units were counted as incoming before.
    Example: true"""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        path = self._where(stock_writer)
        return actions.receive_stock(self.sku, self.units, audit, announced=self.announced, **path)


class ExpectEntry(_Here):
    """An order placed with a supplier; below zero it is reduced or cancelled."""

    kind: Literal["expect"]
    """Kind of the entry."""
    units: Difference

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.expect_inbound(self.sku, self.units, audit, **self._where(stock_writer))


class RestockReturnEntry(_Here):
    """Goods that a customer returned."""

    kind: Literal["take_back"]
    """Kind of the entry."""
    units: Units
    damage_reason: UnavailableReason | None = None
    """Reason for which the units are excluded from sale; absent if they are sold again."""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.restock_return(
            self.sku,
            self.units,
            audit,
            damage_reason=self.damage_reason,
            **self._where(stock_writer),
        )


class SetAsideEntry(_Here):
    """Units on hand that are excluded from sale."""

    kind: Literal["set_aside"]
    """Kind of the entry."""
    units: Units
    unavailable_reason: UnavailableReason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_aside(
            self.sku, self.units, self.unavailable_reason, audit, **self._where(stock_writer)
        )


class ReleaseSetAsideEntry(_Here):
    """Units that were set aside for a reason and are for sale again."""

    kind: Literal["bring_back"]
    """Kind of the entry."""
    units: Units
    unavailable_reason: UnavailableReason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_aside(
            self.sku, -self.units, self.unavailable_reason, audit, **self._where(stock_writer)
        )


class WriteOffEntry(_Here):
    """Goods that are lost or disposed of."""

    kind: Literal["write_off"]
    """Kind of the entry."""
    units: Units
    reason: Reason
    unavailable_reason: UnavailableReason | None = None
    """Reason under which the units were set aside; absent for units that were for sale."""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.write_off_stock(
            self.sku,
            self.units,
            audit,
            unavailable_reason=self.unavailable_reason,
            **self._where(stock_writer),
        )


class SafetyStockEntry(_Here):
    """The units that are withheld from sale from now on."""

    kind: Literal["safety_stock"]
    """Kind of the entry."""
    units: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    """Number of units; it replaces the former one.
    Example: 5"""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_safety_stock(self.sku, self.units, audit, **self._where(stock_writer))


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
    """One entry of the stock journal; ``kind`` names its type."""


class StockMovementView(BaseModel):
    """An entry of the stock journal. All numbers are differences in units."""

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

    @staticmethod
    def of(movement: StockMovement) -> "StockMovementView":
        return StockMovementView(
            at=movement.at,
            kind=movement.kind.value,
            location=movement.location,
            actor=movement.actor,
            reason=movement.reason,
            reference=movement.reference,
            on_hand=movement.on_hand,
            unavailable=dict(movement.unavailable),
            safety=movement.safety,
            incoming=movement.incoming,
            in_transit=movement.in_transit,
            earmarked=movement.earmarked,
            available=movement.available,
        )


class StockMovementListView(BaseModel):
    """The movements of a SKU, newest first."""

    movements: list[StockMovementView]
    """Movements, newest first."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @staticmethod
    def of(page: Page[StockMovement]) -> "StockMovementListView":
        lines = [StockMovementView.of(movement) for movement in page.items]
        return StockMovementListView(movements=lines, cursor=page.cursor)
