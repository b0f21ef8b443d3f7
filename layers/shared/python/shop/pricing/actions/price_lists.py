"""What staff do with price lists: make one, change it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import Invalid, Problem
from shop.kernel.events import Event
from shop.kernel.versions import as_read
from shop.pricing.model.named import unheard_of
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.rules import CHANNELS, MARKETS, Market
from shop.pricing.ports import Assortment, PriceBook


def make_price_list(
    price_list: PriceList,
    *,
    book: PriceBook,
    assortment: Assortment,
    at: datetime,
    markets: Iterable[Market] = MARKETS,
) -> PriceList:
    """Put a price list in force, from its start or from now.

    Raises :class:`Invalid` with field and reason of everything that is wrong: an end before the
    start, an unknown currency, market, channel or article, an article with two prices, and
    ``price_overlaps`` where another list gives another price to the same people at that time.
    """
    new = replace(price_list, version=1, created_at=at, past=())
    _refuse(_problems(new, assortment, markets))
    event = _event("PriceListMade", new, at)
    return book.save(None, new, [event], lambda others: _refuse(new.overlaps(others)))


def change_price_list(
    list_id: str,
    to: PriceList,
    *,
    expected_version: int | None = None,
    book: PriceBook,
    assortment: Assortment,
    at: datetime,
    markets: Iterable[Market] = MARKETS,
) -> PriceList:
    """Change a list from now on; what it said before stays in its past.

    Raises :class:`Invalid` as :func:`make_price_list`, NotFound, and Stale where somebody else
    changed it since ``expected_version``.
    """
    before = book.of(list_id)
    if expected_version is not None:
        as_read(f"price list {list_id}", before.version, expected_version)
    after = before.changed(replace(to, id=list_id), at)
    problems = _problems(after, assortment, markets)
    if after.currency != before.currency:
        problems.append(
            Problem("currency_fixed", "a list keeps its currency; make another", "$.currency")
        )
    _refuse(problems)
    event = _event("PriceListChanged", after, at)
    return book.save(before, after, [event], lambda others: _refuse(after.overlaps(others)))


def _problems(
    price_list: PriceList,
    assortment: Assortment,
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
                problems.append(unheard_of(sort, thing, f"$.{name}[{place}]"))
    if problems:
        return problems
    unknown = set(assortment.unknown(price_list.articles))
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
        raise Invalid(problems[0].detail, code=problems[0].code, problems=problems[:100])


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
