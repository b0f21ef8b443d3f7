"""Responses about an order for staff."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shop.inventory.model.shards import INBOUND_SHARD
from shop.orders.model import HistoryEntry, Order, OrderCredit, OrderStatus, ShipmentStatus
from shop.orders.schemas.history_text import text_of
from shop.orders.schemas.staff_after_sale import StaffRefund, StaffReturn, StaffTaxShare
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
    """Title of the goods when the order was placed."""
    unit_price: int
    """Price of a piece before discounts, in minor units."""
    quantity: int
    """Pieces ordered."""
    shipped: int
    """Pieces shipped."""
    delivered: int
    """Pieces that arrived and that the buyer did not send back."""
    cancelled: int
    """Pieces cancelled before they were shipped."""
    returned: int
    """Shipped pieces that the buyer sent back, or that did not arrive."""
    subtotal: int
    """Price of all pieces before discounts, in minor units."""
    discount: int
    """Discounts on the line, in minor units."""
    tax: int
    """Tax of the line, in minor units."""
    total: int
    """Price of all pieces after discounts, in minor units."""
    location: str | None = None
    """Location that ships the line, or the first of several; absent before the allocation."""
    backordered: int
    """Pieces that wait for inbound stock."""
    ships_from: str | None = None
    """Ship date shown to the buyer of back-ordered pieces, in ISO 8601."""
    parts: dict[str, int]
    """Units by SKU that one piece of a kit takes from stock; empty for other goods."""


class StaffReservation(_ResponseModel):
    """Units reserved for the order at a location."""

    sku: str
    """Stock keeping unit."""
    quantity: int
    """Number of units."""
    location: str
    """Name of the location."""
    backordered: bool
    """Whether the units are inbound and not yet on hand."""


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
    """Location that shipped it; absent if its pieces came from several."""
    lines: dict[str, int]
    """Pieces by line id."""
    tracking: list[StaffTracking]
    """Events of the shipment."""


class StaffPaymentEntry(_ResponseModel):
    """A movement of money."""

    at: datetime
    """Instant at which the provider reported the movement."""
    kind: str
    """Kind of the movement: authorized, captured or refunded."""
    amount: int
    """Amount in minor units."""
    reference: str
    """Payment reference of the provider."""


class StaffPayment(_ResponseModel):
    """The payment of the order. Amounts are minor units."""

    provider: str
    """Name of the payment provider."""
    status: str
    """Status of the payment, such as authorized, captured, refunded or failed.

    After a refund it is partially_refunded or refunded."""
    reference: str | None
    """Payment reference of the provider; absent before the payment was requested."""
    reason: str | None
    """Reason of a failed payment; absent otherwise."""
    authorized: int
    """Amount authorized so far."""
    captured: int
    """Amount captured so far."""
    refunded: int
    """Amount refunded so far."""
    entries: list[StaffPaymentEntry]
    """Movements of money, in the order in which the provider reported them."""


class StaffHistoryEntry(_ResponseModel):
    """An entry of the order's history."""

    at: datetime
    """Instant of the event."""
    event: str
    """Name of the event."""
    text: str
    """What happened, in words, with the amount of a payment and the reason.
    Example: Money refunded: 10.80 USD"""
    actor: str
    """Staff user by name or email address, customer or process that caused the event."""
    reason: str
    """Reason of the actor; empty if there is none."""

    @classmethod
    def of(cls, entry: HistoryEntry, order: Order) -> "StaffHistoryEntry":
        return cls.model_validate({**vars(entry), "text": text_of(entry, order)})


class StaffCredit(_ResponseModel):
    """The part of an order that a gift card, store credit or points pay."""

    type: str
    """Type of the credit: gift_card, store_credit or loyalty."""
    account: str
    """Name of the account. For a gift card it is the end of a digest: its code is not stored."""
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


_CONVERTED_FIELDS = frozenset(
    "buyer destination shipping_option lines credits reservations parcels returns refunds payment"
    " history cancelled_taxes net".split()
)
"""Fields of :class:`StaffOrder` that are not attributes of the order in the same form."""


