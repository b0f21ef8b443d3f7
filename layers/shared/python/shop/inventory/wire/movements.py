"""What moves goods, as staff write it down, and the journal, as they read it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from shop.inventory import actions
from shop.inventory.actions import Slip
from shop.inventory.actions.goods import REASON_LENGTH
from shop.inventory.model import MAIN, MOST, Movement, StockLevel
from shop.inventory.ports import Book
from shop.inventory.wire.levels import Location, Reason, Said, Sku, StockView, Units
from shop.inventory.wire.sourcing import Version
from shop.kernel.errors import NotFound, Refusal
from shop.kernel.frozen import frozen
from shop.kernel.paging import Page
from shop.kernel.transactions import Part

Difference = Annotated[int, Field(ge=-MOST, le=MOST)]
Why = Annotated[str, StringConstraints(min_length=1, max_length=REASON_LENGTH, pattern=r"\S")]
"""What units are set aside under: ``damaged``, ``quality_control``, …"""


class Entry(BaseModel):
    """What every entry says: of which SKU and where, from which version, why, by which paper."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    version: Version
    reason: Said = ""
    reference: Said = ""

    def slip(self, actor: str, at: datetime) -> Slip:
        return Slip(actor, at, self.reason, self.reference)


class _Here(Entry):
    location: Location = MAIN

    def _where(self, book: Book) -> dict[str, Any]:
        return {"expected_version": self.version, "location": self.location, "stock": book}


class Adjust(_Here):
    """So many units more, or fewer, are there than the book says."""

    kind: Literal["adjust"]
    delta: Difference
    reason: Reason

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.adjust(self.sku, self.delta, slip, **self._where(book))


class Receive(_Here):
    """Goods came; ``announced`` ones were incoming until now."""

    kind: Literal["receive"]
    units: Units
    announced: bool = True

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        where = self._where(book)
        return actions.receive(self.sku, self.units, slip, announced=self.announced, **where)


class Expect(_Here):
    """Goods were ordered from the supplier or, below zero, will not come after all."""

    kind: Literal["expect"]
    units: Difference

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.expect(self.sku, self.units, slip, **self._where(book))


class TakeBack(_Here):
    """Goods came back from a customer; ``damaged`` tells why they are not for sale again."""

    kind: Literal["take_back"]
    units: Units
    damaged: Why | None = None

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.take_back(
            self.sku, self.units, slip, damaged=self.damaged, **self._where(book)
        )


class SetAside(_Here):
    """Units that are there are not for sale."""

    kind: Literal["set_aside"]
    units: Units
    why: Why

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.hold_back(self.sku, self.units, self.why, slip, **self._where(book))


class BringBack(_Here):
    """Units that were set aside for this reason are for sale again."""

    kind: Literal["bring_back"]
    units: Units
    why: Why

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.hold_back(self.sku, -self.units, self.why, slip, **self._where(book))


class WriteOff(_Here):
    """Goods are lost or thrown away: of those for sale, or of those that ``aside`` names."""

    kind: Literal["write_off"]
    units: Units
    reason: Reason
    aside: Why | None = None

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.write_off(self.sku, self.units, slip, aside=self.aside, **self._where(book))


class KeepSafety(_Here):
    """So many units are kept back from sale, from now on."""

    kind: Literal["safety_stock"]
    units: Annotated[int, Field(ge=0, le=MOST)]

    def enter(self, book: Book, slip: Slip) -> StockLevel:
        return actions.keep_safety(self.sku, self.units, slip, **self._where(book))


class MovementRequest(
    RootModel[
        Annotated[
            Adjust | Receive | Expect | TakeBack | SetAside | BringBack | WriteOff | KeepSafety,
            Field(discriminator="kind"),
        ]
    ]
):
    """One entry in the stock book; ``kind`` tells which."""


