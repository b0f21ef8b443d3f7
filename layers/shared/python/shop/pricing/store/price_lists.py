"""Price lists in DynamoDB: one item each, which the rule set reads as well."""

from collections.abc import Callable, Sequence
from typing import Any

from shop.kernel.errors import Conflict, Contention, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.price_lists import PriceList
from shop.pricing.store.rows import PRICE_LISTS, PricingRow
from shop.pricing.store.rule_set_rows import (
    MAX_ITEM_BYTES,
    bump_version_op,
    price_list_from,
    rule_set_version,
)
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
"""Attempts of a write while other changes of the rule set come first."""


class DynamoPriceListRepository:
    """See :class:`shop.pricing.ports.PriceListRepository`."""

    def get(self, list_id: str) -> PriceList:
        try:
            return price_list_from(PricingRow.get(PRICE_LISTS, list_id, consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(f"Price list {list_id!r} does not exist. Check the id.") from None

    def list_all(self) -> Sequence[PriceList]:
        return [price_list_from(row) for row in PricingRow.query(PRICE_LISTS, consistent_read=True)]

    def save(
        self,
        before: PriceList | None,
        after: PriceList,
        events: Sequence[Event],
        check: Callable[[Sequence[PriceList]], None] | None = None,
    ) -> PriceList:
        doc = after.to_dict()
        if len(compress_json(doc)) > MAX_ITEM_BYTES:
            raise Conflict(
                "This price list is too large with its revisions. Create another list.",
                code="too_large",
            )
        row = PricingRow(
            PRICE_LISTS, after.id, version=after.version, doc=doc, events=tuple(events)
        )
        as_read = (
            PricingRow.pk.does_not_exist()
            if before is None
            else PricingRow.version == before.version
        )

        def write(writes: Any) -> None:
            writes.save(row, as_read)

        for _ in range(MAX_ATTEMPTS):
            # The version is read before the lists: a list that changes after this read changes the
            # version, and the transaction fails.
            version = rule_set_version(consistent=True)
            if check is not None:
                check(self.list_all())
            try:
                DynamoUnitOfWork().commit(write, bump_version_op(version))
            except ConditionFailed as error:
                if PRICE_LISTS not in error.keys:
                    continue  # another rule changed: repeat the check with that change
                if before is None:
                    raise Conflict(
                        f"Price list {after.id!r} already exists. Choose another id.",
                        code="id_taken",
                        path="$.id",
                    ) from None
                raise VersionConflict(
                    "This price list has changed since you read it. Read it again."
                ) from None
            return after
        raise Contention("Other prices are being changed. Try again.")
