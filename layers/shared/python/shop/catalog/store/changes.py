"""Writing a product and its postings so that they never disagree for good.

Ordinarily both go in one transaction. More postings than a transaction holds go in several: the
first has the product and a REINDEX item naming every posting in question; each further one holds
only while the product is still at that version; the last takes the REINDEX item away. So nobody
can write a card that is older than its product, and whoever finds a REINDEX item can finish the
work. An import (:func:`write_many`) writes postings in bulk, which no condition can guard: its
REINDEX items stand from before the first posting until after the last, and are taken away only if
nobody else has touched the product meanwhile.
"""

import random
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pynamodb.expressions.condition import Condition

from shop.catalog.model import Posting, Product
from shop.catalog.store.rows import (
    REINDEX,
    CatalogRow,
    key_of,
    pack_postings,
    posting_items,
    posting_key,
    posting_rows,
    product_row,
    unpack_postings,
)
from shop.kernel.errors import Unavailable
from shop.kernel.transactions import Clash, Part
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger

ACTIONS = 100
"""Actions that one DynamoDB transaction holds."""
ROOM = ACTIONS - 2
"""Of these, what is left beside the product and the REINDEX item."""
BATCH = 25
"""Items that one BatchWriteItem takes."""
TRIES = 8
"""How often DynamoDB may take none of them before that is an answer."""
LONGEST_PAUSE = 2.0
"""Seconds between two of them, at most, while DynamoDB has no room for more."""


@dataclass(frozen=True)
class Kept:
    """What the table knows of a product: its row, and the REINDEX item of an unfinished change."""

    row: CatalogRow | None
    reindex: CatalogRow | None

    @property
    def version(self) -> int:
        return int(self.row.version) if self.row else 0

    @property
    def postings(self) -> set[Posting]:
        return unpack_postings(self.row.posted) if self.row else set()

    @property
    def in_question(self) -> set[Posting]:
        return unpack_postings(self.reindex.posted) if self.reindex else set()


@dataclass(frozen=True)
class Change:
    """A product's next version, where its card goes, and what was there before."""

    product: Product
    wanted: Sequence[Posting]
    before: Kept

    @cached_property
    def stale(self) -> set[Posting]:
        return (self.before.postings | self.before.in_question).difference(self.wanted)

    @cached_property
    def row(self) -> CatalogRow:
        return product_row(self.product, self.wanted)

    @cached_property
    def reindex(self) -> CatalogRow:
        return CatalogRow(
            REINDEX,
            self.product.id,
            version=self.product.version,
            since=int(self.product.updated_at.timestamp()),
            posted=pack_postings({*self.wanted, *self.stale}),
        )

    @property
    def size(self) -> int:
        """Bytes that it takes of a transaction, its own card's postings not counted."""
        return len(self.row.doc) + len(self.row.posted) + len(self.reindex.posted) + 400

    @property
    def unchanged(self) -> Condition:
        if self.before.row is None:
            return CatalogRow.PK.does_not_exist()
        return CatalogRow.version == self.before.version


def kept(product_ids: Iterable[str]) -> dict[str, Kept]:
    """What there is of each product, in one read per 50."""
    ids = list(dict.fromkeys(product_ids))
    keys = [key for i in ids for key in (key_of(i), (REINDEX, i))]
    products: dict[str, CatalogRow] = {}
    unfinished: dict[str, CatalogRow] = {}
    for row in CatalogRow.batch_get(keys, consistent_read=True):
        if row.PK == REINDEX:
            unfinished[row.SK] = row
        else:
            products[row.PK.removeprefix("PRODUCT#")] = row
    return {i: Kept(products.get(i), unfinished.get(i)) for i in ids}


