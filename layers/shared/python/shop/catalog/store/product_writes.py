"""Writing a product and its postings so that they never disagree for good.

Ordinarily both go in one transaction. More postings than a transaction holds go in several: the
first has the product and a REINDEX item naming every posting in question; each further one holds
only while the product is still at that version; the last takes the REINDEX item away. So nobody
can write a card that is older than its product, and whoever finds a REINDEX item can finish the
work. An import (:func:`write_many`) writes postings in bulk, which no condition can guard: its
REINDEX items stand from before the first posting until after the last, and are taken away only if
nobody else has touched the product meanwhile.

A SKU is sold by one product: its *claim*, an item of its own, names that product, and is put and
taken away in the transaction of the product itself. A product that changes more SKUs than one
transaction holds claims those that are over before, and lets go of them after. A crash between
leaves claims that their product knows nothing of: whoever meets such a claim takes it over once it
is too old to be somebody's work in progress.
"""

import random
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from pynamodb.expressions.condition import Condition

from shop.catalog.model import Posting, Product
from shop.catalog.store.rows import (
    CLAIM,
    REINDEX,
    CatalogRow,
    claim_key,
    pack_postings,
    posting_items,
    posting_key,
    posting_rows,
    product_key,
    product_to_row,
    unpack_claims,
    unpack_postings,
)
from shop.kernel.errors import Unavailable
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork

ABANDONED_AFTER = timedelta(minutes=15)
"""How old an unfinished change is before it counts as abandoned; a Lambda lives no longer."""
MAX_ACTIONS_PER_TRANSACTION = 100
"""Actions that one DynamoDB transaction holds."""
MAX_POSTINGS_PER_TRANSACTION = MAX_ACTIONS_PER_TRANSACTION - 2
"""Of these, what is left beside the product and the REINDEX item."""
BATCH_WRITE_SIZE = 25
"""Items that one BatchWriteItem takes."""
MAX_ATTEMPTS = 8
"""How often DynamoDB may take none of them before that is an answer."""
MAX_PAUSE_SECONDS = 2.0
"""Seconds between two of them, at most, while DynamoDB has no room for more."""


@frozen(slots=False)
class StoredProduct:
    """What the table knows of a product: its row, and the REINDEX item of an unfinished change."""

    row: CatalogRow | None
    reindex: CatalogRow | None

    @property
    def version(self) -> int:
        return int(self.row.version) if self.row else 0

    @property
    def postings(self) -> set[Posting]:
        return unpack_postings(self.row.postings_in_force) if self.row else set()

    @property
    def claims(self) -> set[str]:
        return unpack_claims(self.row.postings_in_force) if self.row else set()

    @property
    def unsettled_postings(self) -> set[Posting]:
        return unpack_postings(self.reindex.postings_in_force) if self.reindex else set()


@frozen(slots=False)
class ProductWrite:
    """A product's next version, where its card goes, and what was there before."""

    product: Product
    postings: Sequence[Posting]
    stored: StoredProduct

    @cached_property
    def stale(self) -> set[Posting]:
        return (self.stored.postings | self.stored.unsettled_postings).difference(self.postings)

    @cached_property
    def claimed_skus(self) -> list[str]:
        """SKUs that become this product's with the change."""
        return sorted(self.product.claimed_skus - self.stored.claims)

    @cached_property
    def released_skus(self) -> list[str]:
        """SKUs that are anybody's after it."""
        return sorted(self.stored.claims - self.product.claimed_skus)

    @property
    def actions(self) -> int:
        """What it takes of a transaction that begins it."""
        return 2 + len(self.claimed_skus) + len(self.released_skus)

    @cached_property
    def row(self) -> CatalogRow:
        return product_to_row(self.product, self.postings)

    @cached_property
    def reindex(self) -> CatalogRow:
        return CatalogRow(
            REINDEX,
            self.product.id,
            version=self.product.version,
            since=int(self.product.updated_at.timestamp()),
            postings_in_force=pack_postings({*self.postings, *self.stale}),
        )

    @property
    def size(self) -> int:
        """Bytes that it takes of a transaction, its own card's postings not counted."""
        return (
            len(self.row.doc)
            + len(self.row.postings_in_force)
            + len(self.reindex.postings_in_force)
            + 400
        )

    @property
    def unchanged(self) -> Condition:
        if self.stored.row is None:
            return CatalogRow.PK.does_not_exist()
        return CatalogRow.version == self.stored.version


