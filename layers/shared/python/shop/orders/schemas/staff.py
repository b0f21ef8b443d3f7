"""Orders as the people in the shop see them, and what they say about them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shop.inventory.model.shards import INBOUND_SHARD
from shop.orders.model import Order, OrderStatus, ShipmentStatus
from shop.payments.model import PaymentStatus


class _ResponseModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class StaffLine(_ResponseModel):
    """A line of an order. Amounts are minor units; quantities are whole pieces."""

    id: str
    """Id of the line."""
    product_id: str
    """Id of the product."""
    variant_id: str
    """Id of the variant."""
    sku: str
    """Stock keeping unit."""
    title: str
    """Name of the goods when they were sold."""
    unit_price: int
    """Price of a piece before discounts, in minor units."""
    quantity: int
    """Pieces ordered."""
    shipped: int
    """Pieces shipped."""
    delivered: int
    """Pieces that arrived."""
    cancelled: int
    """Pieces cancelled before they were shipped."""
    returned: int
    """Pieces that came back or never arrived."""
    subtotal: int
    """Price of all pieces before discounts, in minor units."""
    discount: int
    """Discounts on the line, in minor units."""
    tax: int
    """Tax of the line, in minor units."""
    total: int
    """Price of all pieces after discounts, in minor units."""
    location: str | None = None
    """Location that ships the line; absent if several do."""
    backordered: int
    """Pieces that have not arrived at the shop."""
    ships_from: str | None = None
    """Ship date shown to the buyer of back-ordered pieces, in ISO 8601."""
    parts: dict[str, int]
    """Units by SKU that a piece of a kit takes from stock; empty for other goods."""


class StaffReservation(_ResponseModel):
    """Units reserved for the order at a location."""

    sku: str
    """Stock keeping unit."""
    quantity: int
    """Number of units."""
    location: str
    """Name of the location."""
    backordered: bool
    """Whether the units have not arrived at the location."""


class StaffTracking(_ResponseModel):
    """An event of a shipment, as its carrier reported it."""

    id: str
    """Id of the event."""
    at: datetime
    """Instant of the event by the carrier's clock."""
    status: ShipmentStatus
    """Status of the shipment after the event."""
    text: str
    """Text of the carrier."""


class StaffShipment(_ResponseModel):
    """A shipment of the order."""

    id: str
    """Id of the shipment."""
    carrier: str
    """Name of the carrier."""
    tracking_number: str
    """Tracking number of the carrier."""
    tracking_url: str | None
    """HTTP URL at which the shipment can be tracked; absent if there is none."""
    status: ShipmentStatus
    """Status of the shipment."""
    shipped_at: datetime
    """Instant at which it was handed over to the carrier."""
    location: str | None
    """Location that it left; absent if its pieces came from several."""
    lines: dict[str, int]
    """Pieces by line id."""
    tracking: list[StaffTracking]
    """Events of the shipment."""


class StaffPaymentEntry(_ResponseModel):
    """A movement of money."""

    at: datetime
    """Instant at which the provider reported the movement."""
    kind: str
    """Kind of the movement: authorised, captured or refunded."""
    amount: int
    """Amount in minor units."""
    reference: str
    """Payment reference of the provider."""


class StaffPayment(_ResponseModel):
    """The payment of the order. Amounts are minor units."""

    provider: str
    """Name of the payment provider."""
    status: str
    """Status of the payment, such as authorised, captured or failed."""
    reference: str | None
    """Payment reference of the provider; absent before the payment was requested."""
    reason: str | None
    """Reason of the provider for a failed payment."""
    authorised: int
    """Amount authorised so far."""
    captured: int
    """Amount captured so far."""
    refunded: int
    """Amount refunded so far."""
    entries: list[StaffPaymentEntry]
    """Movements of money in the order of their reports."""


class StaffHistoryEntry(_ResponseModel):
    """An entry of the order's history."""

    at: datetime
    """Instant of the event."""
    event: str
    """Name of the event."""
    actor: str
    """Staff user, customer or process that caused the event."""
    reason: str
    """Reason of the actor; empty if there is none."""


