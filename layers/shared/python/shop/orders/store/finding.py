"""Finding orders in DynamoDB: by a term in the order index, or else by their day."""

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.orders.model import Order
from shop.orders.model.finding import PERSONAL_TERMS, OrderSearch, OrderSums, SearchTerm
from shop.orders.model.order_state import OrderStatus
from shop.orders.ports import OrderSummaryItem
from shop.orders.store.order_index import HashKeys, OrderPostingRow, partition_keys
from shop.orders.store.repository import SHARDS, order_from_row, summary_from_row
from shop.orders.store.rows import ByDay, OrderRow, order_pk, parse_placed_key, placed_key_of

MAX_LISTED = 10_000
"""Items of an index that one request reads."""
MAX_READ = 1_000
"""Orders that one request reads, if the index cannot decide which of them match."""
READ_SIZE = 100
"""Orders of one BatchGetItem."""
FILTER_PAGE = 250
"""Items of one shard per call while orders are searched of which some match."""
SUM_PAGE = 700
"""Items of one shard per call while a sum is computed: 16 shards have :data:`MAX_LISTED`."""
PLACED_KEY = re.compile(r"[0-9]{16}#[A-Za-z0-9_-]{1,80}")
FIRST_KEY, LAST_KEY = "0", "~"
"""Before and after every key of a placed order."""


@frozen(slots=False)
class _ListedOrder:
    """An order in an index. ``summary`` is set if the index holds the current one."""

    placed_key: str
    owner: str
    summary: OrderSummaryItem | None = None


