"""Requests and responses of stock transfers between locations, for staff."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, StockLevel, StockMovement
from shop.inventory.ports import StockWriter
from shop.inventory.schemas.levels import Location, StockView, Units
from shop.inventory.schemas.movements import StockEntryBody
from shop.kernel.errors import NotFound
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import WriteOperation


@frozen
class _LocationPathWriter:
    """A stock writer whose error for an unknown location has the path of its field."""

    stock_writer: StockWriter
    paths: Mapping[str, str]

    def level(self, sku: str, location: str = MAIN_LOCATION) -> StockLevel:
        try:
            return self.stock_writer.level(sku, location)
        except NotFound as error:
            if error.code != "location_unknown":
                raise
            path = self.paths[location]
            raise NotFound(error.detail, code=error.code, path=path) from None

    def write_movement(
        self,
        movement: StockMovement,
        before: StockLevel,
        *additional: tuple[StockMovement, StockLevel],
        extra_writes: Sequence[WriteOperation] = (),
    ) -> StockLevel:
        return self.stock_writer.write_movement(
            movement, before, *additional, extra_writes=extra_writes
        )


class TransferDispatchEntry(StockEntryBody):
    """Goods that are sent to another location; ``version`` is that of the source's level."""

    kind: Literal["dispatch"]
    """Step of the transfer."""
    units: Units
    source: Location
    """Location that the goods leave.
    Example: main"""
    target: Location
    """Location that the goods are sent to.
    Example: berlin"""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> object:
        return actions.dispatch_transfer(
            self.sku,
            self.units,
            audit,
            source=self.source,
            target=self.target,
            expected_version=self.version,
            stock_writer=_LocationPathWriter(
                stock_writer, {self.target: "$.target", self.source: "$.source"}
            ),
        )


class TransferReceiptEntry(StockEntryBody):
    """Goods that arrive from another location; ``version`` is that of the target's level."""

    kind: Literal["receive"]
    """Step of the transfer."""
    units: Annotated[int, Field(ge=0, le=MAX_UNITS)]
    """Units that arrived.
    Example: 11"""
    lost: Annotated[int, Field(ge=0, le=MAX_UNITS)] = 0
    """Units that were sent and did not arrive.
    Example: 1"""
    target: Location
    """Location that the goods arrive at.
    Example: berlin"""

    def apply(self, stock_writer: StockWriter, audit: AuditInfo) -> object:
        return actions.receive_transfer(
            self.sku,
            self.units,
            audit,
            lost=self.lost,
            target=self.target,
            expected_version=self.version,
            stock_writer=_LocationPathWriter(stock_writer, {self.target: "$.target"}),
        )


class TransferRequest(
    RootModel[Annotated[TransferDispatchEntry | TransferReceiptEntry, Field(discriminator="kind")]]
):
    """One step of a transfer; ``kind`` is its type."""


class TransferView(BaseModel):
    """The stock levels that a step of a transfer changed."""

    levels: list[StockView]
    """Stock levels after the step."""

    @staticmethod
    def response(levels: Sequence[StockLevel]) -> Mapping[str, Any]:
        """Return the response to a step that changed these levels."""
        view = TransferView(levels=[StockView.of(level) for level in levels])
        return view.model_dump(mode="json", exclude_none=True)
