"""The JSON of a checkout response, in UCP's terms, with its fulfillment extension."""

import os
from collections.abc import Mapping
from typing import Any

from shop.cart.schemas.views import (
    buyer_view,
    continue_url_view,
    discounts_view,
    gifts_view,
    line_totals_view,
    loyalty_view,
    messages_view,
    shop_page,
    totals_view,
    with_availability,
)
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.model import CheckoutSession, CheckoutStatus, Offer, OfferLine, session_messages
from shop.kernel.frozen import frozen
from shop.orders.model import GUEST_OWNER
from shop.payments.schemas import payment_handlers

METHOD_ID = "shipping"
GROUP_ID = "all"


@frozen(slots=False)
class CheckoutPageSettings:
    """The settings that all checkouts of a stage display: URLs and payment handlers."""

    shop_url: str
    handlers: Mapping[str, Any]
    terms_url: str
    privacy_url: str
    page: str | None = None

    @classmethod
    def from_environment(cls) -> "CheckoutPageSettings":
        """Read the environment. Raises KeyError for a missing setting, which stops the start."""
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
    """Return a checkout as UCP's ``shopping/checkout.json``, with the payment handlers.

    ``paid`` are the instruments, in the response to a completion.
    """
    shop_url = front.shop_url
    session, order, status = result.session, result.order, result.status
    offer = session.offer
    lines, hints = _lines_with_hints(result)
    view: dict[str, Any] = {
        "ucp": {"payment_handlers": dict(front.handlers)},
        "id": session.id,
        "status": status.value,
        "line_items": [*lines, *gifts_view(offer.quote)],
        "currency": offer.quote.currency,
        "totals": totals_view(offer.quote),
        "links": [
            {"type": "terms_of_service", "url": front.terms_url},
            {"type": "privacy_policy", "url": front.privacy_url},
        ],
        "fulfillment": _fulfillment_view(session) | hints,
        "expires_at": session.expires_at.isoformat(),
    }
    if paid is not None:
        view["payment"] = dict(paid)
    if session.owner != GUEST_OWNER:
        view["loyalty"] = loyalty_view(session.owner, offer.quote)
    discounts = discounts_view(session.codes, offer.quote)
    if discounts:
        view["discounts"] = discounts
    if buyer := buyer_view(session.buyer):
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


def _lines_with_hints(result: CheckoutResult) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the lines, and the hints about when they leave, while the checkout is open.

    Later, the units belong to its order, and neither states their availability.
    """
    offer = result.session.offer
    lines = [_line_view(line, offer) for line in offer.lines]
    if result.status not in (CheckoutStatus.INCOMPLETE, CheckoutStatus.READY):
        return lines, {}
    lines = with_availability(lines, [*offer.messages, *result.extra_messages])
    return lines, _available_methods_view(offer, lines)


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


def _available_methods_view(offer: Offer, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return UCP's hints about when the lines leave: now, or on the day of their promise."""
    days: dict[str, list[str]] = {"now": []}
    for line, view in zip(offer.lines, lines, strict=True):
        status = view["availability"]["status"]
        if status != "out_of_stock":
            day = "now" if status == "in_stock" else offer.ships_from.get(line.sku, "now")
            days.setdefault(day, []).append(line.id)
    days["now"] += [gift.id for gift in offer.gifts]
    methods = [
        {
            "type": "shipping",
            "line_item_ids": ids,
            "fulfillable_on": day,
            "description": "In stock" if day == "now" else f"Ships from {day}",
        }
        for day, ids in sorted(days.items(), key=lambda entry: (entry[0] != "now", entry[0]))
        if ids
    ]
    return {"available_methods": methods} if methods else {}


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