def load_products(product_ids: Iterable[str]) -> dict[str, StoredProduct]:
    """What there is of each product, in one read per 50."""
    ids = list(dict.fromkeys(product_ids))
    keys = [key for i in ids for key in (product_key(i), (REINDEX, i))]
    products: dict[str, CatalogRow] = {}
    unfinished: dict[str, CatalogRow] = {}
    for row in CatalogRow.batch_get(keys, consistent_read=True):
        if row.PK == REINDEX:
            unfinished[row.SK] = row
        else:
            products[row.PK.removeprefix("PRODUCT#")] = row
    return {i: StoredProduct(products.get(i), unfinished.get(i)) for i in ids}


@frozen(slots=False)
class WriteConflict:
    """Why a change was not written: the product is another by now, or SKUs are another's."""

    skus: Mapping[str, str]
    """SKUs, and the products that sell them; empty where the product itself was changed."""


def write_product(change: ProductWrite) -> WriteConflict | None:
    """Write one product, its claims and its postings, or tell why not."""
    conflict = _write(change, {})
    if conflict is None or not conflict.skus:
        return conflict
    abandoned = _abandoned(change, conflict.skus)
    foreign = {s: owner for s, owner in conflict.skus.items() if owner and s not in abandoned}
    return WriteConflict(foreign) if foreign else _write(change, abandoned)


def _write(change: ProductWrite, abandoned: Mapping[str, CatalogRow]) -> WriteConflict | None:
    claims = [_claim(change.product, sku, abandoned.get(sku)) for sku in change.claimed_skus]
    if len(claims) > MAX_POSTINGS_PER_TRANSACTION:
        found = {
            sku: str(claim.owner) for sku, claim in load_sku_claims(change.claimed_skus).items()
        }
        foreign = {s: owner for s, owner in found.items() if owner != change.product.id}
        if foreign.keys() - abandoned.keys():
            return WriteConflict(foreign)
    while len(claims) > MAX_POSTINGS_PER_TRANSACTION:
        if conflict := _conflict(change, _attempt(claims[:MAX_ACTIONS_PER_TRANSACTION])):
            return conflict
        claims = claims[MAX_ACTIONS_PER_TRANSACTION:]
    writes = [
        *claims,
        *(_release(change.product, sku) for sku in change.released_skus),
        *_card_writes(change.product, change.postings, change.stale),
    ]
    # Another's REINDEX item is not ours to take away: it may still be writing.
    is_shared = change.stored.reindex is not None
    first = [_put(change.row, change.unchanged)]
    if is_shared or len(writes) > MAX_POSTINGS_PER_TRANSACTION:
        first.append(_put(change.reindex))
    if conflict := _conflict(change, _attempt([*first, *writes[:MAX_POSTINGS_PER_TRANSACTION]])):
        return conflict
    if len(writes) > MAX_POSTINGS_PER_TRANSACTION:
        _finish(change.product, writes[MAX_POSTINGS_PER_TRANSACTION:], is_settled=not is_shared)
    return None


def write_products(changes: Sequence[ProductWrite]) -> list[WriteConflict | None]:
    """Write products in bulk, as many as one transaction begins; for each why not, if so."""
    if len(changes) == 1 and changes[0].actions > MAX_ACTIONS_PER_TRANSACTION:
        return [write_product(changes[0])]
    begun = [w for c in changes for w in (_put(c.row, c.unchanged), _put(c.reindex))]
    begun += [_claim(c.product, sku, None) for c in changes for sku in c.claimed_skus]
    begun += [_release(c.product, sku) for c in changes for sku in c.released_skus]
    if not _commit(begun):
        return [
            write_product(change) for change in changes
        ]  # one of them cannot be as it is: find it
    puts = [item for c in changes for item in posting_items(c.product, c.postings)]
    deletes = [posting_key(p) for c in changes for p in c.stale]
    _write_unconditionally(puts, deletes)
    done = [_delete_reindex(change.product) for change in changes]
    if not _commit(done):
        for one in done:
            _commit([one])  # those that somebody else has taken over stay, for mend
    return [None] * len(changes)


def load_sku_claims(skus: Iterable[str]) -> dict[str, CatalogRow]:
    """The claims of those SKUs that have one, in one read per 100."""
    keys = [claim_key(sku) for sku in dict.fromkeys(skus)]
    rows = CatalogRow.batch_get(keys, consistent_read=True)
    return {row.PK.removeprefix(CLAIM): row for row in rows}


def _conflict(change: ProductWrite, failed: frozenset[str]) -> WriteConflict | None:
    """What a failed condition means. The product's own comes first: it was read before the rest."""
    if not failed:
        return None
    skus = [key.removeprefix(CLAIM) for key in failed if key.startswith(CLAIM)]
    if not skus or product_key(change.product.id)[0] in failed:
        return WriteConflict({})
    # A claim may be gone by now, which is told by an empty name.
    found = load_sku_claims(skus)
    return WriteConflict(
        {sku: str(found[sku].owner) if sku in found else "" for sku in sorted(skus)}
    )


