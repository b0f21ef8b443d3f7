"""The pricing policy in DynamoDB: beside the rule book's promotions, and every version of it.

It is part of the rule book: a change puts a new version of that in force, and a Lambda reads it
with the promotions (:mod:`shop.pricing.store.book`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from shop.kernel.errors import Conflict, NotFound, Stale
from shop.kernel.events import Event
from shop.kernel.transactions import Clash
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.rows import BOOK, POLICY, PricingRow
from shop.storage.documents import packed
from shop.storage.transactions import DynamoLedger

TRIES = 5
MOST_BYTES = 100 * 1024
"""With its past; the book reads all of it."""


class DynamoPricingPolicies:
    """See :class:`shop.pricing.ports.PricingPolicies`."""

    def now(self) -> PricingPolicy:
        try:
            return policy_from(PricingRow.get(BOOK, POLICY, consistent_read=True))
        except PricingRow.DoesNotExist:
            return PricingPolicy()

    def version(self, version: int) -> PricingPolicy:
        if version == 0:
            return PricingPolicy()
        try:
            return policy_from(PricingRow.get(POLICY, _number(version), consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no version {version} of the pricing policy") from None

    def save(
        self,
        after: PricingPolicy,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None],
    ) -> PricingPolicy:
        from shop.pricing.store.book import book_version, bumping, in_the_book

        doc = after.to_dict()
        if len(packed(doc)) > MOST_BYTES:
            raise Conflict("this policy and its past are too large", code="too_large")
        row = PricingRow(BOOK, POLICY, version=after.version, doc=doc, events=tuple(events))
        kept = PricingRow(POLICY, _number(after.version), version=after.version, doc=doc)
        before = after.version - 1
        as_read = PricingRow.version == before if before else PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(row, as_read)
            writes.save(kept, PricingRow.pk.does_not_exist())

        for _ in range(TRIES):
            # The version first: whoever publishes a promotion from here on changes it too.
            version = book_version(consistent=True)
            check(in_the_book())
            try:
                DynamoLedger().commit(write, bumping(version))
            except Clash as clash:
                if POLICY in clash.about:
                    raise Stale("somebody else changed the pricing policy") from None
                continue  # somebody changed something else in the book: again, after theirs
            return after
        raise Stale("other prices are being changed; try again")


def policy_from(row: PricingRow) -> PricingPolicy:
    return PricingPolicy.from_dict(row.doc, int(row.version))


def _number(version: int) -> str:
    return f"VERSION#{version:09d}"