class DynamoOrderFinder:
    """See :class:`shop.orders.ports.OrderFinder`."""

    def __init__(self, keys: HashKeys) -> None:
        self._keys = keys

    def find(
        self, search: OrderSearch, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        before = _key_of_cursor(cursor)
        filters = search.needs_orders or search.status is not None
        page_size = FILTER_PAGE if filters else limit + 1
        listed = self._listed(search, before, page_size)
        budget = MAX_READ if search.needs_orders else MAX_LISTED
        found: list[tuple[str, OrderSummaryItem]] = []
        last_key = None
        while budget > 0 and (chunk := list(islice(listed, min(page_size, READ_SIZE, budget)))):
            budget -= len(chunk)
            last_key = chunk[-1].placed_key
            found += _matching(search, chunk)
            if len(found) > limit:
                last_key = found[limit - 1][0]
                break
        else:
            # A page may be short although more orders follow: the request has read its share.
            if budget > 0 or next(listed, None) is None:
                last_key = None
        return Page(
            tuple(summary for _, summary in found[:limit]),
            to_cursor({"before": last_key}) if last_key else None,
        )

    def sum_up(self, search: OrderSearch) -> OrderSums:
        # Amounts of an order change, so only the index by day has them; of a term, they are read.
        reads_orders = search.term is not None
        listed = self._listed(search, None, FILTER_PAGE if reads_orders else SUM_PAGE)
        budget = MAX_READ if reads_orders else MAX_LISTED
        sums = OrderSums.of(_summaries(search, islice(listed, budget)))
        return sums if next(listed, None) is None else sums.as_lower_bound()

    def list_matching(
        self, search: OrderSearch, before: str | None, *, page_size: int
    ) -> Iterator[tuple[str, Order | None]]:
        """Yield the key of each order of the search's term, with the order if it matches."""
        listed = self._listed(search, before, page_size)
        while chunk := list(islice(listed, min(page_size, READ_SIZE))):
            keys = [_order_key(each) for each in chunk]
            orders = {row.placed_key: order_from_row(row) for row in OrderRow.batch_get(keys)}
            for each in chunk:
                order = orders.get(each.placed_key)
                is_match = order is not None and search.matches(order)
                yield each.placed_key, order if is_match else None

    def has_listed(self, search: OrderSearch, before: str) -> bool:
        """Return whether the search's term lists an order before this key."""
        return next(self._listed(search, before, 2), None) is not None

    def _listed(
        self, search: OrderSearch, before: str | None, page_size: int
    ) -> Iterator[_ListedOrder]:
        """Yield the orders of the term, or of the days, newest first and each once."""
        first = FIRST_KEY if search.placed_from is None else placed_key_of("", search.placed_from)
        last = LAST_KEY if search.placed_before is None else placed_key_of("", search.placed_before)
        if before is not None:
            last = min(before, last)
        if first > last:
            return iter(())
        by_key = (
            self._by_day(first, last, page_size)
            if search.term is None
            else self._by_term(search.term, first, last, page_size)
        )
        return _distinct(by_key, before)

    def _by_term(
        self, term: SearchTerm, first: str, last: str, page_size: int
    ) -> Iterator[_ListedOrder]:
        keys = self._keys() if term.kind in PERSONAL_TERMS else ()
        shards = [
            OrderPostingRow.query(
                key,
                OrderPostingRow.sk.between(first, last),
                scan_index_forward=False,
                page_size=page_size,
            )
            for key in partition_keys(term, keys)
        ]
        for row in heapq.merge(*shards, key=lambda each: each.sk, reverse=True):
            yield _ListedOrder(row.sk, row.owner)

    def _by_day(self, first: str, last: str, page_size: int) -> Iterator[_ListedOrder]:
        for day in _days(first, last):
            shards = [
                OrderRow.by_day.query(
                    f"{day}#{shard:02d}",
                    ByDay.placed_key.between(first, last),
                    scan_index_forward=False,
                    page_size=page_size,
                )
                for shard in range(SHARDS)
            ]
            for row in heapq.merge(*shards, key=lambda each: each.placed_key, reverse=True):
                yield _ListedOrder(row.placed_key, "", summary_from_row(row))


def _matching(
    search: OrderSearch, chunk: Sequence[_ListedOrder]
) -> list[tuple[str, OrderSummaryItem]]:
    """Return keys and current summaries of the listed orders that match, newest first."""
    if search.term is None:
        return [
            (each.placed_key, each.summary)
            for each in chunk
            if each.summary is not None and _has_status(search, each.summary.status)
        ]
    keys = [_order_key(each) for each in chunk]
    names = None if search.needs_orders else ["PK", "SK", "status", "summary", "placed_key"]
    rows = {row.placed_key: row for row in OrderRow.batch_get(keys, attributes_to_get=names)}
    # An order that was deleted a moment ago has no row any more.
    stored = [(key, rows[key]) for each in chunk if (key := each.placed_key) in rows]
    return [
        (key, summary_from_row(row))
        for key, row in stored
        if not search.needs_orders or search.matches(order_from_row(row))
    ]


def _order_key(listed: _ListedOrder) -> tuple[str, str]:
    return order_pk(parse_placed_key(listed.placed_key)[0]), f"HEAD#{listed.owner}"


def _summaries(search: OrderSearch, listed: Iterator[_ListedOrder]) -> Iterator[OrderSummaryItem]:
    """Yield the current summary of each order that matches."""
    while chunk := list(islice(listed, READ_SIZE)):
        yield from (summary for _, summary in _matching(search, chunk))


def _has_status(search: OrderSearch, status: OrderStatus) -> bool:
    if search.status is None:
        return status is not OrderStatus.PLACING
    return status is search.status


def _distinct(listed: Iterable[_ListedOrder], before: str | None) -> Iterator[_ListedOrder]:
    """Leave out the cursor's order, and repetitions: an order may be listed under two keys."""
    previous = before
    for each in listed:
        if each.placed_key != previous:
            yield each
        previous = each.placed_key


def _days(first: str, last: str) -> Iterator[str]:
    """Yield the UTC days between two keys, newest first."""
    order_id, end = parse_placed_key(last)
    if not order_id:
        # The end itself is excluded, so that midnight belongs to the day before.
        end -= timedelta(microseconds=1)
    day, oldest = end.date(), parse_placed_key(first)[1].date()
    while day >= oldest:
        yield f"{day:%Y-%m-%d}"
        day -= timedelta(days=1)


def _key_of_cursor(cursor: str | None) -> str | None:
    """Return the key of the last order of the cursor's page."""
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    if not (isinstance(before, str) and PLACED_KEY.fullmatch(before)):
        raise InvalidRequest(
            "The cursor is invalid. Use the cursor of the previous page unchanged.",
            code="cursor_invalid",
            path="cursor",
        )
    return before
