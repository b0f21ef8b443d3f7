"""The offer: lines, codes, place and way of shipping, priced as things are now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.cart.actions import NOTHING, Shelf
from shop.cart.model import (
    Line,
    counted_as,
    facts_of,
    priced,
    shortage_messages,
    unknown_items,
)
from shop.checkout.model import (
    Offer,
    Session,
    offer_lines,
    place_of,
)
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid, NotFound
from shop.pricing.model import Destination, counts_of, group_of
from shop.shipping.actions import Standard, options
from shop.shipping.model import Consignment, ShippingOption
from shop.shipping.model import Item as Packed


def offer_for(
    lines: Sequence[Line],
    destination: Mapping[str, Any] | None,
    place: Destination | None,
    option_id: str | None,
    shelf: Shelf,
    at: datetime,
    *,
    stock: Stock | None,
    codes: tuple[str, ...],
    owner: str,
    buyer: Mapping[str, Any],
    currency: str | None,
    channel: str,
    strict: bool = False,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
) -> Offer:
    """Make an offer for these lines as things are now.

    ``surely`` looks at limits as they were last written: what is left after somebody took the last.

    Without a choice the cheapest way of shipping is chosen. With ``strict`` a line that is not sold
    and a way that is not offered are refused; without, they are left out and spoken of.
    """
    known = shelf.catalogue.variants([line.variant_id for line in lines])
    if strict and (refusal := unknown_items(lines, known)):
        raise refusal
    country = place.country if place else None
    rules, customer = shelf.book.rules(at), facts_of(owner)
    who = counted_as(owner, buyer)
    goods = priced(
        lines,
        known,
        rules=rules,
        at=at,
        country=country,
        destination=place,
        currency=currency,
        channel=channel,
        codes=codes,
        customer=customer,
        left=shelf.left(rules, who, at, surely=surely, gone=gone),
    )
    if not goods.items:
        raise NotFound("nothing in this checkout is sold any more", code="item_unavailable")
    ways: tuple[ShippingOption, ...] = ()
    undeliverable = None
    if destination and place is not None:
        table = (shelf.shipping or Standard()).table(at)
        packed = tuple(Packed(i.line.quantity, i.variant.weight_g) for i in goods.items)
        value = goods.quote.subtotal - goods.quote.goods_discount
        ways = options(Consignment(packed, value), place, table=table, at=at)
        undeliverable = None if ways else table.why_not(place).value
    chosen = next((way for way in ways if way.id == option_id), None)
    if option_id is not None and ways and chosen is None:
        if strict:
            raise Invalid(
                f"{option_id!r} is not offered; choose one of {', '.join(w.id for w in ways)}",
                code="option_unknown",
                path="$.fulfillment.methods[0].groups[0].selected_option_id",
            )
        option_id = None
    if chosen is None and ways:
        chosen = ways[0]
    result = goods
    if chosen is not None:
        result = priced(
            [item.line for item in goods.items],
            known,
            rules=rules,
            at=at,
            country=country,
            destination=place,
            shipping=chosen.price,
            shipping_method=chosen.id,
            currency=goods.quote.currency,
            channel=channel,
            codes=codes,
            customer=customer,
            left=lambda basket: goods.standing,
        )
    messages = [*result.messages]
    if stock is not None:
        levels = stock.towards(country).levels([item.variant.sku for item in goods.items])
        messages += shortage_messages(goods.items, levels, severity="recoverable")
    return Offer(
        lines=offer_lines(goods.items),
        quote=result.quote,
        options=ways,
        option_id=chosen.id if chosen else None,
        undeliverable=undeliverable,
        messages=tuple(messages),
        counts=counts_of(
            result.quote.uses, rules, goods.standing, who, applied=result.quote.applied
        ),
        group_buy=group_of(result.quote.uses, rules, goods.standing),
    )


def offer_again(
    session: Session,
    shelf: Shelf,
    at: datetime,
    *,
    stock: Stock | None,
    surely: bool = False,
    gone: Mapping[str, int] = NOTHING,
) -> Offer:
    place = place_of(session.destination, session.country, session.region, session.postal_code)
    return offer_for(
        session.lines,
        session.destination,
        place,
        session.offer.option_id,
        shelf,
        at,
        stock=stock,
        codes=session.codes,
        owner=session.owner,
        buyer=session.buyer,
        currency=session.offer.quote.currency,
        channel=session.channel,
        surely=surely,
        gone=gone,
    )


def as_offered(lines: Sequence[Line], offer: Offer) -> tuple[Line, ...]:
    shown = {line.id: line.unit_price.minor for line in offer.quote.lines}
    return tuple(replace(line, seen=shown[line.id]) for line in lines if line.id in shown)
