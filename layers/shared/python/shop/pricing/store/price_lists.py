"""Price lists in DynamoDB: one item each, which the rule book reads as well."""

from collections.abc import Callable, Sequence
from typing import Any

from shop.kernel.errors import Conflict, NotFound, Stale
from shop.kernel.events import Event
from shop.kernel.transactions import Clash
from shop.pricing.model.price_lists import PriceList
from shop.pricing.store.book import MOST_BYTES, book_version, bumping, price_list_from
from shop.pricing.store.rows import PRICE_LISTS, PricingRow
from shop.storage.documents import packed
from shop.storage.transactions import DynamoLedger

TRIES = 5
"""How often a change is written anew when the book was changed meanwhile."""


class DynamoPriceBook:
    """See :class:`shop.pricing.ports.PriceBook`."""

    def of(self, list_id: str) -> PriceList:
        try:
            return price_list_from(PricingRow.get(PRICE_LISTS, list_id, consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no price list {list_id!r}") from None

    def all(self) -> Sequence[PriceList]:
        return [price_list_from(row) for row in PricingRow.query(PRICE_LISTS, consistent_read=True)]

    def save(
        self,
        before: PriceList | None,
        after: PriceList,
        events: Sequence[Event],
        check: Callable[[Sequence[PriceList]], None] | None = None,
    ) -> PriceList:
        doc = after.to_dict()
        if len(packed(doc)) > MOST_BYTES:
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

        for _ in range(TRIES):
            # The version first: whoever changes a list from here on changes it too.
            version = book_version(consistent=True)
            if check is not None:
                check(self.all())
            try:
                DynamoLedger().commit(write, bumping(version))
            except Clash as clash:
                if PRICE_LISTS not in clash.about:
                    continue  # somebody changed something else in the book: again, after theirs
                if before is None:
                    raise Conflict(
                        "there is a price list of that id", code="id_taken", path="$.id"
                    ) from None
                raise Stale("somebody else changed this price list meanwhile") from None
            return after
        raise Stale("other prices are being changed; try again")
