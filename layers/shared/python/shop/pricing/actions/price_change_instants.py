"""The instants at which a displayed price may change (docs/rules/pricing.md §11.4)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from shop.catalog.model import Variant
from shop.kernel.time_bounds import time_zone
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.targeting import Window

RECURRING_LOOKBACK = timedelta(days=62)
"""Period for which days and hours of a window are replayed: a reduction and the month before it."""


def change_instants(
    variant: Variant,
    lists: Sequence[PriceList],
    promotions: Sequence[Promotion],
    at: datetime,
) -> set[datetime]:
    """Return every instant, past or future, at which the price may change."""
    instants = {mark.since for mark in variant.price_marks}
    for price_list in lists:
        scopes = [
            price_list.scope,
            *(revision.scope for revision in price_list.revisions if revision.scope is not None),
        ]
        instants.update(revision.until for revision in price_list.revisions)
        instants.update([price_list.created_at] if price_list.created_at else [])
        for scope in scopes:
            instants.update(_window_edges(scope.window, at))
    for promotion in promotions:
        instants.update(_window_edges(promotion.conditions.window, at))
        instants.update(i for i in (promotion.published_at, promotion.ended_at) if i is not None)
    return instants


def _window_edges(window: Window, at: datetime) -> Iterator[datetime]:
    """Yield the instants at which a window opens or closes.

    Recurring days and hours have no end, so only those of :data:`RECURRING_LOOKBACK` count.
    """
    yield from (edge for edge in (window.starts, window.ends) if edge is not None)
    if not window.weekdays and window.hours is None:
        return
    zone = time_zone(window.zone)
    clocks = window.hours or (time(0), time(0))
    first = (at - RECURRING_LOOKBACK).astimezone(zone).date()
    # Three more days: today, tomorrow, and one for the difference between the time zones.
    for day in range(RECURRING_LOOKBACK.days + 3):
        for clock in dict.fromkeys(clocks):
            yield datetime.combine(first + timedelta(days=day), clock, zone)