def write(change: Change) -> bool:
    """Write one product and its postings. ``False`` where it was changed meanwhile."""
    writes = _card_writes(change.product, change.wanted, change.stale)
    # Another's REINDEX item is not ours to take away: it may still be writing.
    others = change.before.reindex is not None
    first = [_put(change.row, change.unchanged)]
    if others or len(writes) > ROOM:
        first.append(_put(change.reindex))
    if not _commit([*first, *writes[:ROOM]]):
        return False
    if len(writes) > ROOM:
        _finish(change.product, writes[ROOM:], settled=not others)
    return True


def write_many(changes: Sequence[Change]) -> list[bool]:
    """Write products in bulk, at most half of :data:`ACTIONS`; for each whether it went through."""
    begun = [w for c in changes for w in (_put(c.row, c.unchanged), _put(c.reindex))]
    if not _commit(begun):
        return [write(change) for change in changes]  # one of them was changed meanwhile: find it
    puts = [item for c in changes for item in posting_items(c.product, c.wanted)]
    deletes = [posting_key(p) for c in changes for p in c.stale]
    _write_unconditionally(puts, deletes)
    done = [_settle(change.product) for change in changes]
    if not _commit(done):
        for one in done:
            _commit([one])  # those that somebody else has taken over stay, for mend
    return [True] * len(changes)


def mend(before: Kept, product: Product) -> None:
    """Finish what a REINDEX item tells was begun; ``product`` is as the table has it."""
    stale = before.in_question - before.postings
    _finish(product, _card_writes(product, sorted(before.postings), stale), settled=True)


def _finish(product: Product, writes: Sequence[Part], *, settled: bool) -> None:
    """Write the rest while the product is at this version; a newer one sees to it itself."""
    current = _check(product.id, CatalogRow.version == product.version)
    rest = [*writes, _delete(CatalogRow(REINDEX, product.id))] if settled else writes
    for part in _parts(rest):
        if not _commit([current, *part]):
            return


def _card_writes(
    product: Product, wanted: Collection[Posting], stale: Collection[Posting]
) -> list[Part]:
    return [*(_put(row) for row in posting_rows(product, wanted)), *(_drop(p) for p in stale)]


def _write_unconditionally(puts: list[dict[str, Any]], deletes: list[dict[str, Any]]) -> None:
    """BatchWriteItem, 25 at a time, and again what DynamoDB had no room for just then."""
    table = CatalogRow.Meta.table_name
    requests = deque([{"PutRequest": {"Item": item}} for item in puts])
    requests.extend({"DeleteRequest": {"Key": key}} for key in deletes)
    client: Any = connection().client
    in_vain = 0
    while requests:
        some = [requests.popleft() for _ in range(min(BATCH, len(requests)))]
        answer = client.batch_write_item(RequestItems={table: some})
        left = answer.get("UnprocessedItems", {}).get(table, [])
        requests.extend(left)
        in_vain = in_vain + 1 if len(left) == len(some) else 0
        if in_vain == TRIES:
            raise Unavailable("the catalogue takes no more at the moment; try again")
        if left:
            time.sleep(random.uniform(0, min(0.05 * 2**in_vain, LONGEST_PAUSE)))


def _settle(product: Product) -> Part:
    return _delete(CatalogRow(REINDEX, product.id), CatalogRow.version == product.version)


def _put(row: CatalogRow, condition: Condition | None = None) -> Part:
    return lambda t: t.save(row, condition=condition)


def _delete(row: CatalogRow, condition: Condition | None = None) -> Part:
    return lambda t: t.delete(row, condition=condition)


def _drop(posting: Posting) -> Part:
    return _delete(CatalogRow(posting.heading, posting.place))


def _check(product_id: str, condition: Condition) -> Part:
    return lambda t: t.condition_check(CatalogRow, *key_of(product_id), condition=condition)


def _parts(writes: Sequence[Part]) -> Iterator[Sequence[Part]]:
    for start in range(0, len(writes), ACTIONS - 1):
        yield writes[start : start + ACTIONS - 1]


def _commit(writes: Iterable[Part]) -> bool:
    """All or nothing; ``False`` where a condition does not hold."""
    try:
        DynamoLedger().commit(*writes)
    except Clash:
        return False
    return True
