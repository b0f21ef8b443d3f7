"""The markets in DynamoDB.

The current markets are a row of the rule set; every version is stored beside it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shop.kernel.errors import Contention, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.markets import MarketSettings, market_to_dict
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion
from shop.pricing.store import rule_set_rows
from shop.pricing.store.rows import MARKETS, PRICE_LISTS, RULE_SET, PricingRow
from shop.pricing.store.rule_set_rows import (
    bump_version_op,
    markets_from,
    price_list_from,
    rule_set_version,
)
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
"""Attempts of a write while other changes of the rule set come first."""


class DynamoMarketRepository:
    """See :class:`shop.pricing.ports.MarketRepository`."""

    def get(self) -> MarketSettings:
        try:
            return _settings_from(PricingRow.get(RULE_SET, MARKETS, consistent_read=True))
        except PricingRow.DoesNotExist:
            return MarketSettings()

    def get_version(self, version: int) -> MarketSettings:
        if version == 0:
            return MarketSettings()
        try:
            return _settings_from(
                PricingRow.get(MARKETS, _version_key(version), consistent_read=True)
            )
        except PricingRow.DoesNotExist:
            raise NotFound(
                f"Version {version} of the markets does not exist. Use one of its history."
            ) from None

    def save(
        self,
        after: MarketSettings,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion], Sequence[PriceList]], None],
    ) -> MarketSettings:
        doc = {
            "markets": [market_to_dict(market) for market in after.markets],
            "at": after.at.isoformat(),
            "actor": after.actor,
            "reason": after.reason,
        }
        current = PricingRow(
            RULE_SET, MARKETS, version=after.version, doc=doc, events=tuple(events)
        )
        revision = PricingRow(MARKETS, _version_key(after.version), version=after.version, doc=doc)
        before = after.version - 1
        as_read = PricingRow.version == before if before else PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(current, as_read)
            writes.save(revision, PricingRow.pk.does_not_exist())

        for _ in range(MAX_ATTEMPTS):
            # The version is read before promotions and lists: one that is published after this
            # read changes the version, and the transaction fails.
            version = rule_set_version(consistent=True)
            lists = [
                price_list_from(row) for row in PricingRow.query(PRICE_LISTS, consistent_read=True)
            ]
            check(rule_set_rows.list_published(), lists)
            try:
                DynamoUnitOfWork().commit(write, bump_version_op(version))
            except ConditionFailed as error:
                if MARKETS in error.keys:
                    raise VersionConflict(
                        "The markets have changed since you read them. Read them again."
                    ) from None
                continue  # another rule changed: repeat the check with that change
            return after
        raise Contention("Other prices are being changed. Try again.")


def _settings_from(row: PricingRow) -> MarketSettings:
    return MarketSettings(
        markets_from(row),
        int(row.version),
        datetime.fromisoformat(row.doc["at"]),
        row.doc["actor"],
        row.doc["reason"],
    )


def _version_key(version: int) -> str:
    return f"VERSION#{version:09d}"
