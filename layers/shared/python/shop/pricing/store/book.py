"""The rule book: everything published, in one document that every warm Lambda keeps in memory.

A request reads nothing of it. Once in three seconds a Lambda reads a row of a few bytes, the book's
version, and the document itself only when that has changed: so a change is in force everywhere
within five seconds (three, and what an eventually consistent read may lag behind), and what
promotions cost a shop does not grow with its visitors.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from shop.kernel.data import read
from shop.kernel.errors import Conflict, Problem
from shop.kernel.transactions import Part
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rules import Rules
from shop.pricing.store.rows import BOOK, RULES, VERSION, PricingRow
from shop.storage.documents import packed

KEPT = timedelta(seconds=3)
"""How long a Lambda prices by what it knows before it asks whether there is something newer."""
MOST_BYTES = 380 * 1024
"""An item holds 400 KB."""


class DynamoRuleBook:
    """See :class:`shop.pricing.ports.RuleBook`."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as after a cold start."""
        self._rules = Rules()
        self._asked: datetime | None = None

    def rules(self, at: datetime) -> Rules:
        if self._asked is None or not timedelta(0) <= at - self._asked < KEPT:
            version = book_version()
            if str(version) != self._rules.version:
                self._rules = _read() if version else Rules()
            self._asked = at
        return self._rules


@lru_cache(maxsize=1)
def rule_book() -> DynamoRuleBook:
    """The one book of this process."""
    return DynamoRuleBook()


def book_version(*, consistent: bool = False) -> int:
    """The version in force, 0 where nothing was ever published."""
    try:
        row = PricingRow.get(BOOK, VERSION, consistent_read=consistent)
    except PricingRow.DoesNotExist:
        return 0
    return int(row.version)


def _read() -> Rules:
    # Consistent: the version that was seen must not be older than the document.
    row = PricingRow.get(BOOK, RULES, consistent_read=True)
    problems: list[Problem] = []
    found = [read(Promotion, told, "$", problems) for told in row.doc["promotions"]]
    if problems:
        raise ValueError(f"the rule book cannot be read: {problems[0]}")
    promotions = tuple(promotion for promotion in found if promotion is not None)
    return Rules(version=str(int(row.version)), promotions=promotions)


def writing(promotions: Iterable[Promotion], before: int) -> Part:
    """Put a new book in force, if ``before`` is still the version. Raises Conflict for too much."""
    doc: dict[str, Any] = {"promotions": [promotion.to_dict() for promotion in promotions]}
    if len(packed(doc)) > MOST_BYTES:
        raise Conflict("too many promotions are published; end some", code="too_many_promotions")
    unchanged = PricingRow.version == before if before else PricingRow.pk.does_not_exist()
    version = PricingRow(BOOK, VERSION, version=before + 1)
    rules = PricingRow(BOOK, RULES, version=before + 1, doc=doc)

    def write(writes: Any) -> None:
        writes.save(version, unchanged)
        writes.save(rules, unchanged)

    return write
