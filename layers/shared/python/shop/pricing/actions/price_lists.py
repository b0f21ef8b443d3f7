"""What staff do with price lists: make one, change it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.references import unknown_reference_problem
from shop.pricing.model.rule_set import CHANNELS, MARKETS, Market
from shop.pricing.ports import PriceListRepository, ReferenceChecker


def create_price_list(
    price_list: PriceList,
    *,
    repository: PriceListRepository,
    assortment: ReferenceChecker,
    at: datetime,
    markets: Iterable[Market] = MARKETS,
) -> PriceList:
    """Put a price list in force, from its start or from now.

    Raises :class:`Invalid` with field and reason of everything that is wrong: an end before the
    start, an unknown currency, market, channel or article, an article with two prices, and
    ``price_overlaps`` where another list gives another price to the same people at that time.
    """
    new = replace(price_list, version=1, created_at=at, revisions=())
    _refuse(_problems(new, assortment, markets))
    event = _event("PriceListCreated", new, at)
    return repository.save(None, new, [event], lambda others: _refuse(new.overlaps(others)))


def update_price_list(
    list_id: str,
    to: PriceList,
    *,
    expected_version: int | None = None,
    repository: PriceListRepository,
    assortment: ReferenceChecker,
    at: datetime,
    markets: Iterable[Market] = MARKETS,
) -> PriceList:
    """Change a list from now on; what it said before stays in its past.

    Raises :class:`Invalid` as :func:`make_price_list`, NotFound, and Stale where somebody else
    changed it since ``expected_version``.
    """
    before = repository.get(list_id)
    if expected_version is not None:
        check_version(f"price list {list_id}", before.version, expected_version)
    after = before.update(replace(to, id=list_id), at)
    problems = _problems(after, assortment, markets)
    if after.currency != before.currency:
        problems.append(
            Problem("currency_fixed", "a list keeps its currency; make another", "$.currency")
        )
    _refuse(problems)
    event = _event("PriceListChanged", after, at)
    return repository.save(before, after, [event], lambda others: _refuse(after.overlaps(others)))


def _problems(
    price_list: PriceList,
    assortment: ReferenceChecker,
    markets: Iterable[Market],
) -> list[Problem]:
    problems = price_list.problems()
    sold_in = {market.id for market in markets}
    for name, known, sort in (
        ("markets", sold_in, "market"),
        ("channels", set(CHANNELS), "channel"),
    ):
        for place, thing in enumerate(getattr(price_list, name)):
            if thing not in known:
                problems.append(unknown_reference_problem(sort, thing, f"$.{name}[{place}]"))
    if problems:
        return problems
    unknown = set(assortment.find_unknown_articles(price_list.articles))
    problems += [
        Problem(
            "article_unknown",
            f"no product or variant {entry.article!r}",
            f"$.entries[{n}].article",
        )
        for n, entry in enumerate(price_list.entries)
        if entry.article in unknown
    ]
    return problems


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InvalidRequest(problems[0].detail, code=problems[0].code, problems=problems[:100])


def _event(type: str, price_list: PriceList, at: datetime) -> Event:
    window = price_list.window
    return Event(
        id=f"{price_list.id}:{price_list.version}",
        type=type,
        subject=price_list.id,
        at=at,
        data={
            "version": price_list.version,
            "currency": price_list.currency,
            "entries": len(price_list.entries),
            "starts": window.starts.isoformat() if window.starts else None,
            "ends": window.ends.isoformat() if window.ends else None,
        },
    )
