"""A checkout in UCP's words, with its fulfillment extension: requests in, answers out."""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from shop.cart.schemas import (
    BuyerContextRequest,
    Country,
    Id,
    LineRequest,
    Name,
    Phone,
    PostalCode,
    SessionRequest,
    StrictRequestModel,
    Text,
    continue_url_view,
    discounts_view,
    gifts_view,
    line_totals_view,
    loyalty_view,
    messages_view,
    shop_page,
    totals_view,
)
from shop.checkout.actions.results import CheckoutInput, CheckoutResult, PaymentInput
from shop.checkout.model import CheckoutSession, CheckoutStatus, Offer, OfferLine, session_messages
from shop.credits.model.payment_split import CreditInstrument
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.orders.model import GUEST_OWNER
from shop.orders.model import OrderStatus as OrderStatus
from shop.payments.model import Credential
from shop.payments.schemas import CREDITS, payment_handlers

METHOD_ID = "shipping"
GROUP_ID = "all"


class AddressRequest(StrictRequestModel):
    """A shipping address. What is missing in it is asked for by messages, not refused."""

    id: Id | None = None
    type: Literal["shipping_address"] | None = None
    street_address: Text | None = None
    extended_address: Text | None = None
    address_locality: Name | None = None
    address_region: Name | None = None
    address_country: Country | None = None
    postal_code: PostalCode | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    full_name: Name | None = None
    phone_number: Phone | None = None


class FulfillmentGroupRequest(StrictRequestModel):
    id: Id | None = None
    selected_option_id: Id | None = None
    line_item_ids: Any = None
    options: Any = None


class FulfillmentMethodRequest(StrictRequestModel):
    """One way of delivery. The shop ships; all lines go to one address."""

    id: Id | None = None
    type: Literal["shipping"] = "shipping"
    destinations: Annotated[list[AddressRequest], Field(max_length=20, default_factory=list)]
    selected_destination_id: Id | None = None
    groups: Annotated[list[FulfillmentGroupRequest], Field(max_length=1, default_factory=list)]
    line_item_ids: Any = None


class FulfillmentRequest(StrictRequestModel):
    methods: Annotated[list[FulfillmentMethodRequest], Field(max_length=1, default_factory=list)]
    available_methods: Any = None

    def address(self) -> PostalAddress | None:
        """The destination chosen, or the only one there is."""
        if not self.methods or not self.methods[0].destinations:
            return None
        method = self.methods[0]
        wanted = method.selected_destination_id
        for number, place in enumerate(method.destinations, start=1):
            id_ = place.id or f"dest_{number}"
            if wanted is None or id_ == wanted:
                return PostalAddress(**place.model_dump(exclude={"type", "id"}), id=id_)
        raise InvalidRequest(
            f"no destination is called {wanted}",
            code="destination_unknown",
            path="$.fulfillment.methods[0].selected_destination_id",
        )

    def option(self) -> str | None:
        if not self.methods or not self.methods[0].groups:
            return None
        return self.methods[0].groups[0].selected_option_id


class CheckoutUpdateRequest(SessionRequest):
    """The body of replacing a checkout. Payment is sent when it is completed, and not read here."""

    fulfillment: FulfillmentRequest | None = None
    payment: Any = None
    order: Any = None

    def to_input(self, channel: str = "web") -> CheckoutInput:
        context = self.context or BuyerContextRequest()
        fulfillment = self.fulfillment or FulfillmentRequest(methods=[])
        return CheckoutInput(
            channel=channel,
            currency=context.currency,
            lines=self.requested_lines(),
            buyer=self.buyer.to_buyer() if self.buyer else Buyer(),
            country=context.address_country,
            region=context.address_region,
            postal_code=context.postal_code,
            destination=fulfillment.address(),
            option_id=fulfillment.option(),
            attribution=self.attribution or {},
            codes=self.discount_codes(),
        )


