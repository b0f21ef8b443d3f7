"""Staff operations on price lists (docs/rules/pricing.md §3.4)."""

from dataclasses import replace
from datetime import datetime

from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.events import Event
from shop.kernel.optimistic_locking import check_version
from shop.pricing.model.price_list_validation import validate_price_list
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.references import unknown_reference_problem
from shop.pricing.model.rule_set import CHANNELS
from shop.pricing.ports import PriceListRepository, ReferenceChecker

MAX_REPORTED_PROBLEMS = 100
"""Problems in one error response. A list may have 4,000 invalid entries."""


def create_price_list(
    price_list: PriceList,
    *,
    repository: PriceListRepository,
    assortment: ReferenceChecker,
    at: datetime,
) -> PriceList:
    """Create a price list, in force from its start or from now.

    Raises :class:`InvalidRequest` with field and reason of every problem: an end before the start,
    an unknown currency, market, channel or article, an article with two prices, and
    ``price_overlaps`` if another list sets another price for the same customers and period.
    """
    created = replace(price_list, version=1, created_at=at, revisions=())
    _raise_if_any(_problems(created, assortment))
    event = _event("PriceListCreated", created, at)
    return repository.save(
        None, created, [event], lambda others: _raise_if_any(created.overlaps(others))
    )


def update_price_list(
    list_id: str,
    to: PriceList,
    *,
    expected_version: int | None = None,
    repository: PriceListRepository,
    assortment: ReferenceChecker,
    at: datetime,
) -> PriceList:
    """Change a list from now on; its earlier content is stored as a revision.

    Raises :class:`InvalidRequest` as :func:`create_price_list`, NotFound, and VersionConflict if
    the list has changed since ``expected_version``.
    """
    before = repository.get(list_id)
    if expected_version is not None:
        check_version(f"price list {list_id}", before.version, expected_version)
    after = before.update(replace(to, id=list_id), at)
    problems = _problems(after, assortment)
    # Revisions store prices without a currency, so it must never change (§3.4).
    if after.currency != before.currency:
        detail = f"The currency must stay {before.currency}. Create another list."
        problems.append(Problem("currency_fixed", detail, "$.currency"))
    _raise_if_any(problems)
    event = _event("PriceListChanged", after, at)
    return repository.save(
        before, after, [event], lambda others: _raise_if_any(after.overlaps(others))
    )


def _problems(price_list: PriceList, assortment: ReferenceChecker) -> list[Problem]:
    problems = validate_price_list(price_list)
    unknown_markets = assortment.find_unknown([("market", id_) for id_ in price_list.markets])
    for name, kind, unknown_ids in (
        ("markets", "market", {id_ for _, id_ in unknown_markets}),
        ("channels", "channel", set(price_list.channels) - set(CHANNELS)),
    ):
        for place, id_ in enumerate(getattr(price_list, name)):
            if id_ in unknown_ids:
                problems.append(unknown_reference_problem(kind, id_, f"$.{name}[{place}]"))
    # A list that is invalid by itself costs no read of the catalog.
    if problems:
        return problems
    unknown = set(assortment.find_unknown_articles(price_list.articles))
    problems += [
        Problem(
            "article_unknown",
            f"{entry.article!r} must be the id of a product or variant.",
            f"$.entries[{n}].article",
        )
        for n, entry in enumerate(price_list.entries)
        if entry.article in unknown
    ]
    return problems


def _raise_if_any(problems: list[Problem]) -> None:
    if problems:
        raise InvalidRequest(
            problems[0].detail, code=problems[0].code, problems=problems[:MAX_REPORTED_PROBLEMS]
        )


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
