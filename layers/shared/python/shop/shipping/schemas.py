"""The shipping table as staff write and read it, and what it makes of a parcel."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.money import CURRENCIES, Money
from shop.kernel.pagination import Page
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.places.model.destination import Destination
from shop.shipping.model import Consignment, ConsignmentItem, ShippingOption, ShippingTable
from shop.shipping.model.table_versions import ShippingTableVersion

_TOLD = ("at", "actor", "bundled")
"""What a view says of a table and a body sent back may still hold."""


class ShippingTableBody(BaseModel):
    """A shipping table as docs/rules/pricing.md (§9) describes it: ``zones``, ``methods``,
    ``nowhere``, ``distances``, ``dispatch``, ``assumed_g``. What it may hold, the model checks
    itself: each problem comes back with its path.

    ``version`` is the one that was read, 0 for the table that the shop comes with: a change is
    refused where somebody else was quicker. It may come as ``If-Match``.
    """

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.shipping.model:ShippingTable"},
    )

    version: Annotated[int, Field(ge=0, le=10**9, strict=True)] | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] = ""

    def table(self) -> ShippingTable:
        """Raises Invalid with field and reason of every contradiction."""
        if CONTROL_CHARACTERS.search(self.reason) or TAG.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        told = dict(self.model_extra or {})
        for name in _TOLD:
            told.pop(name, None)
        return ShippingTable.from_dict(told)


class ShippingTableView(BaseModel):
    """A table with its version, and since when it holds; further members as they were written.

    ``bundled`` is true of the one that the shop comes with.
    """

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.shipping.model:ShippingTable"},
    )

    version: int
    at: datetime
    actor: str
    reason: str
    bundled: bool

    @classmethod
    def of(cls, edition: ShippingTableVersion) -> "ShippingTableView":
        told: dict[str, Any] = {
            **edition.table.to_dict(),
            "version": edition.version,
            "at": edition.at,
            "actor": edition.actor,
            "reason": edition.reason,
            "bundled": edition.version == 0,
        }
        return cls(**told)


class ShippingTableVersionView(BaseModel):
    """A version of the table, without what it says."""

    version: int
    at: datetime
    actor: str
    reason: str
    zones: int
    methods: int


class ShippingHistoryView(BaseModel):
    """The versions, newest first; the last of them is the table that the shop comes with."""

    versions: list[ShippingTableVersionView]
    cursor: str | None = None

    @classmethod
    def of(cls, page: Page[ShippingTableVersion]) -> "ShippingHistoryView":
        return cls(
            versions=[
                ShippingTableVersionView(
                    version=edition.version,
                    at=edition.at,
                    actor=edition.actor,
                    reason=edition.reason,
                    zones=len(edition.table.zones),
                    methods=len(edition.table.methods),
                )
                for edition in page.items
            ],
            cursor=page.cursor,
        )


_Measure = Annotated[int, Field(ge=0, le=10**9)]


class SimulatedItem(BaseModel):
    """So many units of something; weight and sizes are of one."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    weight_g: _Measure | None = None
    length_mm: _Measure | None = None
    width_mm: _Measure | None = None
    height_mm: _Measure | None = None


class SimulatedValue(BaseModel):
    """What the goods cost, in minor units."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    amount: Annotated[int, Field(ge=0, le=10**12)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class SimulatedDestination(BaseModel):
    """A destination."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    region: Annotated[str, StringConstraints(max_length=60)] | None = None
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None


class ShippingSimulationBody(BaseModel):
    """Goods and a destination; with ``table`` by that one, else by the one in force."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    to: SimulatedDestination
    items: Annotated[list[SimulatedItem], Field(min_length=1, max_length=1_000)]
    value: SimulatedValue
    table: Annotated[
        dict[str, Any] | None,
        Field(json_schema_extra={"x-model": "shop.shipping.model:ShippingTable"}),
    ] = None

    def goods(self) -> Consignment:
        if self.value.currency not in CURRENCIES:
            raise InvalidRequest(
                f"{self.value.currency!r} is no currency",
                code="currency_unknown",
                path="$.value.currency",
            )
        items = tuple(ConsignmentItem(**item.model_dump()) for item in self.items)
        return Consignment(items, Money(self.value.amount, self.value.currency))

    def place(self) -> Destination:
        return Destination(self.to.country, self.to.region, self.to.postal_code)

    def draft(self) -> ShippingTable | None:
        """Raises Invalid, with the paths of ``$.table``."""
        if self.table is None:
            return None
        told = {n: v for n, v in self.table.items() if n not in (*_TOLD, "version", "reason")}
        try:
            return ShippingTable.from_dict(told)
        except InvalidRequest as refusal:
            problems = [
                Problem(p.code, p.detail, f"$.table{(p.path or '$')[1:]}") for p in refusal.problems
            ]
            raise InvalidRequest(refusal.detail, code=refusal.code, problems=problems) from None


class ShippingOptionView(BaseModel):
    """A way these goods may go. ``carbon_g`` is there where the method says it."""

    id: str
    title: str
    carrier: str
    price: int
    currency: str
    parcels: int
    earliest: datetime
    latest: datetime
    carbon_g: int | None = None


class ShippingSimulationView(BaseModel):
    """The zone that holds the place, and the ways there, cheapest first."""

    zone: str | None
    options: list[ShippingOptionView]

    @classmethod
    def of(cls, zone: str | None, options: tuple[ShippingOption, ...]) -> "ShippingSimulationView":
        return cls(
            zone=zone,
            options=[
                ShippingOptionView(
                    id=o.id,
                    title=o.title,
                    carrier=o.carrier,
                    price=o.price.minor,
                    currency=o.price.currency,
                    parcels=o.parcels,
                    earliest=o.earliest,
                    latest=o.latest,
                    carbon_g=o.carbon_g,
                )
                for o in options
            ],
        )
