"""What moves goods, as staff write it down, and the journal, as they read it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.actions.stock_movements import MAX_REASON_LENGTH
from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, StockLevel, StockMovement
from shop.inventory.ports import StockWriter
from shop.inventory.schemas.levels import Location, Reason, Reference, Sku, StockView, Units
from shop.inventory.schemas.locations import Version
from shop.kernel.errors import NotFound, ShopError
from shop.kernel.frozen import frozen
from shop.kernel.pagination import Page
from shop.kernel.unit_of_work import WriteOperation

Difference = Annotated[int, Field(ge=-MAX_UNITS, le=MAX_UNITS)]
UnavailableReason = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_REASON_LENGTH, pattern=r"\S")
]
"""What units are set aside under: ``damaged``, ``quality_control``, …"""


class StockEntryBody(BaseModel):
    """What every entry says: of which SKU and where, from which version, why, by which paper."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    version: Version
    reason: Reference = ""
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
    """So many units more, or fewer, are there than the book says."""

    kind: Literal["adjust"]
    delta: Difference
    reason: Reason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.adjust_stock(self.sku, self.delta, audit, **self._where(stock_writer))


class ReceiveEntry(_Here):
    """Goods came; ``announced`` ones were incoming until now."""

    kind: Literal["receive"]
    units: Units
    announced: bool = True

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        path = self._where(stock_writer)
        return actions.receive_stock(self.sku, self.units, audit, announced=self.announced, **path)


class ExpectEntry(_Here):
    """Goods were ordered from the supplier or, below zero, will not come after all."""

    kind: Literal["expect"]
    units: Difference

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.expect_inbound(self.sku, self.units, audit, **self._where(stock_writer))


class RestockReturnEntry(_Here):
    """Goods came back from a customer; ``damaged`` tells why they are not for sale again."""

    kind: Literal["take_back"]
    units: Units
    damage_reason: UnavailableReason | None = None

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.restock_return(
            self.sku,
            self.units,
            audit,
            damage_reason=self.damage_reason,
            **self._where(stock_writer),
        )


class SetAsideEntry(_Here):
    """Units that are there are not for sale."""

    kind: Literal["set_aside"]
    units: Units
    unavailable_reason: UnavailableReason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_aside(
            self.sku, self.units, self.unavailable_reason, audit, **self._where(stock_writer)
        )


class ReleaseSetAsideEntry(_Here):
    """Units that were set aside for this reason are for sale again."""

    kind: Literal["bring_back"]
    units: Units
    unavailable_reason: UnavailableReason

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.set_aside(
            self.sku, -self.units, self.unavailable_reason, audit, **self._where(stock_writer)
        )


class WriteOffEntry(_Here):
    """Goods are lost or thrown away: of those for sale, or of those that ``aside`` names."""

    kind: Literal["write_off"]
    units: Units
    reason: Reason
    unavailable_reason: UnavailableReason | None = None

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> StockLevel:
        return actions.write_off_stock(
            self.sku,
            self.units,
            audit,
            unavailable_reason=self.unavailable_reason,
            **self._where(stock_writer),
        )


class SafetyStockEntry(_Here):
    """So many units are kept back from sale, from now on."""

    kind: Literal["safety_stock"]
    units: Annotated[int, Field(ge=0, le=MAX_UNITS)]

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
    """One entry in the stock book; ``kind`` tells which."""


@frozen
class _Naming:
    """The stock book, which says by its field of the body which location the shop does not have."""

    book: StockWriter
    fields: Mapping[str, str]

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        try:
            return self.book.level(sku, location)
        except NotFound as refusal:
            if refusal.code != "location_unknown":
                raise
            path = self.fields[location]
            raise NotFound(refusal.detail, code=refusal.code, path=path) from None

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *more: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        return self.book.write_movement(movement, before, *more, extra_writes=extra_writes)


class TransferDispatchEntry(StockEntryBody):
    """Goods leave for another location. ``version`` is that of the level they leave."""

    kind: Literal["dispatch"]
    units: Units
    source: Location
    target: Location

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> object:
        return actions.dispatch_transfer(
            self.sku,
            self.units,
            audit,
            source=self.source,
            target=self.target,
            expected_version=self.version,
            stock_writer=_Naming(stock_writer, {self.target: "$.target", self.source: "$.source"}),
        )


class TransferReceiptEntry(StockEntryBody):
    """Goods sent by another location are here; ``lost`` ones never came. ``version`` is that of the
    level they arrive at."""

    kind: Literal["arrive"]
    units: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    lost: Annotated[int, Field(ge=0, le=MAX_UNITS)] = 0
    target: Location

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> object:
        return actions.receive_transfer(
            self.sku,
            self.units,
            audit,
            lost=self.lost,
            target=self.target,
            expected_version=self.version,
            stock_writer=_Naming(stock_writer, {self.target: "$.target"}),
        )


class TransferRequest(
    RootModel[Annotated[TransferDispatchEntry | TransferReceiptEntry, Field(discriminator="kind")]]
):
    """One step of a transfer; ``kind`` tells which."""


class TransferView(BaseModel):
    """The levels that a step of a transfer moved: where goods left, where they come or came."""

    levels: list[StockView]

    @staticmethod
    def answered(levels: Sequence[StockLevel]) -> Mapping[str, Any]:
        view = TransferView(levels=[StockView.of(level) for level in levels])
        return view.model_dump(mode="json", exclude_none=True)


class StockTakeLineBody(BaseModel):
    """What was counted of one SKU."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    on_hand: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    version: Version


class StockTakeRequest(BaseModel):
    """What was counted of many SKUs at one location."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    lines: Annotated[list[StockTakeLineBody], Field(min_length=1, max_length=200)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "stock count"
    reference: Reference = ""
    location: Location = MAIN_LOCATION

    def lines_to_record(self) -> list[tuple[str, int, int]]:
        return [(line.sku, line.on_hand, line.version) for line in self.lines]


class StockTakeLineView(BaseModel):
    """A line that was kept, with its level, or refused, with the reason."""

    sku: str
    recorded: bool
    level: StockView | None = None
    code: str | None = None
    detail: str | None = None


class StockTakeView(BaseModel):
    """What became of each line, in order. Those not kept are counted again."""

    recorded: int
    refused: int
    lines: list[StockTakeLineView]

    @staticmethod
    def of(
        lines: Sequence[StockTakeLineBody], done: Sequence[Mapping[str, Any] | ShopError]
    ) -> "StockTakeView":
        told = [
            StockTakeLineView(sku=line.sku, recorded=False, code=one.code, detail=one.detail)
            if isinstance(one, ShopError)
            else StockTakeLineView(sku=line.sku, recorded=True, level=StockView.model_validate(one))
            for line, one in zip(lines, done, strict=True)
        ]
        stored = sum(line.recorded for line in told)
        return StockTakeView(recorded=stored, refused=len(told) - stored, lines=told)


class StockMovementView(BaseModel):
    """A line of the journal. The numbers are differences."""

    at: datetime
    kind: str
    location: str
    actor: str
    reason: str
    reference: str
    on_hand: int
    unavailable: dict[str, int]
    safety: int
    incoming: int
    in_transit: int
    earmarked: int
    available: int

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
    cursor: str | None = None

    @staticmethod
    def of(page: Page[StockMovement]) -> "StockMovementListView":
        lines = [StockMovementView.of(movement) for movement in page.items]
        return StockMovementListView(movements=lines, cursor=page.cursor)
