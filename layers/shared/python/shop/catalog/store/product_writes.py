"""Writes of a product and its postings that stay consistent across crashes.

**One product** (:func:`write_product`). Product and postings usually go in one transaction. With
more postings than one transaction takes, the first one writes the product and a REINDEX item with
every posting concerned. Each further one is conditional on the product's version, and the last
deletes the REINDEX item. So no writer can store a card older than its product, and any process
that finds a REINDEX item can finish the work.

**An import** (:func:`write_products`) writes postings in bulk, and BatchWriteItem has no
conditions. Its REINDEX items therefore exist from before the first posting until after the last.
They are deleted only while the product is still at the imported version.

**SKU claims.** One product sells a SKU: its *claim*, an item with the product's id, is written and
deleted in the product's transaction. A product that changes more SKUs than one transaction takes
writes the excess claims before and deletes the excess after. A crash in between leaves claims that
their product does not list. Another product may take over such a claim once it is older than
:data:`ABANDONED_AFTER`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property

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
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.storage.transactions import DynamoUnitOfWork

ABANDONED_AFTER = timedelta(minutes=15)
"""Grace period of an unfinished change; afterwards its writer has ended.

A Lambda invocation ends after 15 minutes at most.
"""
MAX_ACTIONS_PER_TRANSACTION = 100
"""Actions in one DynamoDB transaction."""
MAX_POSTINGS_PER_TRANSACTION = MAX_ACTIONS_PER_TRANSACTION - 2
"""Actions beside those for the product and the REINDEX item."""


@frozen(slots=False)
class StoredProduct:
    """The stored state of a product: its row, and the REINDEX item of an unfinished change."""

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
    """A product's next version, its postings, and its stored state."""

    product: Product
    postings: Sequence[Posting]
    stored: StoredProduct

    @cached_property
    def stale(self) -> set[Posting]:
        """Postings to delete, including those an unfinished change may have written."""
        return (self.stored.postings | self.stored.unsettled_postings).difference(self.postings)

    @cached_property
    def claimed_skus(self) -> list[str]:
        """SKUs that the change claims for this product."""
        return sorted(self.product.claimed_skus - self.stored.claims)

    @cached_property
    def released_skus(self) -> list[str]:
        """SKUs that other products may claim after the change."""
        return sorted(self.stored.claims - self.product.claimed_skus)

    @property
    def actions(self) -> int:
        """Actions of the transaction that starts the change."""
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
        """Bytes in the transaction that starts the change, without postings."""
        return (
            len(self.row.doc)
            + len(self.row.postings_in_force)
            + len(self.reindex.postings_in_force)
            + 400
        )

    @property
    def unchanged(self) -> Condition:
        """The condition that no other writer has changed the product since it was read."""
        if self.stored.row is None:
            return CatalogRow.PK.does_not_exist()
        return CatalogRow.version == self.stored.version


def load_products(product_ids: Iterable[str]) -> dict[str, StoredProduct]:
    """Load the stored state of each product, in one read per 50.

    The read is consistent: a missed REINDEX item would leave its stale postings in place.
    """
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
    """The reason why a change was not written.

    ``skus`` maps SKUs to the products that claim them; a released SKU maps to ``""``. It is empty
    if the product itself has changed.
    """

    skus: Mapping[str, str]


def write_product(change: ProductWrite) -> WriteConflict | None:
    """Write one product, its claims and its postings; return the conflict that prevents it.

    A second attempt takes over abandoned claims, and claims that their owners released meanwhile.
    """
    conflict = _write(change, {})
    if conflict is None or not conflict.skus:
        return conflict
    abandoned = _abandoned(change, conflict.skus)
    foreign = {s: owner for s, owner in conflict.skus.items() if owner and s not in abandoned}
    return WriteConflict(foreign) if foreign else _write(change, abandoned)


