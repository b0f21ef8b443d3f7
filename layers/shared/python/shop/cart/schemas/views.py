"""The JSON of a cart response, in UCP's terms."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from shop.cart.actions import CartResult
from shop.cart.model import (
    GIFT_LINE_PREFIX,
    CartItem,
    Message,
    PricedLines,
    image_url,
    line_availability,
    title,
)
from shop.credits.model.loyalty import PROGRAM, earned_points
from shop.kernel.contacts import Buyer
from shop.kernel.ids import derived_id
from shop.kernel.money import Money
from shop.pricing.model.quote import Quote
from shop.pricing.model.quote_lines import QuoteLine


def shop_page() -> str | None:
    """Return the URL template of the stage's pages, with ``{kind}`` and ``{id}``.

    ``None`` means that the stage has this API only.
    """
    return os.environ.get("SHOP_PAGE")


def continue_url_view(page: str | None, kind: str, id_: str) -> dict[str, str]:
    """Return UCP's ``continue_url``, at which a buyer can continue; empty without a page."""
    return {} if page is None else {"continue_url": page.format(kind=kind, id=id_)}


def cart_view(result: CartResult, page: str | None) -> dict[str, Any]:
    """Return a cart as UCP's ``shopping/cart.json``, without the envelope."""
    cart = result.cart
    lines = lines_view(result.priced)
    if result.stock_was_read:
        lines = with_availability(lines, result.priced.messages)
    view: dict[str, Any] = {
        "id": cart.id,
        "line_items": [*lines, *gifts_view(result.priced.quote)],
        "currency": result.priced.quote.currency,
        "totals": totals_view(result.priced.quote),
        **continue_url_view(page, "cart", cart.id),
        "expires_at": cart.expires_at.isoformat(),
    }
    if cart.owner != "guest":
        view["loyalty"] = loyalty_view(cart.owner, result.priced.quote)
    discounts = discounts_view(cart.codes, result.priced.quote)
    if discounts:
        view["discounts"] = discounts
    if buyer := buyer_view(cart.buyer):
        view["buyer"] = buyer
    context = {
        "address_country": cart.country,
        "address_region": cart.region,
        "postal_code": cart.postal_code,
    }
    if cart.country:
        view["context"] = {name: value for name, value in context.items() if value}
    if result.priced.messages:
        view["messages"] = messages_view(result.priced.messages)
    return view


CONSENT_DESCRIPTIONS = {
    "dev.ucp.consent.marketing": "Promotional messages.",
    "dev.ucp.consent.marketing.email": "Promotional emails.",
    "dev.ucp.consent.marketing.sms": "Promotional text messages.",
    "dev.ucp.consent.analytics": "Measurement of how the shop is used.",
    "dev.ucp.consent.preferences": "Storage of the buyer's preferences.",
    "dev.ucp.consent.sale_or_sharing": "Sale or sharing of personal data.",
}
"""Texts of UCP's purposes and of their segments."""


def buyer_view(buyer: Buyer) -> dict[str, Any]:
    """Return the fields of a buyer that are set, with a text for each consent, as UCP requires."""
    view = buyer.to_dict()
    if buyer.consent is not None:
        view["consent"] = _consents_view(buyer.consent)
    return view


def _consents_view(consents: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {
            **consent,
            "description": CONSENT_DESCRIPTIONS.get(name, f"The purpose {name}."),
            **({"segments": _consents_view(consent["segments"])} if "segments" in consent else {}),
        }
        for name, consent in consents.items()
    }


def lines_view(priced: PricedLines) -> list[dict[str, Any]]:
    """Return the line items with their totals."""
    return [_line_view(item, priced.quote.line(item.line.id)) for item in priced.items]


def _line_view(item: CartItem, line: QuoteLine) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": item.variant.id,
        "title": title(item),
        "price": line.unit_price.minor,
    }
    if picture := image_url(item):
        result["image_url"] = picture
    return {
        "id": line.id,
        "item": result,
        "quantity": line.quantity,
        "totals": line_totals_view(line),
    }


def with_availability(
    lines: Sequence[dict[str, Any]], messages: Sequence[Message]
) -> list[dict[str, Any]]:
    """Return line items with the availability of their quantity, as product pages state it.

    ``messages`` are those of a read of the stock.
    """
    return [
        {**line, "availability": {"available": status != "out_of_stock", "status": status}}
        for line, status in zip(lines, line_availability(len(lines), messages), strict=True)
    ]


