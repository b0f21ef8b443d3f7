"""Checkout sessions in the ``sessions`` table, under ``CHECKOUT#<owner>#<id>``."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.cart.model import CartLine, Message
from shop.checkout.model import CheckoutSession, Offer, OfferLine
from shop.kernel.contacts import Buyer, PostalAddress
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
    """Implement :class:`shop.checkout.ports.CheckoutSessionRepository`.

    Reads compare the expiry, because DynamoDB's TTL deletes rows up to days late.
    """

    def get(self, owner: str, session_id: str, at: datetime) -> CheckoutSession:
        # Consistent: completing decides on this row whether an order was placed already.
        try:
            row = _Row.get(_pk(owner, session_id), consistent_read=True)
        except _Row.DoesNotExist:
            raise NotFound("The checkout does not exist. Create a new one.") from None
        if row.expires_at <= at.timestamp():
            raise NotFound("The checkout has expired. Create a new one.")
        return _session(owner, session_id, row)

    def insert_op(self, session: CheckoutSession) -> WriteOperation:
        row = _row(session)
        return lambda writes: writes.save(row, _Row.pk.does_not_exist())

    def update_op(self, before: CheckoutSession, after: CheckoutSession) -> WriteOperation:
        row = _row(after)
        return lambda writes: writes.save(row, _Row.version == before.version)

    def delete_op(self, session: CheckoutSession) -> WriteOperation:
        row = _Row(_pk(session.owner, session.id))
        return lambda writes: writes.delete(row, _Row.version == session.version)

    def condition_key(self, session: CheckoutSession) -> str:
        return _pk(session.owner, session.id)


class ClaimingCheckoutSessionRepository(DynamoCheckoutSessionRepository):
    """Sessions of which a customer who asks for a guest's open session claims it.

    A session of the owner costs no further call. A guest's session that is being paid or closed is
    returned with the guest as its owner.
    """

    def __init__(self, claim: Callable[[str, str, datetime], CheckoutSession]) -> None:
        self._claim = claim

    def get(self, owner: str, session_id: str, at: datetime) -> CheckoutSession:
        try:
            return super().get(owner, session_id, at)
        except NotFound:
            if owner == "guest":
                raise
        return self._claim(owner, session_id, at)


def _pk(owner: str, session_id: str) -> str:
    return f"CHECKOUT#{owner}#{session_id}"


_PLAIN_FIELDS = (
    "country",
    "region",
    "postal_code",
    "attribution",
    "cart_id",
    "cart_digests",
    "channel",
    "canceled",
    "order_id",
    "has_guest_offer",
)


def _row(session: CheckoutSession) -> _Row:
    plain = {name: getattr(session, name) for name in _PLAIN_FIELDS}
    buyer, destination = session.buyer.to_dict(), session.destination
    doc: dict[str, Any] = {
        **({"buyer": buyer} if buyer else {}),
        **({"destination": destination.to_dict()} if destination is not None else {}),
        # Fields at their defaults are left out: the row is read and written on every request.
        **{name: value for name, value in plain.items() if value not in (None, {}, False)},
        **({"codes": list(session.codes)} if session.codes else {}),
        "lines": [
            [line.id, line.variant_id, line.quantity, line.shown_price] for line in session.lines
        ],
        "offer": _offer_to_dict(session.offer),
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
        offer=_offer_from_dict(doc["offer"]),
        created_at=datetime.fromisoformat(doc["created_at"]),
        expires_at=datetime.fromtimestamp(int(row.expires_at), UTC),
        attempt=doc["attempt"],
        codes=tuple(doc.get("codes", ())),
        version=int(row.version),
        buyer=Buyer.from_dict(doc.get("buyer", {})),
        destination=(PostalAddress.from_dict(doc["destination"]) if "destination" in doc else None),
        **{name: doc[name] for name in _PLAIN_FIELDS if name in doc},
    )


def _offer_to_dict(offer: Offer) -> dict[str, Any]:
    """Write an offer. Rows of like records are lists, which compress better than objects."""
    raw: dict[str, Any] = {
        "lines": [
            [
                line.id,
                line.product_id,
                line.variant_id,
                line.sku,
                line.title,
                line.quantity,
                line.image_url,
            ]
            for line in offer.lines
        ],
        "quote": offer.quote.to_dict(),
        "options": [_option_to_list(option) for option in offer.options],
        "option": offer.option_id,
        "messages": [
            [message.type, message.code, message.content, message.path, message.severity]
            for message in offer.messages
        ],
    }
    if offer.usage:
        raw["usage"] = [reservation.to_list() for reservation in offer.usage]
    if offer.group_buy:
        raw["group_buy"] = offer.group_buy
    if offer.group_ends is not None:
        raw["group_ends"] = offer.group_ends.isoformat()
    if offer.kits:
        raw["kits"] = {sku: dict(parts) for sku, parts in offer.kits.items()}
    if offer.ships_from:
        raw["ships_from"] = dict(offer.ships_from)
        raw["ship_zone"] = offer.ship_zone
    if offer.undeliverable:
        raw["undeliverable"] = offer.undeliverable
    return raw


def _offer_from_dict(raw: dict[str, Any]) -> Offer:
    quote = Quote.from_dict(raw["quote"])
    return Offer(
        lines=tuple(OfferLine(*line) for line in raw["lines"]),
        quote=quote,
        options=tuple(_option_from_list(option, quote.currency) for option in raw["options"]),
        option_id=raw["option"],
        messages=tuple(Message(*message) for message in raw["messages"]),
        usage=tuple(UsageReservation.from_list(values) for values in raw.get("usage", ())),
        group_buy=raw.get("group_buy"),
        group_ends=datetime.fromisoformat(raw["group_ends"]) if "group_ends" in raw else None,
        kits=raw.get("kits", {}),
        ships_from=raw.get("ships_from", {}),
        ship_zone=raw.get("ship_zone", "UTC"),
        undeliverable=raw.get("undeliverable"),
    )


def _option_to_list(option: ShippingOption) -> list[Any]:
    return [
        option.id,
        option.title,
        option.price.minor,
        option.earliest.isoformat(),
        option.latest.isoformat(),
        option.carrier,
        option.parcels,
        option.carbon_g,
    ]


def _option_from_list(values: list[Any], currency: str) -> ShippingOption:
    id_, title, price, earliest, latest, carrier, parcels, carbon_g = values
    return ShippingOption(
        id_,
        title,
        Money(price, currency),
        datetime.fromisoformat(earliest),
        datetime.fromisoformat(latest),
        carrier,
        parcels,
        carbon_g,
    )
