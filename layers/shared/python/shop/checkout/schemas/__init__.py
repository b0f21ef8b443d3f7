"""Requests of a checkout, in UCP's terms, with its fulfillment extension."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from shop.cart.schemas import (
    Attribution,
    BuyerContextRequest,
    Country,
    Id,
    LineRequest,
    Name,
    Phone,
    PostalCode,
    ReadOnly,
    Region,
    SessionRequest,
    Signals,
    StrictRequestModel,
    Text,
)
from shop.checkout.actions.results import CheckoutInput, CheckoutResult, PaymentInput
from shop.checkout.model import with_codes
from shop.credits.model.payment_split import CreditInstrument
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.errors import InvalidRequest
from shop.kernel.text_validation import absent_if_blank
from shop.orders.model import OrderStatus
from shop.payments.model import Credential
from shop.payments.schemas import CREDITS


class AddressRequest(StrictRequestModel):
    """A shipping address. Missing parts are requested by messages of the checkout, not rejected."""

    id: Id | None = None
    """Id of the destination; without it dest_1, dest_2 and so on, by position.
    Example: dest_1"""
    type: Literal["shipping_address"] | None = None
    """Type of the destination; addresses are the only one."""
    street_address: Text | None = None
    """Street and house number.
    Example: 548 Market St"""
    extended_address: Text | None = None
    """Apartment, suite or floor.
    Example: Suite 400"""
    address_locality: Name | None = None
    """City or town.
    Example: San Francisco"""
    address_region: Region | None = None
    address_country: Country | None = None
    postal_code: PostalCode | None = None
    first_name: Name | None = None
    """Given name of the recipient.
    Example: Ada"""
    last_name: Name | None = None
    """Family name of the recipient.
    Example: Lovelace"""
    full_name: Name | None = None
    """Full name of the recipient, if it is not split.
    Example: Ada Lovelace"""
    phone_number: Phone | None = None

    _blank_is_absent = field_validator(
        "street_address",
        "extended_address",
        "address_locality",
        "address_region",
        "address_country",
        "postal_code",
        "first_name",
        "last_name",
        "full_name",
    )(absent_if_blank)


class FulfillmentGroupRequest(StrictRequestModel):
    """The lines that ship together, and the shipping option for them."""

    id: Id | None = None
    """Id of the group, as the checkout returned it.
    Example: all"""
    selected_option_id: Id | None = None
    """Id of the chosen shipping option; without it the cheapest applies.
    Example: us-express"""
    line_item_ids: ReadOnly = None
    options: ReadOnly = None


class FulfillmentMethodRequest(StrictRequestModel):
    """A fulfillment method. The shop ships, and all lines go to one address."""

    id: Id | None = None
    """Id of the method, as the checkout returned it.
    Example: shipping"""
    type: Literal["shipping"] = "shipping"
    """Type of the method; shipping is the only one."""
    destinations: Annotated[list[AddressRequest], Field(max_length=20, default_factory=list)]
    """Addresses to choose from, 20 at most.
    Example: [{"address_country": "US", "postal_code": "94107"}]"""
    selected_destination_id: Id | None = None
    """Id of the chosen destination; without it the first one applies.
    Example: dest_1"""
    groups: Annotated[list[FulfillmentGroupRequest], Field(max_length=1, default_factory=list)]
    """The one group of lines, with its shipping option."""
    line_item_ids: ReadOnly = None


class FulfillmentRequest(StrictRequestModel):
    """UCP's fulfillment extension: destination and shipping option."""

    methods: Annotated[list[FulfillmentMethodRequest], Field(max_length=1, default_factory=list)]
    """The one fulfillment method.
    Example: [{"type": "shipping", "destinations": [{"address_country": "US"}]}]"""
    available_methods: ReadOnly = None

    def address(self) -> PostalAddress | None:
        """Return the selected destination, or the first one. Raises InvalidRequest."""
        if not self.methods or not self.methods[0].destinations:
            return None
        method = self.methods[0]
        selected = method.selected_destination_id
        for number, destination in enumerate(method.destinations, start=1):
            id_ = destination.id or f"dest_{number}"
            if selected is None or id_ == selected:
                return with_codes(
                    PostalAddress(**destination.model_dump(exclude={"type", "id"}), id=id_)
                )
        raise InvalidRequest(
            f"Destination {selected} is not in destinations. Choose one of them.",
            code="destination_unknown",
            path="$.fulfillment.methods[0].selected_destination_id",
        )

    def option(self) -> str | None:
        if not self.methods or not self.methods[0].groups:
            return None
        return self.methods[0].groups[0].selected_option_id


class CheckoutUpdateRequest(SessionRequest):
    """The body that replaces a checkout. The payment is sent on completion and ignored here."""

    fulfillment: FulfillmentRequest | None = None
    """Destination and shipping option."""
    payment: ReadOnly = None
    order: ReadOnly = None

    def to_input(self, channel: str = "web") -> CheckoutInput:
        context = self.context or BuyerContextRequest()
        place = context.place()
        fulfillment = self.fulfillment or FulfillmentRequest(methods=[])
        return CheckoutInput(
            channel=channel,
            currency=context.currency,
            lines=self.requested_lines(),
            buyer=self.buyer.to_buyer() if self.buyer else Buyer(),
            country=place.country,
            region=place.region,
            postal_code=place.postal_code,
            destination=fulfillment.address(),
            option_id=fulfillment.option(),
            attribution=self.attribution or {},
            codes=self.discount_codes(),
        )