def loyalty_view(customer: str, quote: Quote) -> dict[str, Any]:
    """Return UCP's loyalty extension: the points that a signed-in customer will earn."""
    goods = quote.subtotal - quote.goods_discount
    points = earned_points(goods.minor, goods.currency)
    return {
        PROGRAM: {
            "id": derived_id("member", customer),
            "name": "Points",
            "provisional": False,
            "rewards": [
                {
                    "currency": {"name": "Points", "code": "PTS"},
                    "earning_forecast": {"amount": points},
                }
            ],
        }
    }


def gifts_view(quote: Quote) -> list[dict[str, Any]]:
    """Return the gifts as lines without a price."""
    return [
        {
            "id": f"{GIFT_LINE_PREFIX}{gift.promotion_id}",
            "item": {"id": gift.variant_id or gift.sku, "title": gift.title, "price": 0},
            "quantity": gift.quantity,
            "totals": [{"type": "subtotal", "amount": 0}, {"type": "total", "amount": 0}],
        }
        for gift in quote.gifts
    ]


def line_totals_view(line: QuoteLine) -> list[dict[str, Any]]:
    """Return a line's subtotal, discount and total; tax is a total of the whole cart."""
    totals = [{"type": "subtotal", "amount": line.subtotal.minor}]
    if line.discount.minor:
        totals.append({"type": "items_discount", "amount": -line.discount.minor})
    totals.append({"type": "total", "amount": line.total.minor})
    return totals


def discounts_view(codes: Sequence[str], quote: Quote) -> dict[str, Any] | None:
    """Return UCP's discount extension: the codes entered, and the discounts with allocations.

    Discounts are in the order in which they were applied. The allocations of a discount sum to its
    amount.
    """
    applied: dict[str, dict[str, Any]] = {}
    charges = [(f"$.line_items[{index}]", line.discounts) for index, line in enumerate(quote.lines)]
    if quote.delivery is not None:
        charges.append(("$.totals.shipping", quote.delivery.discounts))
    for path, discounts in charges:
        for discount in discounts:
            entry = applied.setdefault(
                discount.promotion_id,
                {
                    **({"code": discount.code} if discount.code else {"automatic": True}),
                    "title": discount.title,
                    "amount": 0,
                    "allocations": [],
                },
            )
            entry["amount"] += discount.amount.minor
            entry["allocations"].append({"path": path, "amount": discount.amount.minor})
    applied_rules = [entry.rule for entry in quote.trace if entry.applied]
    order = {rule: position for position, rule in reversed(list(enumerate(applied_rules)))}
    ranked = sorted(applied, key=lambda id_: order.get(id_, len(order)))
    if not codes and not ranked:
        return None
    return {
        "codes": list(codes),
        "applied": [{**applied[id_], "priority": n} for n, id_ in enumerate(ranked, start=1)],
    }


def totals_view(quote: Quote) -> list[dict[str, Any]]:
    """Return the totals; all entries before the last sum to it.

    Included tax has no entry of its own: the text and the lines of the total have its
    amount by rate.
    """
    totals: list[dict[str, Any]] = [
        {"type": "subtotal", "display_text": "Subtotal", "amount": quote.subtotal.minor}
    ]
    goods = quote.goods_discount.minor
    if goods:
        totals.append({"type": "items_discount", "display_text": "Discount", "amount": -goods})
    if quote.discount.minor - goods:
        totals.append(
            {
                "type": "discount",
                "display_text": "Shipping discount",
                "amount": goods - quote.discount.minor,
            }
        )
    if quote.delivery is not None:
        totals.append(
            {"type": "fulfillment", "display_text": "Shipping", "amount": quote.shipping.minor}
        )
    taxes = [{"display_text": name, "amount": amount} for name, amount in quote.taxes]
    if quote.tax_added.minor:
        tax = {"type": "tax", "display_text": "Tax", "amount": quote.tax_added.minor}
        totals.append({**tax, "lines": taxes})
    total: dict[str, Any] = {"type": "total", "display_text": "Total", "amount": quote.total.minor}
    if quote.tax_included and quote.tax.minor:
        net = {"display_text": "Net", "amount": quote.total.minor - quote.tax.minor}
        total |= {"display_text": total_text_with(quote.taxes, quote.tax), "lines": [net, *taxes]}
    totals.append(total)
    return totals


def total_text_with(taxes: Sequence[tuple[str, int]], tax: Money) -> str:
    """Return the text of a total that includes tax, with the amount of each rate."""
    by_rate = ", ".join(f"{name} {Money(amount, tax.currency)}" for name, amount in taxes)
    return f"Total (includes tax of {tax}: {by_rate})"


def messages_view(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages in UCP's form, without absent fields."""
    return [
        {
            name: value
            for name, value in (
                ("type", message.type),
                ("code", message.code),
                ("path", message.path),
                ("content", message.content),
                ("severity", message.severity),
            )
            if value is not None
        }
        for message in messages
    ]
