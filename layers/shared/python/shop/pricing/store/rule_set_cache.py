"""The rule set, cached in the memory of warm Lambdas.

Most requests read no rule from DynamoDB. Every three seconds, a Lambda reads the version row, which
has a few bytes. It reads the rule set only if the version has changed. A change is therefore in
force everywhere within five seconds: three, plus the lag of an eventually consistent read. The cost
of rules does not grow with the number of visitors.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.rule_set import MARKETS as BUNDLED_MARKETS
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.store.rows import (
    MARKETS,
    POLICY,
    PRICE_LISTS,
    RULE_SET,
    RULES,
    VERSION,
    PricingRow,
)
from shop.pricing.store.rule_set_rows import (
    PAST_RULES_HORIZON,
    markets_from,
    policy_from,
    price_list_from,
    promotions_from,
    read_rule_rows,
    rule_set_version,
)
from shop.storage.prefetch import ReadSet, prefetch
from shop.tax.ports import TaxProvider

RULES_CACHE_TTL = timedelta(seconds=3)
"""How long a Lambda uses the cached rules before it checks their version."""


class VersionedTaxTable(TaxProvider, Protocol):
    """A tax table with a version row, which one call may read together with other rows."""

    @property
    def version(self) -> int:
        """The version of the last table returned."""

    def read_set(self) -> ReadSet:
        """Return the row that ``table`` always reads."""

    def clear(self) -> None:
        """Drop everything, as after a cold start."""


class RuleSetCache:
    """See :class:`shop.pricing.ports.RuleSetSource`."""

    def __init__(self, tax_table: VersionedTaxTable) -> None:
        self._tax_table = tax_table
        self.clear()

    def clear(self) -> None:
        """Drop everything, as after a cold start."""
        self._rules = RuleSet()
        self._version = 0
        self._tax_table.clear()
        self._checked_at: datetime | None = None
        self._lists: dict[str, PriceList] = {}

    def rules(self, at: datetime) -> RuleSet:
        # A clock that went backwards counts as expired, too.
        if self._checked_at is None or not timedelta(0) <= at - self._checked_at < RULES_CACHE_TTL:
            # One BatchGetItem reads both version rows, so tax costs no call of its own.
            with prefetch(ReadSet(PricingRow, ((RULE_SET, VERSION),)), self._tax_table.read_set()):
                version, tax = rule_set_version(), self._tax_table.table()
            if version != self._version:
                self._rules = self._read(at) if version else RuleSet()
            if version != self._version or tax is not self._rules.tax:
                name = f"{version}.{self._tax_table.version}"
                self._rules = replace(self._rules, version=name, tax=tax)
            self._version = version
            self._checked_at = at
        return self._rules

    def _read(self, at: datetime) -> RuleSet:
        lists = {}
        for row in PricingRow.query(PRICE_LISTS, consistent_read=True):
            # Lists are large and rarely change: decode only those with a new version.
            price_list = self._lists.get(row.sk)
            if price_list is None or price_list.version != int(row.version):
                price_list = price_list_from(row)
            lists[row.sk] = price_list
        self._lists = lists
        rows = read_rule_rows()
        promotions, ended_promotions = promotions_from(rows.get(RULES))
        policy = policy_from(rows[POLICY]) if POLICY in rows else PricingPolicy()
        return RuleSet(
            markets=markets_from(rows[MARKETS]) if MARKETS in rows else BUNDLED_MARKETS,
            rounding=policy.rounding,
            groups=policy.groups,
            policy_revisions=policy.revisions,
            price_lists=tuple(listed for listed in lists.values() if not _is_past(listed, at)),
            promotions=promotions,
            ended_promotions=ended_promotions,
        )


def _is_past(price_list: PriceList, at: datetime) -> bool:
    """Return whether a list ended so long ago that no replay needs it."""
    ends = price_list.window.ends
    return ends is not None and at - ends > PAST_RULES_HORIZON


@lru_cache(maxsize=1)
def rule_set_cache(tax_table: VersionedTaxTable) -> RuleSetCache:
    """Return the cache that all handlers of this process share."""
    return RuleSetCache(tax_table)
