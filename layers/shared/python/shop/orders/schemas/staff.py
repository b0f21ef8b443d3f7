"""Orders as the people in the shop see them, and what they say about them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page
from shop.orders.model import Order, OrderStatus, ShipmentStatus
from shop.orders.ports import OrderSummaryItem
from shop.orders.schemas.carrier import Carrier, TrackingNumber
from shop.payments.model import PaymentStatus


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class _Out(BaseModel):
    model_config = ConfigDict(defer_build=True)


class PiecesRequest(_In):
    """Some pieces of a line."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]


class ParcelRequest(_In):
    """A parcel that is handed over. Without ``lines`` it holds all that is left of the order."""

    carrier: Carrier
    tracking_number: TrackingNumber
    tracking_url: (
        Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=500)] | None
    ) = None
    lines: Annotated[list[PiecesRequest], Field(min_length=1, max_length=2_000)] | None = None
    location: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = None
    """Where it leaves from; needed for all that is left of an order that lies at several."""

    @model_validator(mode="after")
    def _each_once(self) -> "ParcelRequest":
        _refuse_twice(self.lines or ())
        return self

    def pieces(self) -> Mapping[str, int] | None:
        return None if self.lines is None else _pieces(self.lines)


class ReturnRequest(_In):
    """Pieces that came back, and why. The buyer reads it."""

    lines: Annotated[list[PiecesRequest], Field(min_length=1, max_length=2_000)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]

    @model_validator(mode="after")
    def _each_once(self) -> "ReturnRequest":
        _refuse_twice(self.lines)
        return self

    def pieces(self) -> Mapping[str, int]:
        return _pieces(self.lines)


def _refuse_twice(lines: Sequence[PiecesRequest]) -> None:
    if len({line.id for line in lines}) != len(lines):
        raise ValueError("a line is named once")


def _pieces(lines: Sequence[PiecesRequest]) -> Mapping[str, int]:
    return {line.id: line.quantity for line in lines}


