"""The pricing policy in DynamoDB: beside the rule book's promotions, and every version of it.

It is part of the rule book: a change puts a new version of that in force, and a Lambda reads it
with the promotions (:mod:`shop.pricing.store.rule_set_cache`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.rows import BOOK, POLICY, PricingRow
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
MAX_ITEM_BYTES = 100 * 1024
"""With its past; the book reads all of it."""


class DynamoPricingPolicyRepository:
    """See :class:`shop.pricing.ports.PricingPolicyRepository`."""

    def get(self) -> PricingPolicy:
        try:
            return policy_from(PricingRow.get(BOOK, POLICY, consistent_read=True))
        except PricingRow.DoesNotExist:
            return PricingPolicy()

    def get_version(self, version: int) -> PricingPolicy:
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
        from shop.pricing.store.rule_set_cache import (
            bump_version_op,
            list_published,
            rule_set_version,
        )

        doc = after.to_dict()
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict("this policy and its past are too large", code="too_large")
        row = PricingRow(BOOK, POLICY, version=after.version, doc=doc, events=tuple(events))
        stored = PricingRow(POLICY, _number(after.version), version=after.version, doc=doc)
        before = after.version - 1
        as_read = PricingRow.version == before if before else PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(row, as_read)
            writes.save(stored, PricingRow.pk.does_not_exist())

        for _ in range(MAX_ATTEMPTS):
            # The version first: whoever publishes a promotion from here on changes it too.
            version = rule_set_version(consistent=True)
            check(list_published())
            try:
                DynamoUnitOfWork().commit(write, bump_version_op(version))
            except ConditionFailed as clash:
                if POLICY in clash.keys:
                    raise VersionConflict("somebody else changed the pricing policy") from None
                continue  # somebody changed something else in the book: again, after theirs
            return after
        raise VersionConflict("other prices are being changed; try again")


def policy_from(row: PricingRow) -> PricingPolicy:
    return PricingPolicy.from_dict(row.doc, int(row.version))


def _number(version: int) -> str:
    return f"VERSION#{version:09d}"