class CheckoutCreateRequest(CheckoutUpdateRequest):
    """The body that creates a checkout. With a ``cart_id`` it takes the lines of the cart."""

    line_items: Annotated[list[LineRequest], Field(max_length=2_000, default_factory=list)]
    """The lines; with a cart_id those of the cart are used instead.
    Example: [{"item": {"id": "mug.1"}, "quantity": 2}]"""
    cart_id: Id | None = None
    """Id of a cart whose lines and buyer the checkout takes.
    Example: cart_bq3f5k7mz2w4y6a7c3e5g7i2k4"""

    def to_input(self, channel: str = "web") -> CheckoutInput:
        input_ = super().to_input(channel)
        lines = None if self.cart_id is not None or not self.line_items else input_.lines
        return CheckoutInput(**{**input_.__dict__, "lines": lines, "cart_id": self.cart_id})


class CredentialRequest(StrictRequestModel):
    """The credential of a payment instrument."""

    type: Name
    """Type of the credential, as the payment handler defines it.
    Example: token"""
    token: Annotated[str, StringConstraints(min_length=1, max_length=5_000)]
    """Token of the payment provider, or the code of a gift card.
    Example: tok_success"""


class InstrumentRequest(StrictRequestModel):
    """A payment instrument: a token of one of the checkout's payment handlers.

    Without an ``amount``, a credit pays as much as it has, and another instrument pays the rest.
    Source: UCP, "Split payments".
    """

    id: Id
    """Id of the instrument within this request, chosen by the client.
    Example: pay_1"""
    handler_id: Id
    """Id of a payment handler that the checkout offers.
    Example: sandbox"""
    type: Name
    """Type of the instrument, such as card, token, gift_card, store_credit or loyalty.
    Example: token"""
    credential: CredentialRequest | None = None
    """Credential that authorizes the payment; store credit and points need none.
    Example: {"type": "token", "token": "tok_success"}"""
    amount: Annotated[int, Field(ge=1, le=10**12)] | None = None
    """Amount that this instrument pays, in minor units; without it, as much as it can.
    Example: 1299"""
    selected: bool | None = None
    """Whether the buyer chose this instrument; the shop ignores it."""
    billing_address: ReadOnly = None
    display: ReadOnly = None


class PaymentRequest(StrictRequestModel):
    """The payment instruments; none if nothing is to be paid."""

    instruments: Annotated[list[InstrumentRequest], Field(max_length=10, default_factory=list)]
    """Credits first, then at most one other instrument; 10 at most.
    Example: [{"id": "pay_1", "handler_id": "credits", "type": "store_credit"}]"""


class CompleteRequest(StrictRequestModel):
    """The body that completes a checkout."""

    payment: PaymentRequest = Field(default_factory=lambda: PaymentRequest(instruments=[]))
    """The payment instruments.
    Example: {"instruments": [{"id": "p1", "handler_id": "credits", "type": "loyalty"}]}"""
    signals: Signals | None = None
    attribution: Attribution | None = None

    def payment_input(self) -> PaymentInput:
        """Return the credits, and the instrument for the rest.

        Credits come first; at most one other instrument follows, because the shop never splits
        money over two tokens. Raises InvalidRequest (``payment_instruments_invalid``) for other
        combinations, and (``missing``) without a credential. Source: UCP, "Split payments".
        """
        instruments = self.payment.instruments
        money = [n for n, each in enumerate(instruments) if each.handler_id != CREDITS]
        if len(money) > 1 or (money and money[0] != len(instruments) - 1):
            raise InvalidRequest(
                "Send credits first, then at most one other instrument for the rest.",
                code="payment_instruments_invalid",
                path="$.payment",
            )
        for n, instrument in enumerate(instruments):
            needs_credential = instrument.handler_id != CREDITS or instrument.type == "gift_card"
            if needs_credential and instrument.credential is None:
                raise InvalidRequest(
                    "This instrument needs a credential. Add it.",
                    code="missing",
                    path=f"$.payment.instruments[{n}]",
                )
        last = instruments[money[0]] if money else None
        return PaymentInput(
            credential=None
            if last is None or last.credential is None
            else Credential(last.handler_id, last.credential.type, last.credential.token),
            credits=tuple(
                CreditInstrument(
                    each.type, each.credential.token if each.credential else "", each.amount
                )
                for each in instruments
                if each.handler_id == CREDITS
            ),
            ids=tuple(each.id for each in instruments),
            amount=last.amount if last else None,
        )

    def paid_view(self, result: CheckoutResult) -> dict[str, Any]:
        """Return the instruments, each with the amount that it paid, if any."""
        order = result.order
        paid: dict[str, int] = {}
        if order is not None and order.status is not OrderStatus.CANCELLED:
            paid = {used.instrument_id: used.amount for used in order.credits}
            for last in self.payment.instruments[-1:]:
                if last.handler_id != CREDITS and order.amount.minor:
                    paid[last.id] = order.amount.minor
        return {
            "instruments": [
                {
                    "id": each.id,
                    "handler_id": each.handler_id,
                    "type": each.type,
                    **({"amount": paid[each.id]} if each.id in paid else {}),
                }
                for each in self.payment.instruments
            ]
        }