def _abandoned(change: ProductWrite, skus: Iterable[str]) -> dict[str, CatalogRow]:
    """Of these claims the ones that nobody means any more: old, and unknown to their product."""
    oldest = int((change.product.updated_at - ABANDONED_AFTER).timestamp())
    claims = load_sku_claims(skus)
    owners = load_products(str(claim.owner) for claim in claims.values())
    return {
        sku: claim
        for sku, claim in claims.items()
        if int(claim.since) <= oldest and sku not in owners[str(claim.owner)].claims
    }


def _claim(product: Product, sku: str, abandoned: CatalogRow | None) -> WriteOperation:
    free = CatalogRow.PK.does_not_exist() | (CatalogRow.owner == product.id)
    if abandoned is not None:
        free = (CatalogRow.owner == abandoned.owner) & (CatalogRow.since == abandoned.since)
    since = int(product.updated_at.timestamp())
    return _put(CatalogRow(*claim_key(sku), owner=product.id, since=since), free)


def _release(product: Product, sku: str) -> WriteOperation:
    ours = CatalogRow.PK.does_not_exist() | (CatalogRow.owner == product.id)
    return _delete(CatalogRow(*claim_key(sku)), ours)


def finish_reindex(before: StoredProduct, product: Product) -> None:
    """Finish what a REINDEX item tells was begun; ``product`` is as the table has it."""
    stale = before.unsettled_postings - before.postings
    _finish(product, _card_writes(product, sorted(before.postings), stale), is_settled=True)


def _finish(product: Product, writes: Sequence[WriteOperation], *, is_settled: bool) -> None:
    """Write the rest while the product is at this version; a newer one sees to it itself."""
    current = _check(product.id, CatalogRow.version == product.version)
    rest = [*writes, _delete(CatalogRow(REINDEX, product.id))] if is_settled else writes
    for part in _chunks(rest):
        if not _commit([current, *part]):
            return


def _card_writes(
    product: Product, current: Collection[Posting], stale: Collection[Posting]
) -> list[WriteOperation]:
    return [
        *(_put(row) for row in posting_rows(product, current)),
        *(_delete_posting(p) for p in stale),
    ]


def _write_unconditionally(puts: list[dict[str, Any]], deletes: list[dict[str, Any]]) -> None:
    """BatchWriteItem, 25 at a time, and again what DynamoDB had no room for just then."""
    table = CatalogRow.Meta.table_name
    requests = deque([{"PutRequest": {"Item": item}} for item in puts])
    requests.extend({"DeleteRequest": {"Key": key}} for key in deletes)
    client: Any = connection().client
    idle_attempts = 0
    while requests:
        batch = [requests.popleft() for _ in range(min(BATCH_WRITE_SIZE, len(requests)))]
        answer = client.batch_write_item(RequestItems={table: batch})
        unprocessed = answer.get("UnprocessedItems", {}).get(table, [])
        requests.extend(unprocessed)
        idle_attempts = idle_attempts + 1 if len(unprocessed) == len(batch) else 0
        if idle_attempts == MAX_ATTEMPTS:
            raise Unavailable("the catalogue takes no more at the moment; try again")
        if unprocessed:
            time.sleep(random.uniform(0, min(0.05 * 2**idle_attempts, MAX_PAUSE_SECONDS)))


def _delete_reindex(product: Product) -> WriteOperation:
    return _delete(CatalogRow(REINDEX, product.id), CatalogRow.version == product.version)


def _put(row: CatalogRow, condition: Condition | None = None) -> WriteOperation:
    return lambda t: t.save(row, condition=condition)


def _delete(row: CatalogRow, condition: Condition | None = None) -> WriteOperation:
    return lambda t: t.delete(row, condition=condition)


def _delete_posting(posting: Posting) -> WriteOperation:
    return _delete(CatalogRow(posting.heading, posting.sort_key))


def _check(product_id: str, condition: Condition) -> WriteOperation:
    return lambda t: t.condition_check(CatalogRow, *product_key(product_id), condition=condition)


def _chunks(writes: Sequence[WriteOperation]) -> Iterator[Sequence[WriteOperation]]:
    for start in range(0, len(writes), MAX_ACTIONS_PER_TRANSACTION - 1):
        yield writes[start : start + MAX_ACTIONS_PER_TRANSACTION - 1]


def _commit(writes: Iterable[WriteOperation]) -> bool:
    """All or nothing; ``False`` where a condition does not hold."""
    return not _attempt(writes)


def _attempt(writes: Iterable[WriteOperation]) -> frozenset[str]:
    """All or nothing; the keys of the items whose conditions do not hold."""
    try:
        DynamoUnitOfWork().commit(*writes)
    except ConditionFailed as error:
        return error.keys
    return frozenset()
