"""The rule book: every promotion published and every price list, in the memory of warm Lambdas.

A request reads nothing of it. Once in three seconds a Lambda reads a row of a few bytes, the book's
version, and the book itself only when that has changed: so a change is in force everywhere
within five seconds (three, and what an eventually consistent read may lag behind), and what
promotions and price lists cost a shop does not grow with its visitors.

The book also holds what ended in the last :data:`HORIZON`: the law asks what things did cost.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from shop.kernel.errors import Conflict, Problem
from shop.kernel.unit_of_work import WriteOperation
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion, PromotionStatus
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.store.policies import policy_from
from shop.pricing.store.rows import BOOK, POLICY, PRICE_LISTS, RULES, VERSION, PricingRow
from shop.serialization import from_json
from shop.storage.compression import compress_json
from shop.storage.prefetch import ReadSet, get, prefetch
from shop.tax.ports import TaxProvider

RULES_CACHE_TTL = timedelta(seconds=3)
"""How long a Lambda prices by what it knows before it asks whether there is something newer."""
PAST_RULES_HORIZON = timedelta(days=400)
"""How far back the book tells what was in force."""
MAX_ITEM_BYTES = 380 * 1024
"""An item holds 400 KB."""


class VersionedTaxTable(TaxProvider, Protocol):
    """A tax table with a version row, which one call may read together with other rows."""

    @property
    def version(self) -> int:
        """The version of the last table returned."""

    def read_set(self) -> ReadSet:
        """Return the row that ``table`` always reads."""

    def clear(self) -> None:
        """Forget everything, as after a cold start."""


class RuleSetCache:
    """See :class:`shop.pricing.ports.RuleSetSource`."""

    def __init__(self, tax_table: VersionedTaxTable) -> None:
        self._tax_table = tax_table
        self.clear()

    def clear(self) -> None:
        """Know nothing, as after a cold start."""
        self._rules = RuleSet()
        self._version = 0
        self._tax_table.clear()
        self._asked: datetime | None = None
        self._lists: dict[str, PriceList] = {}

    def rules(self, at: datetime) -> RuleSet:
        if self._asked is None or not timedelta(0) <= at - self._asked < RULES_CACHE_TTL:
            # One BatchGetItem reads both version rows, so tax costs no call of its own.
            with prefetch(ReadSet(PricingRow, ((BOOK, VERSION),)), self._tax_table.read_set()):
                version, tax = rule_set_version(), self._tax_table.table()
            if version != self._version:
                self._rules = self._read(at) if version else RuleSet()
            if version != self._version or tax is not self._rules.tax:
                name = f"{version}.{self._tax_table.version}"
                self._rules = replace(self._rules, version=name, tax=tax)
            self._version = version
            self._asked = at
        return self._rules

    def _read(self, at: datetime) -> RuleSet:
        lists = {}
        for row in PricingRow.query(PRICE_LISTS, consistent_read=True):
            known = self._lists.get(row.sk)
            if known is None or known.version != int(row.version):
                known = price_list_from(row)
            lists[row.sk] = known
        self._lists = lists
        rows = _rows()
        promotions, past = _promotions(rows.get(RULES))
        policy = policy_from(rows[POLICY]) if POLICY in rows else PricingPolicy()
        return RuleSet(
            rounding=policy.rounding,
            groups=policy.groups,
            policies=policy.past,
            price_lists=tuple(n for n in lists.values() if not _long_over(n, at)),
            promotions=promotions,
            past=past,
        )


def _long_over(price_list: PriceList, at: datetime) -> bool:
    ends = price_list.window.ends
    return ends is not None and at - ends > PAST_RULES_HORIZON


@lru_cache(maxsize=1)
def rule_set_cache(tax_table: VersionedTaxTable) -> RuleSetCache:
    """The one book of this process."""
    return RuleSetCache(tax_table)


def rule_set_version(*, consistent: bool = False) -> int:
    """The version in force, 0 where nothing was ever published."""
    row = get(PricingRow, (BOOK, VERSION), consistent=consistent)
    return 0 if row is None else int(row.version)


def price_list_from(row: PricingRow) -> PriceList:
    problems: list[Problem] = []
    found = from_json(PriceList, row.doc, "$", problems)
    if found is None:
        raise ValueError(f"price list {row.sk} cannot be read: {problems[0]}")
    return found


def _rows() -> dict[str, PricingRow]:
    # Consistent: the version that was seen must not be older than the documents.
    return {row.sk: row for row in PricingRow.query(BOOK, consistent_read=True)}


def list_published() -> tuple[Promotion, ...]:
    """What is on the calendar, as last written."""
    return _promotions(_rows().get(RULES))[0]


def _promotions(
    row: PricingRow | None,
) -> tuple[tuple[Promotion, ...], tuple[Promotion, ...]]:
    if row is None:
        return (), ()
    doc = row.doc
    problems: list[Problem] = []
    found = [from_json(Promotion, told, "$", problems) for told in doc["promotions"]]
    ended = [from_json(Promotion, told, "$", problems) for told in doc.get("revisions", ())]
    if problems:
        raise ValueError(f"the rule book cannot be read: {problems[0]}")
    return tuple(p for p in found if p is not None), tuple(p for p in ended if p is not None)


def publish_rules_op(promotions: Iterable[Promotion], before: int, at: datetime) -> WriteOperation:
    """Put a new book in force, if ``before`` is still the version. Raises Conflict for too much."""
    live, past = [], []
    for promotion in promotions:
        if promotion.status(at) is not PromotionStatus.ENDED:
            live.append(promotion.to_dict())
        elif at - _end(promotion, at) < PAST_RULES_HORIZON:
            past.append(promotion.to_dict())
    doc: dict[str, Any] = {"promotions": live, **({"revisions": past} if past else {})}
    if len(compress_json(doc)) > MAX_ITEM_BYTES:
        raise Conflict("too many promotions are published; end some", code="too_many_promotions")
    rules = PricingRow(BOOK, RULES, version=before + 1, doc=doc)
    bumped = bump_version_op(before)

    def write(writes: Any) -> None:
        bumped(writes)
        writes.save(rules)

    return write


def bump_version_op(before: int) -> WriteOperation:
    """Tell everybody that the book has changed, if ``before`` is still its version."""
    unchanged = PricingRow.version == before if before else PricingRow.pk.does_not_exist()
    version = PricingRow(BOOK, VERSION, version=before + 1)

    def write(writes: Any) -> None:
        writes.save(version, unchanged)

    return write


def _end(promotion: Promotion, at: datetime) -> datetime:
    ends = promotion.conditions.window.ends
    return min(end for end in (promotion.ended_at, ends, at) if end is not None)
