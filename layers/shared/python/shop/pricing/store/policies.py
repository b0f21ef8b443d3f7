"""The pricing policy in DynamoDB.

The current policy is a row of the rule set; every version is stored beside it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from shop.kernel.errors import Conflict, Contention, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import Promotion
from shop.pricing.store import rule_set_rows
from shop.pricing.store.rows import POLICY, RULE_SET, PricingRow
from shop.pricing.store.rule_set_rows import bump_version_op, policy_from, rule_set_version
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
"""Attempts of a write while other changes of the rule set come first."""
MAX_ITEM_BYTES = 100 * 1024
"""Compressed size with revisions. Every Lambda reads the policy with the rule set."""


class DynamoPricingPolicyRepository:
    """See :class:`shop.pricing.ports.PricingPolicyRepository`."""

    def get(self) -> PricingPolicy:
        try:
            return policy_from(PricingRow.get(RULE_SET, POLICY, consistent_read=True))
        except PricingRow.DoesNotExist:
            return PricingPolicy()

    def get_version(self, version: int) -> PricingPolicy:
        if version == 0:
            return PricingPolicy()
        try:
            return policy_from(PricingRow.get(POLICY, _version_key(version), consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(
                f"Version {version} of the pricing policy does not exist. Use one of its history."
            ) from None

    def save(
        self,
        after: PricingPolicy,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None],
    ) -> PricingPolicy:
        doc = after.to_dict()
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict(
                "The pricing policy is too large with its revisions. Declare fewer groups.",
                code="too_large",
            )
        current = PricingRow(RULE_SET, POLICY, version=after.version, doc=doc, events=tuple(events))
        revision = PricingRow(POLICY, _version_key(after.version), version=after.version, doc=doc)
        before = after.version - 1
        as_read = PricingRow.version == before if before else PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(current, as_read)
            writes.save(revision, PricingRow.pk.does_not_exist())

        for _ in range(MAX_ATTEMPTS):
            # The version is read before the promotions: a promotion that is published after this
            # read changes the version, and the transaction fails.
            version = rule_set_version(consistent=True)
            check(rule_set_rows.list_published())
            try:
                DynamoUnitOfWork().commit(write, bump_version_op(version))
            except ConditionFailed as error:
                if POLICY in error.keys:
                    raise VersionConflict(
                        "The pricing policy has changed since you read it. Read it again."
                    ) from None
                continue  # another rule changed: repeat the check with that change
            return after
        raise Contention("Other prices are being changed. Try again.")


def _version_key(version: int) -> str:
    return f"VERSION#{version:09d}"
