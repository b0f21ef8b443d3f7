"""Price lists in DynamoDB: one item each, which the rule book reads as well."""

from collections.abc import Callable, Sequence
from typing import Any

from shop.kernel.errors import Conflict, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.price_lists import PriceList
from shop.pricing.store.rows import PRICE_LISTS, PricingRow
from shop.pricing.store.rule_set_cache import (
    MAX_ITEM_BYTES,
    bump_version_op,
    price_list_from,
    rule_set_version,
)
from shop.storage.compression import compress_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
"""How often a change is written anew when the book was changed meanwhile."""


class DynamoPriceListRepository:
    """See :class:`shop.pricing.ports.PriceListRepository`."""

    def get(self, list_id: str) -> PriceList:
        try:
            return price_list_from(PricingRow.get(PRICE_LISTS, list_id, consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no price list {list_id!r}") from None

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
            raise Conflict("this list and its past are too large; begin another", code="too_large")
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
            # The version first: whoever changes a list from here on changes it too.
            version = rule_set_version(consistent=True)
            if check is not None:
                check(self.list_all())
            try:
                DynamoUnitOfWork().commit(write, bump_version_op(version))
            except ConditionFailed as clash:
                if PRICE_LISTS not in clash.keys:
                    continue  # somebody changed something else in the book: again, after theirs
                if before is None:
                    raise Conflict(
                        "there is a price list of that id", code="id_taken", path="$.id"
                    ) from None
                raise VersionConflict("somebody else changed this price list meanwhile") from None
            return after
        raise VersionConflict("other prices are being changed; try again")
