"""The query of a search for orders, and the sums of its result."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pydantic import BaseModel, ConfigDict

from shop.kernel.errors import InvalidRequest, InvalidValue
from shop.kernel.text_folding import clean
from shop.kernel.text_validation import validate_email
from shop.orders.model import OrderStatus
from shop.orders.model.finding import OrderSearch, OrderSums, fold_email, fold_sku, name_words

MAX_DAYS = 31
"""Days of a search without number, email, name or SKU: orders are then read day by day."""
MAX_NAME_LENGTH = 100
FIRST_YEAR, LAST_YEAR = 2000, 2199


def search_from_query(query: Mapping[str, str], *, at: datetime, zone: tzinfo) -> OrderSearch:
    """Parse the conditions of a search. Raises InvalidRequest.

    Days begin and end in the shop's time zone. Without any other condition, or with a status only,
    the orders of today are meant.
    """
    first, last = _days(query.get("day"), query.get("placed_from"), query.get("placed_to"))
    search = OrderSearch(
        number=_number(query.get("number")),
        email=_email(query.get("email")),
        words=_words(query.get("name")),
        sku=_sku(query.get("sku")),
        status=_status(query.get("status")),
    )
    if search.number is None and search.term is None:
        today = at.astimezone(zone).date()
        first, last = _bounded_days(first, last, today)
    return search.placed_between(
        None if first is None else _start_of(first, zone),
        None if last is None else _start_of(last + timedelta(days=1), zone),
    )


def _days(
    day: str | None, placed_from: str | None, placed_to: str | None
) -> tuple[date | None, date | None]:
    """Return the first and the last day, both included."""
    if day is not None:
        if placed_from is not None or placed_to is not None:
            raise InvalidRequest(
                "Send day, or placed_from and placed_to.", code="time_invalid", path="day"
            )
        return (only := _day("day", day)), only
    first = None if placed_from is None else _day("placed_from", placed_from)
    last = None if placed_to is None else _day("placed_to", placed_to)
    if first is not None and last is not None and first > last:
        raise InvalidRequest(
            "placed_to must be the day of placed_from or a later one.",
            code="out_of_range",
            path="placed_to",
        )
    return first, last


def _bounded_days(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """Return the days of a search by days only: today, or at most :data:`MAX_DAYS` days."""
    if first is None and last is not None:
        raise InvalidRequest(
            "placed_to needs placed_from, or a number, email, name or SKU beside it.",
            code="missing",
            path="placed_from",
        )
    first = today if first is None else first
    last = max(today, first) if last is None else last
    if (last - first).days >= MAX_DAYS:
        raise InvalidRequest(
            f"A search by days only has at most {MAX_DAYS} days. Send fewer, or add a number,"
            " email, name or SKU.",
            code="out_of_range",
            path="placed_from",
        )
    return first, last


def _day(name: str, text: str) -> date:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise InvalidRequest(
            f"{name} must be a date such as 2026-11-27.", code="time_invalid", path=name
        ) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidRequest(
            f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.", code="out_of_range", path=name
        )
    return day


def _start_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _number(text: str | None) -> str | None:
    """Parse an order's number. Its letters are lower case, and copies may differ in case.

    Text that was pasted may also have other blanks, widths and invisible characters.
    """
    if text is None:
        return None
    number = clean(text).lower()
    if not (1 <= len(number) <= 128 and number.isprintable()):
        raise InvalidRequest(
            "number must be the id of an order, unchanged.", code="id_invalid", path="number"
        )
    return number


def _email(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return fold_email(validate_email(text.strip()))
    except InvalidValue as error:
        raise InvalidRequest(str(error), code=error.code, path="email") from None


def _words(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    words = name_words(text) if len(text) <= MAX_NAME_LENGTH else ()
    if not words:
        raise InvalidRequest(
            f"name must be 1 to {MAX_NAME_LENGTH} characters with a letter or a digit.",
            code="text_invalid",
            path="name",
        )
    return words


def _sku(text: str | None) -> str | None:
    if text is None:
        return None
    sku = fold_sku(text)
    if not (1 <= len(sku) <= 128 and sku.isprintable()):
        raise InvalidRequest(
            "A SKU must have 1 to 128 printable characters.", code="id_invalid", path="sku"
        )
    return sku


def _status(text: str | None) -> OrderStatus | None:
    if text is None:
        return None
    if text not in set(OrderStatus):
        raise InvalidRequest(
            f"status must be one of {', '.join(OrderStatus)}.",
            code="value_unknown",
            path="status",
        )
    return OrderStatus(text)


class CurrencySumView(BaseModel):
    """The orders in one currency, in minor units: gross − cancelled − refunded = net."""

    currency: str
    """Currency as an ISO 4217 code."""
    count: int
    """Number of orders in this currency, with cancelled and returned ones."""
    cancelled_count: int
    """Number of cancelled orders among them, such as those with a declined card."""
    returned_count: int
    """Number of other orders of which the buyer keeps no piece."""
    gross: int
    """Sum of the totals with which the orders were placed, with shipping and tax."""
    cancelled: int
    """Value of cancelled orders and of cancelled pieces."""
    refunded: int
    """Value that was taken back from the other orders: returned and undelivered pieces, refunds by
    amount, and refunds at the provider. It counts also while the payment of a refund is pending."""
    net: int
    """What is kept, in money and credits: the sum of `net` of the orders."""
    unpaid: int
    """Part of `net` whose payment is not certain yet: that of orders with the status `placed`."""
    tax: int
    """Tax in `net`."""
    shipping: int
    """Shipping in `net`, after discounts: that of orders of which the buyer keeps a piece."""


class OrderSumsView(BaseModel):
    """The sums of all orders that a search finds."""

    model_config = ConfigDict(defer_build=True)

    count: int
    """Number of orders, in all currencies."""
    complete: bool
    """Whether every order is counted. If false, the result is too long: only its newest orders are
    counted, and all numbers are lower bounds."""
    sums: list[CurrencySumView]
    """The orders by currency. Currencies are never added up."""

    @classmethod
    def of(cls, sums: OrderSums) -> "OrderSumsView":
        return cls(
            count=sums.count,
            complete=sums.is_complete,
            sums=[CurrencySumView.model_validate(each, from_attributes=True) for each in sums.sums],
        )
