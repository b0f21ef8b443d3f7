"""Checkout sessions in the ``sessions`` table: ``CHECKOUT#<owner>#<id>``, owner in the key."""

import os
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.cart.model import CartLine, Message
from shop.checkout.model import CheckoutSession, Offer, OfferLine
from shop.kernel.errors import NotFound
from shop.kernel.money import Money
from shop.kernel.unit_of_work import WriteOperation
from shop.kernel.usage import UsageReservation
from shop.pricing.model.quote import Quote
from shop.shipping.model import ShippingOption
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    version = NumberAttribute()
    doc = CompressedJsonAttribute()
    expires_at = NumberAttribute()


class DynamoCheckoutSessionRepository:
    """See :class:`shop.checkout.ports.CheckoutSessionRepository`. Expiry is compared when reading."""

    def get(self, owner: str, session_id: str, at: datetime) -> CheckoutSession:
        try:
            row = _Row.get(_pk(owner, session_id), consistent_read=True)
        except _Row.DoesNotExist:
            raise NotFound("there is no such checkout") from None
        if row.expires_at <= at.timestamp():
            raise NotFound("this checkout has expired; begin a new one")
        return _session(owner, session_id, row)

    def insert_op(self, session: CheckoutSession) -> WriteOperation:
        row = _row(session)
        return lambda writes: writes.save(row, _Row.pk.does_not_exist())

    def update_op(self, before: CheckoutSession, after: CheckoutSession) -> WriteOperation:
        row = _row(after)
        return lambda writes: writes.save(row, _Row.version == before.version)

    def condition_key(self, session: CheckoutSession) -> str:
        return _pk(session.owner, session.id)


def _pk(owner: str, session_id: str) -> str:
    return f"CHECKOUT#{owner}#{session_id}"


_PLAIN = (
    "buyer",
    "destination",
    "country",
    "region",
    "postal_code",
    "attribution",
    "cart_id",
    "channel",
    "canceled",
    "order_id",
    "placement_key",
)


def _row(session: CheckoutSession) -> _Row:
    plain = {name: getattr(session, name) for name in _PLAIN}
    doc: dict[str, Any] = {
        **{name: value for name, value in plain.items() if value not in (None, {}, False)},
        **({"codes": list(session.codes)} if session.codes else {}),
        "lines": [[n.id, n.variant_id, n.quantity, n.shown_price] for n in session.lines],
        "offer": _offer_out(session.offer),
        "created_at": session.created_at.isoformat(),
        "attempt": session.attempt,
    }
    return _Row(
        _pk(session.owner, session.id),
        version=session.version,
        doc=doc,
        expires_at=int(session.expires_at.timestamp()),
    )


def _session(owner: str, session_id: str, row: _Row) -> CheckoutSession:
    doc = row.doc
    return CheckoutSession(
        id=session_id,
        owner=owner,
        lines=tuple(CartLine(*line) for line in doc["lines"]),
        offer=_offer_in(doc["offer"]),
        created_at=datetime.fromisoformat(doc["created_at"]),
        expires_at=datetime.fromtimestamp(int(row.expires_at), UTC),
        attempt=doc["attempt"],
        codes=tuple(doc.get("codes", ())),
        version=int(row.version),
        **{name: doc[name] for name in _PLAIN if name in doc},
    )


def _offer_out(offer: Offer) -> dict[str, Any]:
    counts = {"usage": [count.to_list() for count in offer.usage]} if offer.usage else {}
    group = {"group_buy": offer.group_buy} if offer.group_buy else {}
    if offer.group_ends is not None:
        group["group_ends"] = offer.group_ends.isoformat()
    kits = {"kits": {sku: dict(parts) for sku, parts in offer.kits.items()}} if offer.kits else {}
    why_not = {"undeliverable": offer.undeliverable} if offer.undeliverable else {}
    return {
        **counts,
        **group,
        **kits,
        **({"ships_from": dict(offer.ships_from)} if offer.ships_from else {}),
        **why_not,
        "lines": [
            [n.id, n.product_id, n.variant_id, n.sku, n.title, n.quantity, n.image_url]
            for n in offer.lines
        ],
        "quote": offer.quote.to_dict(),
        "options": [
            [
                o.id,
                o.title,
                o.price.minor,
                o.earliest.isoformat(),
                o.latest.isoformat(),
                o.carrier,
                o.parcels,
                o.carbon_g,
            ]
            for o in offer.options
        ],
        "option": offer.option_id,
        "messages": [[m.type, m.code, m.content, m.path, m.severity] for m in offer.messages],
    }


def _offer_in(raw: dict[str, Any]) -> Offer:
    quote = Quote.from_dict(raw["quote"])
    return Offer(
        lines=tuple(OfferLine(*line) for line in raw["lines"]),
        quote=quote,
        options=tuple(
            ShippingOption(
                id_,
                title,
                Money(price, quote.currency),
                datetime.fromisoformat(earliest),
                datetime.fromisoformat(latest),
                carrier,
                parcels,
                carbon,
            )
            for id_, title, price, earliest, latest, carrier, parcels, carbon in raw["options"]
        ),
        option_id=raw["option"],
        messages=tuple(Message(*message) for message in raw["messages"]),
        usage=tuple(UsageReservation.from_list(told) for told in raw.get("usage", ())),
        group_buy=raw.get("group_buy"),
        group_ends=datetime.fromisoformat(raw["group_ends"]) if "group_ends" in raw else None,
        kits=raw.get("kits", {}),
        ships_from=raw.get("ships_from", {}),
        undeliverable=raw.get("undeliverable"),
    )
