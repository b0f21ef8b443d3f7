"""The order index: one small item for each term of an order, written after the order.

=======================  ================  ================================
PK                       SK                item
=======================  ================  ================================
``EMAIL#<n>#<hash>``     ``<placed_key>``  an order of this email address
``PHONE#<n>#<hash>``     ``<placed_key>``  an order with this end of a phone number
``NAME#<n>#<hash>``      ``<placed_key>``  an order with this start of a name
``SKU#<n>#<sku>``        ``<placed_key>``  an order with this SKU
=======================  ================  ================================

``<n>`` is a shard. Email addresses, phone numbers and names are personal data: their keys hold
keyed hashes, and no item holds a text of a person. An item is written once, when its order is
placed, because it holds nothing that changes later.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.errors import NotFound
from shop.orders.model import Order, OrderStatus
from shop.orders.model.finding import PERSONAL_TERMS, SearchTerm, TermKind, search_terms
from shop.orders.store.repository import DynamoOrderRepository
from shop.orders.store.rows import placed_key_of
from shop.orders.store.serialization import from_document
from shop.storage.batch_write import write_unconditionally
from shop.storage.compression import decompress_json
from shop.storage.connection import Row

SHARDS_BY_KIND = {TermKind.EMAIL: 1, TermKind.PHONE: 1, TermKind.NAME: 4, TermKind.SKU: 16}
"""Shards of a term. In a flash sale all orders have one SKU: with 16 shards, a partition gets 63 of
1,000 writes per second, and it accepts 1,000. A tenth of all names may share three letters."""

Image = Mapping[str, Any] | None
HashKeys = Callable[[], Sequence[bytes]]
"""Returns the keys of the hashes: the current one, then former ones under which to find orders."""


class OrderPostingRow(Row):
    """An order under one of its terms. Amounts are minor units."""

    class Meta:
        table_name = os.environ["TABLE_ORDER_INDEX"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    owner = UnicodeAttribute()
    currency = UnicodeAttribute()
    total = NumberAttribute()


def partition_keys(term: SearchTerm, keys: Sequence[bytes]) -> Iterator[str]:
    """Yield the partition keys of a term: each of its shards, under each of the keys."""
    for text in _stored_texts(term, keys):
        for shard in range(SHARDS_BY_KIND[term.kind]):
            yield _partition_key(term.kind, shard, text)


def text_hash(term: SearchTerm, key: bytes) -> str:
    """Return the keyed hash under which a personal term is listed."""
    return _stored_texts(term, (key,))[0]


def hashed_partition_key(kind: TermKind, shard: int, text: str) -> str:
    """Return the partition key of the result of :func:`text_hash`."""
    return _partition_key(kind, shard, text)


def _partition_key(kind: TermKind, shard: int, text: str) -> str:
    return f"{kind.upper()}#{shard:02d}#{text}"


def _stored_texts(term: SearchTerm, keys: Sequence[bytes]) -> list[str]:
    if term.kind not in PERSONAL_TERMS:
        return [term.text]
    message = f"{term.kind}\n{term.text}".encode()
    # 128 bits: no two texts of a shop share a hash.
    digests = (hmac.digest(key, message, hashlib.sha256)[:16] for key in keys)
    return [base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in digests]


class DynamoOrderIndex:
    """Writes the items of the index from the changes of orders, which may arrive twice."""

    def __init__(self, keys: HashKeys, orders: DynamoOrderRepository) -> None:
        self._keys = keys
        self._orders = orders

    def apply(self, changes: Sequence[tuple[str, Image, Image]]) -> str | None:
        """Index ``(name, old image, new image)`` of orders; return the first unreadable name."""
        # By key, so that a batch has no key twice. The last change of an order counts.
        rows: dict[tuple[str, str], tuple[OrderPostingRow, bool]] = {}
        unreadable: str | None = None
        for name, old, new in changes:
            try:
                before, after = _visible_order(old), _visible_order(new)
            except (ValueError, TypeError, LookupError):
                # Index the readable changes before it, then report this one.
                unreadable = name
                break
            if before is not None and new is None:
                after = self._moved(before)
            rows.update(
                ((row.pk, row.sk), (row, is_listed))
                for row, is_listed in self._changed_rows(before, after)
            )
        write_unconditionally(
            OrderPostingRow.Meta.table_name,
            (row.serialize() for row, is_listed in rows.values() if is_listed),
            (_key_of(row) for row, is_listed in rows.values() if not is_listed),
        )
        return unreadable

    def _moved(self, before: Order) -> Order | None:
        """Return the order under another owner; ``None`` if it was deleted."""
        try:
            return self._orders.get_by_id(before.id)
        except NotFound:
            return None

    def _changed_rows(
        self, before: Order | None, after: Order | None
    ) -> Iterator[tuple[OrderPostingRow, bool]]:
        """Yield the rows to delete (False), then those to write (True)."""
        old = frozenset() if before is None else search_terms(before)
        new = frozenset() if after is None else search_terms(after)
        if before is not None:
            # Under every key: an order may have been indexed before the key was replaced.
            yield from ((row, False) for row in _rows(before, old - new, self._keys()))
        if after is not None:
            is_moved = before is not None and before.owner != after.owner
            written = new if is_moved else new - old
            yield from ((row, True) for row in _rows(after, written, self._keys()[:1]))


def _rows(
    order: Order, terms: frozenset[SearchTerm], keys: Sequence[bytes]
) -> Iterator[OrderPostingRow]:
    digest = hashlib.sha256(order.id.encode()).digest()[0]
    for term in terms:
        for text in _stored_texts(term, keys):
            yield OrderPostingRow(
                _partition_key(term.kind, digest % SHARDS_BY_KIND[term.kind], text),
                placed_key_of(order.id, order.placed_at),
                owner=order.owner,
                currency=order.currency,
                total=order.total,
            )


def _key_of(row: OrderPostingRow) -> dict[str, Any]:
    return {"PK": {"S": row.pk}, "SK": {"S": row.sk}}


def _visible_order(image: Image) -> Order | None:
    """Return the order of an image; ``None`` if there is none, or if it is still being placed."""
    if image is None or image["status"] == OrderStatus.PLACING.value:
        return None
    return from_document(
        decompress_json(bytes(image["doc"])),
        order_id=image["PK"].removeprefix("ORDER#"),
        owner=image["SK"].removeprefix("HEAD#"),
        status=image["status"],
        version=int(image["version"]),
    )