class CancelRequest(_In):
    """Why an order is called off. The buyer reads it."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


MAX_PAGE_SIZE = 100


def page_size_from_query(text: str | None) -> int:
    """How many orders a page holds: 20, or what ``?limit=`` asks for."""
    if text is None:
        return 20
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PAGE_SIZE):
        raise InvalidRequest(f"limit is 1 to {MAX_PAGE_SIZE}", code="limit_invalid", path="limit")
    return int(text)


def day_from_query(text: str | None, at: datetime) -> str:
    """The day that ``?day=`` names (UTC), or today."""
    if text is None:
        return f"{at:%Y-%m-%d}"
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).strftime("%Y-%m-%d")
    except ValueError:
        raise InvalidRequest(
            "day is a date such as 2026-11-27", code="day_invalid", path="day"
        ) from None


def status_from_query(text: str | None) -> OrderStatus | None:
    """The status that ``?status=`` asks for."""
    if text is None:
        return None
    if text not in set(OrderStatus):
        raise InvalidRequest(
            f"status is one of {', '.join(OrderStatus)}", code="status_invalid", path="status"
        )
    return OrderStatus(text)


class OrderSummary(_Out):
    """An order in a list. ``total`` is minor units of ``currency``."""

    id: str
    status: OrderStatus
    placed_at: datetime
    currency: str
    total: int
    pieces: int
    email: str


class OrderList(_Out):
    """Orders, newest first; ``cursor`` asks for the next page and is missing on the last."""

    orders: list[OrderSummary]
    cursor: str | None = None

    @classmethod
    def of(cls, page: Page[OrderSummaryItem]) -> "OrderList":
        return cls(
            orders=[OrderSummary.model_validate(vars(summary)) for summary in page.items],
            cursor=page.cursor,
        )


class StaffLine(_Out):
    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    unit_price: int
    quantity: int
    shipped: int
    delivered: int
    cancelled: int
    returned: int
    subtotal: int
    discount: int
    tax: int
    total: int
    location: str | None = None
    backordered: int
    """Pieces that are still to come; ``ships_from`` is the day that the buyer was told."""
    ships_from: str | None = None
    parts: dict[str, int]
    """What a piece takes from stock where it is a kit; empty for what is none."""


class StaffReservation(_Out):
    """Where units of the order are put aside; ``awaited`` ones are still to come there."""

    sku: str
    quantity: int
    location: str
    awaited: bool


class StaffTracking(_Out):
    id: str
    at: datetime
    status: ShipmentStatus
    text: str


class StaffShipment(_Out):
    id: str
    carrier: str
    tracking_number: str
    tracking_url: str | None
    status: ShipmentStatus
    shipped_at: datetime
    location: str | None
    lines: dict[str, int]
    tracking: list[StaffTracking]


class StaffPaymentEntry(_Out):
    at: datetime
    kind: str
    amount: int
    reference: str


class StaffPayment(_Out):
    provider: str
    status: str
    reference: str | None
    reason: str | None
    authorised: int
    captured: int
    refunded: int
    ledger: list[StaffPaymentEntry]


class StaffHistoryEntry(_Out):
    at: datetime
    event: str
    actor: str
    reason: str


class StaffCredit(_Out):
    """What a credit pays of an order, in minor units: ``gift_card`` (the end of its digest, for its
    code is kept nowhere), ``store_credit`` or ``loyalty``.
    """

    type: str
    account: str
    amount: int
    instrument_id: str


class StaffOrder(_Out):
    """What the shop knows of an order. Amounts are minor units of ``currency``.

    ``due`` is the money to be paid for what was neither called off nor came back; ``credits`` paid
    of ``total`` what they say, the first first.
    """

    id: str
    owner: str
    checkout_id: str
    status: OrderStatus
    placed_at: datetime
    pay_by: datetime
    email: str
    buyer: dict[str, Any]
    destination: dict[str, Any]
    shipping_option: dict[str, Any]
    currency: str
    subtotal: int
    discount: int
    shipping: int
    tax: int
    tax_included: bool
    total: int
    due: int
    cancel_reason: str | None
    lines: list[StaffLine]
    credits: list[StaffCredit]
    reservations: list[StaffReservation]
    parcels: list[StaffShipment]
    payment: StaffPayment
    history: list[StaffHistoryEntry]

    @classmethod
    def of(cls, order: Order) -> "StaffOrder":
        return cls(**StaffOrder.fields_of(order))

    @staticmethod
    def fields_of(order: Order) -> dict[str, Any]:
        """Its fields, of an order."""
        payment = order.payment
        plain = {
            name: getattr(order, name)
            for name in StaffOrder.model_fields
            if name not in ("lines", "credits", "reservations", "parcels", "payment", "history")
        }
        late = order.inbound_quantities()
        lines = [
            {
                **vars(line),
                "location": order.allocation.get(line.id),
                "backordered": late.get(line.id, 0),
                "parts": dict(line.parts),
            }
            for line in order.lines
        ]
        parcels = [
            {
                **vars(parcel),
                "status": parcel.status,
                "tracking": [vars(heard) for heard in parcel.tracking],
            }
            for parcel in order.shipments
        ]
        return {
            **plain,
            "lines": [StaffLine.model_validate(line) for line in lines],
            "credits": [_credit(*used) for used in order.credits],
            "reservations": [
                StaffReservation(
                    sku=hold.sku,
                    quantity=hold.quantity,
                    location=hold.location,
                    awaited=hold.shard == INBOUND_SHARD,
                )
                for hold in order.reservations
            ],
            "parcels": [StaffShipment.model_validate(parcel) for parcel in parcels],
            "payment": StaffPayment(
                provider=payment.provider,
                status=_payment_status(order),
                reference=payment.reference,
                reason=payment.reason,
                authorised=payment.total_of("authorised"),
                captured=payment.total_of("captured"),
                refunded=payment.total_of("refunded"),
                ledger=[StaffPaymentEntry.model_validate(vars(entry)) for entry in payment.entries],
            ),
            "history": [StaffHistoryEntry.model_validate(vars(moment)) for moment in order.history],
        }


def _payment_status(order: Order) -> str:
    """An order that no money was asked for is paid by that: called off, nothing is captured."""
    nothing = order.status is OrderStatus.CANCELLED and not order.payment.entries
    if nothing and order.payment.status is PaymentStatus.CAPTURED:
        return PaymentStatus.CANCELLED.value
    return order.payment.status.value


_CREDITS = {"card": "gift_card", "credit": "store_credit", "points": "loyalty"}
"""What an account's first word says it is, in UCP's words."""


def _credit(account: str, amount: int, instrument_id: str) -> StaffCredit:
    kind, _, rest = account.partition("/")
    told = f"…{rest[-8:]}" if kind == "card" else rest
    return StaffCredit(
        type=_CREDITS[kind], account=told, amount=amount, instrument_id=instrument_id
    )