class CheckoutCreateRequest(CheckoutUpdateRequest):
    """The body of beginning a checkout. With a ``cart_id`` the cart's lines are taken."""

    line_items: Annotated[list[LineRequest], Field(max_length=2_000, default_factory=list)]
    cart_id: Id | None = None

    def to_input(self, channel: str = "web") -> CheckoutInput:
        wish = super().to_input(channel)
        lines = None if self.cart_id is not None or not self.line_items else wish.lines
        return CheckoutInput(**{**wish.__dict__, "lines": lines, "cart_id": self.cart_id})


class CredentialRequest(StrictRequestModel):
    type: Name
    token: Annotated[str, StringConstraints(min_length=1, max_length=5_000)]


class InstrumentRequest(StrictRequestModel):
    """What the buyer pays with: a token of one of the checkout's payment handlers.

    ``amount`` is what this one shall pay, in minor units; without it, as much as there is or is
    left. Source: UCP, "Split payments".
    """

    id: Id
    handler_id: Id
    type: Name
    credential: CredentialRequest | None = None
    amount: Annotated[int, Field(ge=1, le=10**12)] | None = None
    selected: bool | None = None
    billing_address: Any = None
    display: Any = None


class PaymentRequest(StrictRequestModel):
    """What is paid with: nothing, where nothing is to be paid."""

    instruments: Annotated[list[InstrumentRequest], Field(max_length=10, default_factory=list)]


class CompleteRequest(StrictRequestModel):
    """The body of completing a checkout."""

    payment: PaymentRequest = Field(default_factory=lambda: PaymentRequest(instruments=[]))
    signals: dict[str, Any] | None = None
    attribution: dict[str, Any] | None = None

    def payment_input(self) -> PaymentInput:
        """Credits, and at most one instrument for the rest of it, which comes last.

        Raises Invalid for other combinations: the shop splits no money over two providers' tokens.
        Source: UCP, "Split payments": what fits no combination is refused, with ``payment_failed``.
        """
        instruments = self.payment.instruments
        money = [n for n, one in enumerate(instruments) if one.handler_id != CREDITS]
        if len(money) > 1 or (money and money[0] != len(instruments) - 1):
            raise _refused(
                "credits first, then at most one other instrument to pay the rest with", "$.payment"
            )
        for n, one in enumerate(instruments):
            wants = one.handler_id != CREDITS or one.type == "gift_card"
            if wants and one.credential is None:
                raise _refused("this needs its credential", f"$.payment.instruments[{n}]")
        last = instruments[money[0]] if money else None
        return PaymentInput(
            credential=None
            if last is None or last.credential is None
            else Credential(last.handler_id, last.credential.type, last.credential.token),
            credits=tuple(
                CreditInstrument(
                    one.type, one.credential.token if one.credential else "", one.amount
                )
                for one in instruments
                if one.handler_id == CREDITS
            ),
            ids=tuple(one.id for one in instruments),
            amount=last.amount if last else None,
        )

    def paid_view(self, result: CheckoutResult) -> dict[str, Any]:
        """The instruments with what each of them paid; those that were not used without."""
        order = result.order
        paid: dict[str, int] = {}
        if order is not None and order.status is not OrderStatus.CANCELLED:
            paid = {id_: amount for _, amount, id_ in order.credits}
            for last in self.payment.instruments[-1:]:
                if last.handler_id != CREDITS and order.amount.minor:
                    paid[last.id] = order.amount.minor
        return {
            "instruments": [
                {
                    "id": one.id,
                    "handler_id": one.handler_id,
                    "type": one.type,
                    **({"amount": paid[one.id]} if one.id in paid else {}),
                }
                for one in self.payment.instruments
            ]
        }


def _refused(reason: str, path: str) -> InvalidRequest:
    return InvalidRequest(reason, code="payment_failed", path=path)


@frozen(slots=False)
class CheckoutPageSettings:
    """What all checkouts of a stage show alike: where the shop is, how to pay, what is agreed."""

    shop_url: str
    handlers: Mapping[str, Any]
    terms_url: str
    privacy_url: str
    page: str | None = None

    @classmethod
    def from_environment(cls) -> "CheckoutPageSettings":
        """From the environment; a missing setting stops the start."""
        shop_url = os.environ["SHOP_URL"]
        return cls(
            shop_url,
            payment_handlers(os.environ["PAYMENT_PROVIDER"], shop_url),
            os.environ["TERMS_URL"],
            os.environ["PRIVACY_URL"],
            shop_page(),
        )


