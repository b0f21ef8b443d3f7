"""Carts in the ``sessions`` table, under ``CART#<owner>#<id>``: ownership is in the key."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.cart.model import Cart, CartLine
from shop.kernel.contacts import Buyer
from shop.kernel.errors import NotFound
from shop.kernel.unit_of_work import WriteOperation
from shop.pricing.model.price_snapshot import PriceSnapshot
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute
from shop.storage.prefetch import ReadSet, get


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    version = NumberAttribute()
    doc = CompressedJsonAttribute()
    expires_at = NumberAttribute()


class DynamoCartRepository:
    """Implement :class:`shop.cart.ports.CartRepository`.

    Reads compare the expiry, because DynamoDB's TTL deletes rows up to days late.
    """

    def read_set(self, owner: str, cart_id: str) -> ReadSet:
        """Return the read that :meth:`get` makes, for :func:`shop.storage.prefetch.prefetch`."""
        return ReadSet(_Row, ((_pk(owner, cart_id),),), consistent=True)

    def get(self, owner: str, cart_id: str, at: datetime) -> Cart:
        # Consistent: a client reads its own cart right after writing it.
        row = get(_Row, (_pk(owner, cart_id),), consistent=True)
        if row is None:
            raise NotFound("The cart does not exist. Create a new one.")
        if row.expires_at <= at.timestamp():
            raise NotFound("The cart has expired. Create a new one.")
        return _cart(owner, cart_id, row)

    def insert_op(self, cart: Cart) -> WriteOperation:
        row = _row(cart)
        return lambda writes: writes.save(row, _Row.pk.does_not_exist())

    def update_op(self, before: Cart, after: Cart) -> WriteOperation:
        row = _row(after)
        return lambda writes: writes.save(row, _Row.version == before.version)

    def delete_op(self, cart: Cart) -> WriteOperation:
        row = _Row(_pk(cart.owner, cart.id))
        return lambda writes: writes.delete(row, _Row.version == cart.version)


class ClaimingCartRepository(DynamoCartRepository):
    """Carts of which a customer who asks for a guest's cart claims it.

    A cart of the owner costs no further call.
    """

    def __init__(self, claim: Callable[[str, str, datetime], Cart]) -> None:
        self._claim = claim

    def get(self, owner: str, cart_id: str, at: datetime) -> Cart:
        try:
            return super().get(owner, cart_id, at)
        except NotFound:
            if owner == "guest":
                raise
        return self._claim(owner, cart_id, at)


def _pk(owner: str, cart_id: str) -> str:
    return f"CART#{owner}#{cart_id}"


def _row(cart: Cart) -> _Row:
    doc: dict[str, Any] = {
        "lines": [
            [line.id, line.variant_id, line.quantity, line.shown_price] for line in cart.lines
        ],
        "currency": cart.currency,
        "created_at": cart.created_at.isoformat(),
        "country": cart.country,
        "region": cart.region,
        "postal_code": cart.postal_code,
        "buyer": cart.buyer.to_dict(),
        "attribution": dict(cart.attribution),
        **({"codes": list(cart.codes)} if cart.codes else {}),
        **({"channel": cart.channel} if cart.channel != "web" else {}),
        **({"shown": cart.shown.to_dict()} if cart.shown is not None else {}),
        **({"checkout_id": cart.checkout_id} if cart.checkout_id is not None else {}),
    }
    return _Row(
        _pk(cart.owner, cart.id),
        version=cart.version,
        doc=doc,
        expires_at=int(cart.expires_at.timestamp()),
    )


def _cart(owner: str, cart_id: str, row: _Row) -> Cart:
    doc = row.doc
    lines = tuple(CartLine(*line) for line in doc["lines"])
    prices = {line.id: line.shown_price for line in lines if line.shown_price is not None}
    shown = doc.get("shown")
    return Cart(
        id=cart_id,
        owner=owner,
        lines=lines,
        shown=None if shown is None else PriceSnapshot.from_dict(shown, doc["currency"], prices),
        currency=doc["currency"],
        created_at=datetime.fromisoformat(doc["created_at"]),
        expires_at=datetime.fromtimestamp(int(row.expires_at), UTC),
        country=doc["country"],
        region=doc["region"],
        postal_code=doc["postal_code"],
        buyer=Buyer.from_dict(doc["buyer"]),
        attribution=doc["attribution"],
        codes=tuple(doc.get("codes", ())),
        channel=doc.get("channel", "web"),
        checkout_id=doc.get("checkout_id"),
        version=int(row.version),
    )
