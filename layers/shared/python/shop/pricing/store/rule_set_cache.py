"""The rule set in the memory of warm Lambdas.

Requests normally read nothing of it. Every three seconds, a Lambda reads the version row of a few
bytes, and the rule set only if the version has changed. A change is therefore in force everywhere
within five seconds (three, plus the lag of an eventually consistent read), and the cost of rules
does not grow with the number of visitors.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.ports import TaxProvider
from shop.pricing.store.rows import POLICY, PRICE_LISTS, RULES, PricingRow
from shop.pricing.store.rule_set_rows import (
    PAST_RULES_HORIZON,
    policy_from,
    price_list_from,
    promotions_from,
    read_rule_rows,
    rule_set_version,
)
from shop.pricing.store.tax_rates import DynamoTaxProvider

RULES_CACHE_TTL = timedelta(seconds=3)
"""How long a Lambda uses the cached rules before it checks their version."""


class RuleSetCache:
    """See :class:`shop.pricing.ports.RuleSetSource`."""

    def __init__(self, taxes: TaxProvider | None = None) -> None:
        self._provider = taxes
        self.clear()

    def clear(self) -> None:
        """Drop everything, as after a cold start."""
        self._rules = RuleSet()
        self._taxes = self._provider or DynamoTaxProvider()
        self._checked_at: datetime | None = None
        self._lists: dict[str, PriceList] = {}

    def rules(self, at: datetime) -> RuleSet:
        # A clock that went backwards counts as expired, too.
        if self._checked_at is None or not timedelta(0) <= at - self._checked_at < RULES_CACHE_TTL:
            version = rule_set_version()
            if str(version) != self._rules.version:
                self._rules = self._read(version, at) if version else RuleSet()
            self._checked_at = at
        return self._rules

    def _read(self, version: int, at: datetime) -> RuleSet:
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
            version=str(version),
            tax=self._taxes.table(),
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
def rule_set_cache() -> RuleSetCache:
    """Return the cache that all handlers of this process share."""
    return RuleSetCache()