@frozen
class _Naming:
    """The stock book, which says by its field of the body which location the shop does not have."""

    book: Book
    fields: Mapping[str, str]

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        try:
            return self.book.level(sku, location)
        except NotFound as refusal:
            if refusal.code != "location_unknown":
                raise
            path = self.fields[location]
            raise NotFound(refusal.detail, code=refusal.code, path=path) from None

    def record(
        self,
        movement: Movement,
        before: StockLevel,
        *more: tuple[Movement, StockLevel],
        along: Sequence[Part] = (),
    ) -> StockLevel:
        return self.book.record(movement, before, *more, along=along)


class Dispatch(Entry):
    """Goods leave for another location. ``version`` is that of the level they leave."""

    kind: Literal["dispatch"]
    units: Units
    source: Location
    target: Location

    def enter(self, book: Book, slip: Slip) -> object:
        return actions.dispatch(
            self.sku,
            self.units,
            slip,
            source=self.source,
            target=self.target,
            expected_version=self.version,
            stock=_Naming(book, {self.target: "$.target", self.source: "$.source"}),
        )


class Arrive(Entry):
    """Goods sent by another location are here; ``lost`` ones never came. ``version`` is that of the
    level they arrive at."""

    kind: Literal["arrive"]
    units: Annotated[int, Field(ge=0, le=MOST)]
    lost: Annotated[int, Field(ge=0, le=MOST)] = 0
    target: Location

    def enter(self, book: Book, slip: Slip) -> object:
        return actions.arrive(
            self.sku,
            self.units,
            slip,
            lost=self.lost,
            target=self.target,
            expected_version=self.version,
            stock=_Naming(book, {self.target: "$.target"}),
        )


class TransferRequest(RootModel[Annotated[Dispatch | Arrive, Field(discriminator="kind")]]):
    """One step of a transfer; ``kind`` tells which."""


class TransferView(BaseModel):
    """The levels that a step of a transfer moved: where goods left, where they come or came."""

    levels: list[StockView]

    @staticmethod
    def answered(levels: Sequence[StockLevel]) -> Mapping[str, Any]:
        view = TransferView(levels=[StockView.of(level) for level in levels])
        return view.model_dump(mode="json", exclude_none=True)


class CountedLine(BaseModel):
    """What was counted of one SKU."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    sku: Sku
    on_hand: Annotated[int, Field(ge=0, le=MOST)]
    version: Version


class StockTakeRequest(BaseModel):
    """What was counted of many SKUs at one location."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    lines: Annotated[list[CountedLine], Field(min_length=1, max_length=200)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "stock count"
    reference: Said = ""
    location: Location = MAIN

    def counted(self) -> list[tuple[str, int, int]]:
        return [(line.sku, line.on_hand, line.version) for line in self.lines]


class TakenLine(BaseModel):
    """A line that was kept, with its level, or refused, with the reason."""

    sku: str
    kept: bool
    level: StockView | None = None
    code: str | None = None
    detail: str | None = None


class StockTakeView(BaseModel):
    """What became of each line, in order. Those not kept are counted again."""

    kept: int
    refused: int
    lines: list[TakenLine]

    @staticmethod
    def of(
        lines: Sequence[CountedLine], done: Sequence[Mapping[str, Any] | Refusal]
    ) -> "StockTakeView":
        told = [
            TakenLine(sku=line.sku, kept=False, code=one.code, detail=one.detail)
            if isinstance(one, Refusal)
            else TakenLine(sku=line.sku, kept=True, level=StockView.model_validate(one))
            for line, one in zip(lines, done, strict=True)
        ]
        kept = sum(line.kept for line in told)
        return StockTakeView(kept=kept, refused=len(told) - kept, lines=told)


class MovementView(BaseModel):
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
    def of(movement: Movement) -> "MovementView":
        return MovementView(
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


class JournalView(BaseModel):
    """The movements of a SKU, newest first."""

    movements: list[MovementView]
    cursor: str | None = None

    @staticmethod
    def of(page: Page[Movement]) -> "JournalView":
        lines = [MovementView.of(movement) for movement in page.items]
        return JournalView(movements=lines, cursor=page.cursor)
