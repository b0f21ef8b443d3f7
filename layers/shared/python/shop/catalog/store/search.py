"""Queries on postings: search, categories, and the list of all products.

A query without comparisons is one DynamoDB Query for exactly the cards of the page. Comparisons
are further words, a price, or a category beside a word; DynamoDB filters by them. Such a query
reads :data:`MAX_CARDS_READ` cards per Query, at most :data:`MAX_QUERIES` times, and the next page
continues there. So the cost of a request is bounded, however large the catalog grows.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any

from pynamodb.expressions.condition import Condition

from shop.catalog.model import ALL_SHARDS, ProductCard, ProductStatus, Search, category_names
from shop.catalog.model.search_index import all_heading, category_heading, folded_category
from shop.catalog.store.rows import LIST_ATTRIBUTES, CatalogRow, card_from
from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page, from_cursor, to_cursor

MAX_QUERIES = 4
"""DynamoDB Queries of one request."""
MAX_CARDS_READ = 250
"""Cards that a Query with comparisons reads: about 150 KB, 19 read units."""


def search_postings(search: Search, *, limit: int, cursor: str | None) -> Page[ProductCard]:
    """Return a page of cards that match the search."""
    everything = not search.words and not search.categories
    return _collect_page(
        search.headings,
        prefix=f"{ProductStatus.PUBLISHED}#" if everything else "",
        search=search,
        limit=limit,
        cursor=cursor,
        query_id=search.fingerprint,
    )


def list_cards(
    status: ProductStatus | None, *, limit: int, cursor: str | None
) -> Page[ProductCard]:
    """Return a page of all products, shard by shard."""
    return _collect_page(
        [all_heading(n) for n in range(ALL_SHARDS)],
        prefix=f"{status}#" if status else "",
        search=Search(),
        limit=limit,
        cursor=cursor,
        query_id=f"listed {status or 'all'}",
    )


def list_product_ids(
    position: tuple[int, str | None], *, limit: int
) -> tuple[list[str], tuple[int, str | None] | None]:
    """Return product ids from a shard and key on, and the next position; ``None`` at the end."""
    shard, after = position
    items, last = _query_page(all_heading(shard), "", after, None, limit, ["SK"])
    ids = [item["SK"]["S"].partition("#")[2] for item in items]
    if last is not None:
        return ids, (shard, last)
    return ids, (shard + 1, None) if shard + 1 < ALL_SHARDS else None


def has_category(category: str) -> bool:
    """Return whether a product on sale is in the category, in exactly this spelling.

    A heading lists all spellings, so up to :data:`MAX_CARDS_READ` cards are compared. Nearly
    always the first one matches.
    """
    folded = folded_category(category)
    if not folded:
        return False
    rows = CatalogRow.query(
        category_heading(folded),
        attributes_to_get=list(LIST_ATTRIBUTES),
        limit=MAX_CARDS_READ,
        page_size=10,
    )
    cards = (card_from(item) for page in rows.page_iter for item in page["Items"])
    return any(category in category_names(card.categories) for card in cards)


def _collect_page(
    headings: Sequence[str],
    *,
    prefix: str,
    search: Search,
    limit: int,
    cursor: str | None,
    query_id: str,
) -> Page[ProductCard]:
    """Read from the cursor until the page is full, the list ends, or the Queries are used up."""
    heading, sort_key = _resume(cursor, query_id, len(headings), prefix)
    cards: list[ProductCard] = []
    for _ in range(MAX_QUERIES):
        items, next_sort_key = _query_page(
            headings[heading],
            prefix,
            sort_key,
            _comparison(search, heading),
            limit + 1 if search.plain else MAX_CARDS_READ,
            (*LIST_ATTRIBUTES, "categories")
            if _earlier_categories(search, heading)
            else LIST_ATTRIBUTES,
        )
        for item in items:
            card = card_from(item)
            if _is_result(card, item, search, heading):
                # One match more than fits: the cursor points at the item read before it.
                if len(cards) == limit:
                    return Page(tuple(cards), _cursor(query_id, heading, sort_key))
                cards.append(card)
            sort_key = item["SK"]["S"]
        sort_key = next_sort_key
        if sort_key is None:
            heading += 1
        if heading == len(headings):
            return Page(tuple(cards), None)
        if len(cards) == limit:
            break
    return Page(tuple(cards), _cursor(query_id, heading, sort_key))


def _query_page(
    heading: str,
    prefix: str,
    sort_key: str | None,
    compare: Condition | None,
    limit: int,
    attributes: Sequence[str],
) -> tuple[list[dict[str, Any]], str | None]:
    """Run one Query; return the matching postings and the last key read, ``None`` at the end."""
    query = CatalogRow.query(
        heading,
        CatalogRow.SK.startswith(prefix) if prefix else None,
        filter_condition=compare,
        page_size=limit,
        attributes_to_get=list(attributes),
        last_evaluated_key={"PK": {"S": heading}, "SK": {"S": sort_key}} if sort_key else None,
    )
    page = next(query.page_iter)
    last = page.get("LastEvaluatedKey")
    return page["Items"], last["SK"]["S"] if last else None


def _comparison(search: Search, heading: int) -> Condition | None:
    """Build the filter expression of a heading, so DynamoDB sends matching cards only."""
    terms: list[Condition] = []
    if search.words:
        terms += [CatalogRow.words.contains(w) for w in search.readings[heading][1:]]
        # The headings of earlier readings have listed their own matches.
        terms += [~_has_all(reading) for reading in search.readings[:heading]]
    if search.categories and search.words:
        terms.append(reduce(or_, [CatalogRow.categories.contains(c) for c in search.categories]))
    if search.price is not None:
        bounds: list[Condition] = []
        if search.price.low is not None:
            bounds.append(CatalogRow.high >= search.price.low)
        if search.price.high is not None:
            bounds.append(CatalogRow.low <= search.price.high)
        if bounds:
            band = reduce(and_, bounds)
            if search.price.currency is not None:
                band = (CatalogRow.currency != search.price.currency) | band
            terms.append(band)
    return reduce(and_, terms) if terms else None


def _has_all(words: Sequence[str]) -> Condition:
    conditions: list[Condition] = [CatalogRow.words.contains(word) for word in words]
    return reduce(and_, conditions)


def _is_result(card: ProductCard, item: Mapping[str, Any], search: Search, heading: int) -> bool:
    """Apply the comparisons that a filter expression cannot make.

    DynamoDB compares lowest and highest price only, and a product of two requested categories is
    listed under both headings.
    """
    price = search.price
    if price is not None and price.overlaps(card) and not price.contains(card):
        return False
    earlier = _earlier_categories(search, heading)
    listed = item["categories"]["SS"] if earlier and "categories" in item else ()
    return not any(category in listed for category in earlier)


def _earlier_categories(search: Search, heading: int) -> Sequence[str]:
    """Return the requested categories whose headings were read before this one."""
    return () if search.words else search.categories[:heading]


def _cursor(query_id: str, heading: int, sort_key: str | None) -> str | None:
    return to_cursor({"q": query_id, "h": heading, "p": sort_key})


def _resume(
    cursor: str | None, query_id: str, headings: int, prefix: str
) -> tuple[int, str | None]:
    key = from_cursor(cursor, path="$.pagination.cursor")
    if key is None:
        return 0, None
    # Clients can alter a cursor: it must match this query and name a key within its headings.
    heading, sort_key = key.get("h"), key.get("p")
    if (
        key.get("q") == query_id
        and type(heading) is int
        and 0 <= heading < headings
        and (sort_key is None or (isinstance(sort_key, str) and _is_sort_key(sort_key, prefix)))
    ):
        return heading, sort_key
    raise InvalidRequest(
        "The cursor is invalid. Use the cursor of the previous page unchanged.",
        code="cursor_invalid",
        path="$.pagination.cursor",
    )


def _is_sort_key(sort_key: str, prefix: str) -> bool:
    return (
        sort_key.isascii()
        and sort_key.isprintable()
        and sort_key.startswith(prefix)
        and len(prefix) < len(sort_key) < 200
    )
