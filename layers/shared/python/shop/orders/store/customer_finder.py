"""Customers from the orders in DynamoDB: found by a term of an order, with sums of their orders.

Nothing is stored for a customer. The orders of an account are an index of the orders' table; those
of a guest are listed under the email address in the order index. Both are read when a customer is
shown, so an event that arrives twice, late or never changes no sum.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from shop.customers.model import COGNITO_SUBJECT_PATTERN
from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.orders.model import Order, OrderStatus
from shop.orders.model.customers import (
    CustomerKey,
    CustomerOrders,
    OrderingCustomer,
    OrderWorth,
    name_on,
)
from shop.orders.model.finding import OrderSearch, SearchTerm, TermKind, fold_email
from shop.orders.model.order_state import GUEST_OWNER
from shop.orders.store.finding import MAX_LISTED, MAX_READ, PLACED_KEY, READ_SIZE, DynamoOrderFinder
from shop.orders.store.order_index import (
    HashKeys,
    OrderPostingRow,
    hashed_partition_key,
    partition_keys,
    text_hash,
)
from shop.orders.store.repository import order_from_row, summary_from_row
from shop.orders.store.rows import OrderRow, order_pk, parse_placed_key

MAX_CUSTOMERS = 200
"""Customers that one search lists: the cursor names them, so that none is listed twice."""
MAX_ORDERS = 1_000
"""Orders of a customer that are counted, newest first."""
GUEST_PREFIX = "guest_"
_DIGEST = 12
_SEEN = re.compile(rf"(?:[0-9a-f]{{{_DIGEST}}}){{0,{MAX_CUSTOMERS}}}")
_GUEST_ID = re.compile(r"guest_[A-Za-z0-9_-]{22}")
_SUMMARY = ["PK", "SK", "status", "summary", "placed_key"]

OrderKey = tuple[str, str]


class DynamoCustomerFinder:
    """See :class:`shop.orders.ports.CustomerFinder`."""

    def __init__(self, keys: HashKeys) -> None:
        self._keys = keys
        self._orders = DynamoOrderFinder(keys)

    def find(
        self, search: OrderSearch, *, cursor: str | None, limit: int
    ) -> Page[OrderingCustomer]:
        before, seen = _position(cursor)
        if len(seen) >= MAX_CUSTOMERS:
            raise InvalidRequest(
                f"More than {MAX_CUSTOMERS} customers match. Type more of the name.",
                code="too_many",
                path="q",
            )
        found: dict[str, CustomerKey] = {}
        last_key: str | None = None
        budget = MAX_READ
        listed = self._orders.list_matching(search, before, page_size=2 * limit)
        while budget > 0 and (chunk := list(islice(listed, min(2 * limit, READ_SIZE, budget)))):
            budget -= len(chunk)
            for placed_key, order in chunk:
                last_key = placed_key
                if order is None or (digest := _digest(key := self.key_of(order))) in seen:
                    continue
                seen.append(digest)
                found[digest] = key
                if len(found) == limit or len(seen) == MAX_CUSTOMERS:
                    break
            if len(found) == limit or len(seen) == MAX_CUSTOMERS:
                break
        is_last = last_key is None or not self._orders.has_listed(search, last_key)
        following = None if is_last else {"before": last_key, "seen": "".join(seen)}
        return Page(tuple(self._customers(list(found.values()))), to_cursor(following))

    def get(self, customer_id: str) -> OrderingCustomer:
        if COGNITO_SUBJECT_PATTERN.fullmatch(account := customer_id.lower()):
            key = CustomerKey(account, account)
        else:
            key = self._guest(customer_id)
        (customer,) = self._customers([key])
        return customer

    def customer_of(self, order: Order) -> OrderingCustomer:
        key = self.key_of(order)
        (customer,) = self._customers([key])
        if customer.orders.last is None:
            # The index has not listed it yet: it was placed a moment ago.
            numbers = CustomerOrders.of([OrderWorth.of(order)], is_complete=True)
            return OrderingCustomer(key, name_on(order), order.email, numbers)
        return customer

    def key_of(self, order: Order) -> CustomerKey:
        if order.owner != GUEST_OWNER:
            return CustomerKey(order.owner, order.owner)
        email = fold_email(order.email)
        term = SearchTerm(TermKind.EMAIL, email)
        return CustomerKey(GUEST_PREFIX + text_hash(term, self._keys()[0]), GUEST_OWNER, email)

    def _guest(self, customer_id: str) -> CustomerKey:
        """Return the guest of an id. Raises NotFound."""
        if _GUEST_ID.fullmatch(customer_id):
            text = customer_id.removeprefix(GUEST_PREFIX)
            for row in _postings([hashed_partition_key(TermKind.EMAIL, 0, text)], limit=1):
                for order in OrderRow.batch_get([_order_key(row)]):
                    return self.key_of(order_from_row(order))
        raise NotFound(
            f"Customer {customer_id!r} is unknown. Use an id from the list of customers, or the"
            " subject of an account in the user pool.",
            code="customer_unknown",
            path="id",
        )

    def _customers(self, keys: Sequence[CustomerKey]) -> Iterator[OrderingCustomer]:
        """Yield each customer with its orders; the newest order of each is read in one call."""
        orders = {key.id: self._orders_of(key) for key in keys}
        newest = {
            (order_pk(numbers.last.id), f"HEAD#{key.owner}"): key.id
            for key in keys
            if (numbers := orders[key.id]).last is not None
        }
        shown = {newest[row.pk, row.sk]: order_from_row(row) for row in _rows(newest)}
        for key in keys:
            order = shown.get(key.id)
            name, email = (name_on(order), order.email) if order else ("", "")
            yield OrderingCustomer(key, name, email, orders[key.id])

    def _orders_of(self, key: CustomerKey) -> CustomerOrders:
        """Add up the orders of a customer, newest first and :data:`MAX_ORDERS` at most."""
        rows = self._guest_rows(key.email) if key.email is not None else _account_rows(key.owner)
        worths = [
            OrderWorth(one.id, one.placed_at, one.status, one.currency, one.worth, one.refunded)
            for one in map(summary_from_row, rows)
            if one.status is not OrderStatus.PLACING
        ]
        complete = len(worths) <= MAX_ORDERS
        return CustomerOrders.of(worths[:MAX_ORDERS], is_complete=complete)

    def _guest_rows(self, email: str) -> list[OrderRow]:
        term = SearchTerm(TermKind.EMAIL, email)
        keys = {
            _order_key(row): row.sk
            for row in _postings(partition_keys(term, self._keys()), limit=MAX_ORDERS + 1)
        }
        # The newest ones of all hash keys; an order may be listed under two.
        newest = sorted(keys, key=lambda key: keys[key], reverse=True)[: MAX_ORDERS + 1]
        rows = _rows(dict.fromkeys(newest), attributes=_SUMMARY)
        return sorted(rows, key=lambda row: row.placed_key, reverse=True)


def _account_rows(owner: str) -> list[OrderRow]:
    return list(OrderRow.by_owner.query(owner, scan_index_forward=False, limit=MAX_ORDERS + 1))


def _postings(partitions: Iterable[str], *, limit: int) -> Iterator[OrderPostingRow]:
    """Yield the orders without an account of these partitions, newest first in each."""
    for partition in partitions:
        listed = OrderPostingRow.query(partition, scan_index_forward=False, page_size=limit)
        read = islice(listed, MAX_LISTED)
        yield from islice((row for row in read if row.owner == GUEST_OWNER), limit)


def _rows(
    keys: Mapping[OrderKey, object], attributes: Sequence[str] | None = None
) -> list[OrderRow]:
    if not keys:
        return []
    names = None if attributes is None else list(attributes)
    return list(OrderRow.batch_get(list(keys), attributes_to_get=names))


def _order_key(row: OrderPostingRow) -> OrderKey:
    return order_pk(parse_placed_key(row.sk)[0]), f"HEAD#{row.owner}"


def _digest(key: CustomerKey) -> str:
    # 48 bits: no two of 200 customers share one.
    return hashlib.sha256(key.id.encode()).hexdigest()[:_DIGEST]


def _position(cursor: str | None) -> tuple[str | None, list[str]]:
    """Return the last order that was read, and the digests of the customers that were listed."""
    key = from_cursor(cursor)
    if key is None:
        return None, []
    before, seen = key.get("before"), key.get("seen")
    if not (
        isinstance(before, str)
        and PLACED_KEY.fullmatch(before)
        and isinstance(seen, str)
        and _SEEN.fullmatch(seen)
    ):
        raise InvalidRequest(
            "The cursor is invalid. Use the cursor of the previous page unchanged.",
            code="cursor_invalid",
            path="cursor",
        )
    return before, [seen[n : n + _DIGEST] for n in range(0, len(seen), _DIGEST)]
