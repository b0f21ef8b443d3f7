"""Staff operation on the markets: update (docs/rules/pricing.md §10.5a)."""

from datetime import datetime

from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.markets import MarketSettings
from shop.pricing.model.rule_set import Market
from shop.pricing.ports import MarketRepository


def update_markets(
    markets: tuple[Market, ...],
    *,
    expected_version: int,
    actor: str,
    reason: str,
    repository: MarketRepository,
    at: datetime,
) -> MarketSettings:
    """Replace the markets, in force from now on.

    Raises VersionConflict if they have changed since ``expected_version``, InvalidRequest with the
    path of every problem, and Conflict (``market_in_use``) for a removed market that a promotion or
    price list names.
    """
    before = repository.get()
    check_version("the markets", before.version, expected_version)
    after = before.update(markets, at=at, actor=actor, reason=reason)
    event = Event(
        id=f"markets:{after.version}",
        type="MarketsChanged",
        subject="markets",
        at=at,
        data={"version": after.version, "markets": len(markets), "actor": actor},
    )
    return repository.save(
        after,
        [event],
        lambda promotions, lists: before.check_in_use(markets, promotions, lists, at),
    )