def checkout_view(
    result: CheckoutResult, front: CheckoutPageSettings, paid: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A checkout as UCP's ``shopping/checkout.json``; its envelope names the payment handlers.

    ``paid`` are the instruments of an answer to completing it.
    """
    shop_url = front.shop_url
    session, order, status = result.session, result.order, result.status
    offer = session.offer
    view: dict[str, Any] = {
        "ucp": {"payment_handlers": dict(front.handlers)},
        "id": session.id,
        "status": status.value,
        "line_items": [
            *(_line_view(line, offer) for line in offer.lines),
            *gifts_view(offer.quote),
        ],
        "currency": offer.quote.currency,
        "totals": totals_view(offer.quote),
        "links": [
            {"type": "terms_of_service", "url": front.terms_url},
            {"type": "privacy_policy", "url": front.privacy_url},
        ],
        "fulfillment": _fulfillment_view(session),
        "expires_at": session.expires_at.isoformat(),
    }
    if paid is not None:
        view["payment"] = dict(paid)
    if session.owner != GUEST_OWNER:
        view["loyalty"] = loyalty_view(session.owner, offer.quote)
    discounts = discounts_view(session.codes, offer.quote)
    if discounts:
        view["discounts"] = discounts
    if buyer := session.buyer.to_dict():
        view["buyer"] = buyer
    if session.attribution:
        view["attribution"] = dict(session.attribution)
    messages = [*session_messages(session, order), *result.extra_messages]
    if messages:
        view["messages"] = messages_view(messages)
    if status is CheckoutStatus.COMPLETED and order is not None:
        view["order"] = {"id": order.id, "permalink_url": f"{shop_url}/orders/{order.id}"}
    elif result.continue_url is not None:
        view["continue_url"] = result.continue_url
    elif status is CheckoutStatus.REQUIRES_ESCALATION and order is not None:
        view["continue_url"] = order.payment.action_url
    elif status is not CheckoutStatus.CANCELED:
        view |= continue_url_view(front.page, "checkout", session.id)
    return view


def _line_view(line: OfferLine, offer: Offer) -> dict[str, Any]:
    priced = offer.quote.line(line.id)
    item: dict[str, Any] = {
        "id": line.variant_id,
        "title": line.title,
        "price": priced.unit_price.minor,
    }
    if line.image_url:
        item["image_url"] = line.image_url
    return {
        "id": line.id,
        "item": item,
        "quantity": line.quantity,
        "totals": line_totals_view(priced),
    }


def _fulfillment_view(session: CheckoutSession) -> dict[str, Any]:
    offer = session.offer
    lines = [line.id for line in (*offer.lines, *offer.gifts)]
    method: dict[str, Any] = {"id": METHOD_ID, "type": "shipping", "line_item_ids": lines}
    if (address := session.destination) is not None:
        method["destinations"] = [{"type": "shipping_address", **address.to_dict()}]
        method["selected_destination_id"] = address.id
    if offer.options:
        method["groups"] = [
            {
                "id": GROUP_ID,
                "line_item_ids": lines,
                "selected_option_id": offer.option_id,
                "options": [
                    {
                        "id": option.id,
                        "title": option.title,
                        "description": {
                            "plain": f"{option.carrier}, arrives {option.earliest:%d %b}"
                            f" to {option.latest:%d %b}"
                        },
                        "carrier": option.carrier,
                        "earliest_fulfillment_time": option.earliest.isoformat(),
                        "latest_fulfillment_time": option.latest.isoformat(),
                        "totals": [{"type": "total", "amount": option.price.minor}],
                        "parcels": option.parcels,
                        "carbon_grams": option.carbon_g,
                    }
                    for option in offer.options
                ],
            }
        ]
    return {"methods": [method]}