class StaffOrder(_ResponseModel):
    """An order as staff see it. Amounts are minor units of ``currency``."""

    id: str
    """Id of the order."""
    owner: str
    """Id of the customer, or guest."""
    checkout_id: str
    """Id of the checkout that placed the order."""
    status: OrderStatus
    """Status of the order. An order that arrived and was sent back whole stays `completed`, and its
    `active_pieces` are 0; `returned` is an order of which no piece arrived."""
    placed_at: datetime
    """Instant at which the order was placed."""
    pay_by: datetime
    """Payment deadline; an unpaid order expires then."""
    email: str
    """Email address of the buyer."""
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
    net: int
    """What is kept of the total, in money and credits: without cancelled and returned pieces,
    refunds by amount, and refunds outside the shop."""
    active_pieces: int
    """Pieces that are neither cancelled nor returned; 0 if the buyer keeps none."""
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
    returns: list[StaffReturn]
    """Returns of the order, oldest first."""
    refunds: list[StaffRefund]
    """Refunds by amount, oldest first."""
    refundable: int
    """Highest amount that can still be refunded by amount, in money and credits."""
    cancelled_taxes: list[StaffTaxShare]
    """The value of pieces that were cancelled after others were shipped, by tax rate."""
    payment: StaffPayment
    """Payment of the order."""
    history: list[StaffHistoryEntry]
    """History of the order, oldest entry first."""

    @classmethod
    def of(cls, order: Order) -> "StaffOrder":
        return cls(**StaffOrder.fields_of(order))

    @staticmethod
    def fields_of(order: Order) -> dict[str, Any]:
        """Return the fields of the view of an order."""
        plain = {
            name: getattr(order, name)
            for name in StaffOrder.model_fields
            if name not in _CONVERTED_FIELDS
        }
        inbound = order.inbound_quantities()
        lines = [
            {
                **vars(line),
                "location": order.allocation.get(line.id),
                "backordered": inbound.get(line.id, 0),
                "parts": dict(line.parts),
            }
            for line in order.lines
        ]
        shipments = [
            {
                **vars(shipment),
                "status": shipment.status,
                "tracking": [vars(event) for event in shipment.tracking],
            }
            for shipment in order.shipments
        ]
        return {
            **plain,
            "buyer": order.buyer.to_dict(),
            "destination": order.destination.to_dict(),
            "shipping_option": StaffShippingOption.model_validate(vars(order.shipping_option)),
            "lines": [StaffLine.model_validate(line) for line in lines],
            "credits": [_credit(used) for used in order.credits],
            "reservations": [
                StaffReservation(
                    sku=reservation.sku,
                    quantity=reservation.quantity,
                    location=reservation.location,
                    backordered=reservation.shard == INBOUND_SHARD,
                )
                for reservation in order.reservations
            ],
            "parcels": [StaffShipment.model_validate(shipment) for shipment in shipments],
            "returns": [StaffReturn.of(returned) for returned in order.returns],
            "refunds": [StaffRefund.of(refund) for refund in order.refunds],
            "cancelled_taxes": StaffTaxShare.all_of(order.cancelled_taxes),
            "payment": _payment(order),
            "net": order.net_value,
            "history": [StaffHistoryEntry.of(entry, order) for entry in order.history],
        }


def _payment(order: Order) -> StaffPayment:
    payment = order.payment
    return StaffPayment(
        provider=payment.provider,
        status=_payment_status(order),
        reference=payment.reference,
        reason=payment.reason,
        authorized=payment.total_of("authorized"),
        captured=payment.total_of("captured"),
        refunded=payment.total_of("refunded"),
        entries=[StaffPaymentEntry.model_validate(vars(entry)) for entry in payment.entries],
    )


def _payment_status(order: Order) -> str:
    payment = order.payment
    refunded, captured = payment.total_of("refunded"), payment.total_of("captured")
    if refunded:
        return "refunded" if refunded >= captured else "partially_refunded"
    # An order without an amount for the provider counts as captured. After its cancellation that
    # would look like money that was not refunded.
    never_charged = order.status is OrderStatus.CANCELLED and not order.payment.entries
    if never_charged and order.payment.status is PaymentStatus.CAPTURED:
        return PaymentStatus.CANCELLED.value
    return order.payment.status.value


_CREDIT_TYPES = {"card": "gift_card", "credit": "store_credit", "points": "loyalty"}
"""UCP type of a credit account by the prefix of its id."""


def _credit(credit: OrderCredit) -> StaffCredit:
    prefix, _, name = credit.account.partition("/")
    return StaffCredit(
        type=_CREDIT_TYPES[prefix],
        account=f"…{name[-8:]}" if prefix == "card" else name,
        amount=credit.amount,
        instrument_id=credit.instrument_id,
    )
