"""Requests and responses of the shipping table and its simulation, for staff."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.money import CURRENCIES, Money
from shop.kernel.pagination import Page
from shop.kernel.text_validation import CONTROL_CHARACTERS, MARKUP_MESSAGE, TAG
from shop.places.model.countries import validate_country, validate_stated_country
from shop.places.model.destination import Destination, StatedPlace, checked_destination
from shop.shipping.model import (
    Consignment,
    ConsignmentItem,
    ShippingOption,
    ShippingTable,
    Undeliverable,
)
from shop.shipping.model.table_versions import ShippingTableVersion

_VIEW_FIELDS = ("at", "actor", "bundled")
"""Fields of a response that a request may send back; their values are ignored."""


class ShippingTableBody(BaseModel):
    """A shipping table, as docs/rules/pricing.md (§9) describes it.

    The domain model validates it; each problem has the path of its field.
    """

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.shipping.model:ShippingTable"},
    )

    version: Annotated[int, Field(ge=0, le=10**9, strict=True)] | None = None
    """Version that was read, 0 for the bundled table; ``If-Match`` may give it instead.
    Example: 3"""
    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    """Reason for the change, 500 characters at most.
    Example: Raise express prices"""

    def table(self) -> ShippingTable:
        """Parse the table. Raises InvalidRequest with the path of each problem."""
        if CONTROL_CHARACTERS.search(self.reason) or TAG.search(self.reason):
            raise InvalidRequest(MARKUP_MESSAGE, code="markup_not_allowed", path="$.reason")
        fields = dict(self.model_extra or {})
        for name in _VIEW_FIELDS:
            fields.pop(name, None)
        return ShippingTable.from_dict(fields)


class ShippingTableView(BaseModel):
    """A shipping table with its version."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.shipping.model:ShippingTable"},
    )

    version: int
    """Version of the table; 0 for the bundled one."""
    at: datetime
    """Instant from which this version applies."""
    actor: str
    """Staff user who wrote this version."""
    reason: str
    """Reason for the change."""
    bundled: bool
    """Whether this is the table that the shop comes with."""

    @classmethod
    def of(cls, stored: ShippingTableVersion) -> "ShippingTableView":
        fields: dict[str, Any] = {
            **stored.table.to_dict(),
            "version": stored.version,
            "at": stored.at,
            "actor": stored.actor,
            "reason": stored.reason,
            "bundled": stored.version == 0,
        }
        return cls(**fields)


class ShippingTableVersionView(BaseModel):
    """A version of the shipping table, without its content."""

    version: int
    """Version of the table; 0 for the bundled one."""
    at: datetime
    """Instant from which this version applies."""
    actor: str
    """Staff user who wrote this version."""
    reason: str
    """Reason for the change."""
    zones: int
    """Number of zones."""
    methods: int
    """Number of shipping methods."""


class ShippingHistoryView(BaseModel):
    """The versions, newest first; the last one is the bundled table."""

    versions: list[ShippingTableVersionView]
    """Versions of the table, newest first."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[ShippingTableVersion]) -> "ShippingHistoryView":
        return cls(
            versions=[
                ShippingTableVersionView(
                    version=stored.version,
                    at=stored.at,
                    actor=stored.actor,
                    reason=stored.reason,
                    zones=len(stored.table.zones),
                    methods=len(stored.table.methods),
                )
                for stored in page.items
            ],
            cursor=page.cursor,
        )


_Measure = Annotated[int, Field(ge=0, le=10**9)]


class SimulatedItem(BaseModel):
    """Units of one kind; weight and dimensions are those of one unit."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    """Number of units, from 1 to 1,000,000.
    Example: 2"""
    weight_g: _Measure | None = None
    """Weight of a unit in grams; without it the table's default applies.
    Example: 450"""
    length_mm: _Measure | None = None
    """Length of a unit in millimetres.
    Example: 120"""
    width_mm: _Measure | None = None
    """Width of a unit in millimetres.
    Example: 90"""
    height_mm: _Measure | None = None
    """Height of a unit in millimetres.
    Example: 100"""


class SimulatedValue(BaseModel):
    """The value of the goods."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    amount: Annotated[int, Field(ge=0, le=10**12)]
    """Value in minor units of the currency.
    Example: 2598"""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    """Currency as an ISO 4217 code.
    Example: USD"""