class StaffCredit(_ResponseModel):
    """The part of an order that a gift card, store credit or points pay."""

    type: str
    """Type of the credit: gift_card, store_credit or loyalty."""
    account: str
    """Name of the account; of a gift card the end of its digest, because its code is not stored."""
    amount: int
    """Amount paid, in minor units."""
    instrument_id: str
    """Id of the payment instrument in the request that completed the checkout."""


class StaffShippingOption(_ResponseModel):
    """The shipping option that the buyer chose."""

    id: str
    """Id of the shipping method."""
    title: str
    """Name of the option when the order was placed."""
    carrier: str
    """Name of the carrier."""
    price: int
    """Price before discounts, in minor units of the order's currency."""
    earliest: datetime
    """Earliest arrival."""
    latest: datetime
    """Latest arrival."""


class StaffOrder(_ResponseModel):
    """An order as staff see it. Amounts are minor units of ``currency``."""

    id: str
    """Id of the order."""
    owner: str
    """Id of the customer, or guest."""
    checkout_id: str
    """Id of the checkout that placed the order."""
    status: OrderStatus
    """Status of the order."""
    placed_at: datetime
    """Instant at which the order was placed."""
    pay_by: datetime
    """Payment deadline; an unpaid order expires then."""
    email: str
    """E-mail address of the buyer."""
    buyer: Annotated[
        dict[str, Any], Field(json_schema_extra={"x-model": "shop.kernel.contacts:Buyer"})
    ]
    """The person or business that bought."""
    destination: Annotated[
        dict[str, Any], Field(json_schema_extra={"x-model": "shop.kernel.contacts:PostalAddress"})
    ]
    """Shipping address."""
    shipping_option: StaffShippingOption
    """Shipping option that the buyer chose."""
    currency: str
    """Currency of all amounts as an ISO 4217 code."""
    subtotal: int
    """Price of the goods before discounts."""
    discount: int
    """Discounts on goods and shipping."""
    shipping: int
    """Price of shipping before discounts."""
    tax: int
    """Tax on goods and shipping."""
    tax_included: bool
    """Whether prices include the tax."""
    total: int
    """Total in minor units, with shipping and tax."""
    due: int
    """Money due for the pieces that are neither cancelled nor returned."""
    cancel_reason: str | None
    """Reason of the cancellation; absent unless the order is cancelled."""
    lines: list[StaffLine]
    """Lines of the order."""
    credits: list[StaffCredit]
    """Credits that pay part of the total, in the order of their use."""
    reservations: list[StaffReservation]
    """Stock reserved for the order."""
    parcels: list[StaffShipment]
    """Shipments of the order."""
    payment: StaffPayment
    """Payment of the order."""
    history: list[StaffHistoryEntry]
    """History of the order, oldest entry first."""

    @classmethod
    def of(cls, order: Order) -> "StaffOrder":
        return cls(**StaffOrder.fields_of(order))

    @staticmethod
    def fields_of(order: Order) -> dict[str, Any]:
        """Its fields, of an order."""
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
                    backordered=hold.shard == INBOUND_SHARD,
                )
                for hold in order.reservations
            ],
            "parcels": [StaffShipment.model_validate(parcel) for parcel in parcels],
            "payment": _payment(order),
            "history": [StaffHistoryEntry.model_validate(vars(moment)) for moment in order.history],
        }


def _payment(order: Order) -> StaffPayment:
    payment = order.payment
    return StaffPayment(
        provider=payment.provider,
        status=_payment_status(order),
        reference=payment.reference,
        reason=payment.reason,
        authorised=payment.total_of("authorised"),
        captured=payment.total_of("captured"),
        refunded=payment.total_of("refunded"),
        entries=[StaffPaymentEntry.model_validate(vars(entry)) for entry in payment.entries],
    )


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
    account_name = f"…{rest[-8:]}" if kind == "card" else rest
    return StaffCredit(
        type=_CREDITS[kind], account=account_name, amount=amount, instrument_id=instrument_id
    )