def _write(change: ProductWrite, abandoned: Mapping[str, CatalogRow]) -> WriteConflict | None:
    claims = [_claim(change.product, sku, abandoned.get(sku)) for sku in change.claimed_skus]
    # Check before the first of several transactions, so a rejected change leaves no claims behind.
    if len(claims) > MAX_POSTINGS_PER_TRANSACTION:
        owners = {
            sku: str(claim.owner) for sku, claim in load_sku_claims(change.claimed_skus).items()
        }
        foreign = {s: owner for s, owner in owners.items() if owner != change.product.id}
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
    # The REINDEX item of another change stays: its writer may still be writing stale postings.
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
    """Write the products of one batch in bulk; return the conflict of each, or ``None``."""
    if len(changes) == 1 and changes[0].actions > MAX_ACTIONS_PER_TRANSACTION:
        return [write_product(changes[0])]
    started = [w for c in changes for w in (_put(c.row, c.unchanged), _put(c.reindex))]
    started += [_claim(c.product, sku, None) for c in changes for sku in c.claimed_skus]
    started += [_release(c.product, sku) for c in changes for sku in c.released_skus]
    if not _commit(started):
        # One of them has a conflict, and it fails them all: write each by itself to find it.
        return [write_product(change) for change in changes]
    puts = [item for c in changes for item in posting_items(c.product, c.postings)]
    deletes = [posting_key(p) for c in changes for p in c.stale]
    from shop.storage.batch_write import write_unconditionally  # lazy: only imports write in bulk

    write_unconditionally(CatalogRow.Meta.table_name, puts, deletes)
    deletions = [_delete_reindex(change.product) for change in changes]
    if not _commit(deletions):
        # Another writer changed some of them. Their REINDEX items stay for the scheduled repair.
        for delete in deletions:
            _commit([delete])
    return [None] * len(changes)


def load_sku_claims(skus: Iterable[str]) -> dict[str, CatalogRow]:
    """Load the claims of those SKUs that have one, in one read per 100."""
    keys = [claim_key(sku) for sku in dict.fromkeys(skus)]
    rows = CatalogRow.batch_get(keys, consistent_read=True)
    return {row.PK.removeprefix(CLAIM): row for row in rows}


def _conflict(change: ProductWrite, failed: frozenset[str]) -> WriteConflict | None:
    """Interpret failed conditions; the product's own outranks those of its SKUs."""
    if not failed:
        return None
    skus = [key.removeprefix(CLAIM) for key in failed if key.startswith(CLAIM)]
    if not skus or product_key(change.product.id)[0] in failed:
        return WriteConflict({})
    # The owner may have released the claim since: an empty id stands for that.
    claims = load_sku_claims(skus)
    return WriteConflict(
        {sku: str(claims[sku].owner) if sku in claims else "" for sku in sorted(skus)}
    )


def _abandoned(change: ProductWrite, skus: Iterable[str]) -> dict[str, CatalogRow]:
    """Return the claims that a crash left: old, and not listed by their product."""
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
    is_own = CatalogRow.PK.does_not_exist() | (CatalogRow.owner == product.id)
    return _delete(CatalogRow(*claim_key(sku)), is_own)


def finish_reindex(before: StoredProduct, product: Product) -> None:
    """Finish the change of a REINDEX item; ``product`` is the stored version."""
    stale = before.unsettled_postings - before.postings
    _finish(product, _card_writes(product, sorted(before.postings), stale), is_settled=True)


def _finish(product: Product, writes: Sequence[WriteOperation], *, is_settled: bool) -> None:
    """Write the remaining postings while the product is at this version.

    The writer of a newer version deletes the postings of the REINDEX item too, so this writer
    stops at the first failed condition.
    """
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
    """Commit one transaction; return ``False`` if a condition fails."""
    return not _attempt(writes)


def _attempt(writes: Iterable[WriteOperation]) -> frozenset[str]:
    """Commit one transaction; return the partition keys of the items whose condition failed."""
    try:
        DynamoUnitOfWork().commit(*writes)
    except ConditionFailed as error:
        return error.keys
    return frozenset()