class SimulatedDestination(BaseModel):
    """The destination of the goods."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    country: Annotated[str, AfterValidator(validate_stated_country)]
    """Country by code or name; it is read with the region: Northern Ireland is a region of GB.
    Example: US"""
    region: Annotated[str, StringConstraints(max_length=100)] | None = None
    """Region within the country, such as a US state, by code or name.
    Example: CA"""
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None
    """Postal code, 20 characters at most.
    Example: "94107"
    """


class ShippingSimulationBody(BaseModel):
    """Goods and a destination, priced by the draft in ``table`` or by the current table."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    to: SimulatedDestination
    """Destination of the goods.
    Example: {"country": "US", "region": "CA", "postal_code": "94107"}"""
    items: Annotated[list[SimulatedItem], Field(min_length=1, max_length=1_000)]
    """The goods, 1,000 kinds at most.
    Example: [{"quantity": 2, "weight_g": 450}]"""
    value: SimulatedValue
    """Value of the goods.
    Example: {"amount": 2598, "currency": "USD"}"""
    table: Annotated[
        dict[str, Any] | None,
        Field(json_schema_extra={"x-model": "shop.shipping.model:ShippingTable"}),
    ] = None
    """A draft of a shipping table; without it the current table applies."""

    def goods(self) -> Consignment:
        """Build the consignment. Raises InvalidRequest (``currency_unknown``)."""
        if self.value.currency not in CURRENCIES:
            raise InvalidRequest(
                "Currency must be an ISO 4217 code such as USD.",
                code="currency_unknown",
                path="$.value.currency",
            )
        items = tuple(ConsignmentItem(**item.model_dump()) for item in self.items)
        return Consignment(items, Money(self.value.amount, self.value.currency))

    def destination(self, table: ShippingTable) -> Destination:
        """Return the destination.

        Raises InvalidRequest for an unknown region, and for a missing one where the table or the
        country's addresses depend on it.
        """
        return checked_destination(
            StatedPlace(self.to.country, self.to.region, postal_code=self.to.postal_code),
            ("$.to.country", "$.to.region"),
            table.regions_named(validate_country(self.to.country)),
        )

    def draft(self) -> ShippingTable | None:
        """Parse the draft, if any. Raises InvalidRequest with paths below ``$.table``."""
        if self.table is None:
            return None
        ignored = (*_VIEW_FIELDS, "version", "reason")
        fields = {name: value for name, value in self.table.items() if name not in ignored}
        try:
            return ShippingTable.from_dict(fields)
        except InvalidRequest as error:
            problems = [
                Problem(p.code, p.detail, f"$.table{(p.path or '$')[1:]}") for p in error.problems
            ]
            raise InvalidRequest(error.detail, code=error.code, problems=problems) from None


class ShippingOptionView(BaseModel):
    """A shipping option for the goods."""

    id: str
    """Id of the shipping method."""
    title: str
    """Name of the option, as buyers see it."""
    carrier: str
    """Name of the carrier."""
    price: int
    """Price in minor units of the currency."""
    currency: str
    """Currency as an ISO 4217 code."""
    parcels: int
    """Number of parcels."""
    earliest: datetime
    """Earliest arrival."""
    latest: datetime
    """Latest arrival."""
    carbon_g: int | None = None
    """Carbon dioxide emissions in grams; absent if the method has no rate for them."""


class ShippingSimulationView(BaseModel):
    """The zone of the destination, and its shipping options."""

    zone: str | None
    """Id of the zone that contains the destination; absent if none does."""
    options: list[ShippingOptionView]
    """Shipping options, the cheapest first."""
    undeliverable: Undeliverable | None = None
    """Reason without an option: of the place, or of the goods; absent if there is an option.
    Example: weight"""

    @classmethod
    def of(
        cls,
        zone: str | None,
        options: tuple[ShippingOption, ...],
        undeliverable: Undeliverable | None,
    ) -> "ShippingSimulationView":
        return cls(
            zone=zone,
            undeliverable=undeliverable,
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
