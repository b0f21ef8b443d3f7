"""Customers as staff find and read them, and the text of their search."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.customers.model import CustomerSegments
from shop.kernel.errors import InvalidRequest, InvalidValue
from shop.kernel.pagination import Page
from shop.kernel.text_folding import clean
from shop.kernel.text_validation import validate_email
from shop.orders.model.customers import CustomerOrders, OrderingCustomer, OrderWorth
from shop.orders.model.finding import OrderSearch, fold_email, is_phone, name_words, phone_digits

MAX_TEXT_LENGTH = 254
"""As long as an email address may be."""
MAX_PAGE_SIZE = 20
DEFAULT_PAGE_SIZE = 10
ORDER_ID_PREFIX = "ord_"


def search_from_text(text: str | None) -> OrderSearch:
    """Parse ``?q=``: an order's number, an email address, a phone number, or words of a name.

    Raises InvalidRequest.
    """
    if text is None:
        raise InvalidRequest(
            "Send q: an order's number, an email address, a phone number or a name.",
            code="missing",
            path="q",
        )
    typed = clean(text) if len(text) <= MAX_TEXT_LENGTH else ""
    if typed.lower().startswith(ORDER_ID_PREFIX):
        return OrderSearch(number=typed.lower())
    if "@" in typed:
        return OrderSearch(email=_email(text))
    if is_phone(typed):
        return OrderSearch(phone=phone_digits(typed))
    if words := name_words(typed):
        return OrderSearch(words=words)
    raise InvalidRequest(
        f"q must be 1 to {MAX_TEXT_LENGTH} characters with a letter or a digit.",
        code="text_invalid",
        path="q",
    )


def _email(text: str) -> str:
    try:
        return fold_email(validate_email(text.strip()))
    except InvalidValue as error:
        raise InvalidRequest(str(error), code=error.code, path="q") from None


def customers_page_size(text: str | None) -> int:
    """Parse ``?limit=``. Raises InvalidRequest."""
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PAGE_SIZE):
        raise InvalidRequest(
            f"limit must be a whole number from 1 to {MAX_PAGE_SIZE}.",
            code="limit_invalid",
            path="limit",
        )
    return int(text)


class _ResponseModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class CustomerSumView(_ResponseModel):
    """A customer's orders in one currency."""

    currency: str
    """Currency as an ISO 4217 code."""
    orders: int
    """Orders in this currency that are not cancelled."""
    worth: int
    """What these orders are worth now, in minor units: their totals without cancelled and returned
    pieces, and less refunds by amount."""
    refunded: int
    """Money that the payment provider has refunded, in minor units; without credits, and with the
    refunds of cancelled orders."""


class CustomerOrderView(_ResponseModel):
    """The first or the last order of a customer."""

    id: str
    """Id of the order."""
    placed_at: datetime
    """Instant at which the order was placed."""

    @classmethod
    def of(cls, order: OrderWorth | None) -> "CustomerOrderView | None":
        return None if order is None else cls(id=order.id, placed_at=order.placed_at)


class CustomerView(_ResponseModel):
    """A customer, with the numbers of the orders."""

    id: str
    """Id of the account, or of a guest."""
    guest: bool
    """Whether the customer is a guest: known by orders without an account only. The orders that the
    owner of an account placed without signing in are those of a guest."""
    name: str
    """Name on the last order; empty if it has none."""
    email: str
    """Email address on the last order."""
    orders: int
    """Number of orders that are not cancelled."""
    cancelled: int
    """Number of cancelled orders."""
    sums: list[CustomerSumView]
    """The orders by currency."""
    first_order: CustomerOrderView | None = None
    """The first order, cancelled or not."""
    last_order: CustomerOrderView | None = None
    """The last order, cancelled or not."""
    complete: bool
    """Whether every order is counted. If false, only the newest 1,000 are: all numbers are lower
    bounds, and the first order is the first of these."""
    groups: list[str]
    """Names of the customer's groups; a guest has none."""
    segments: list[str]
    """Names of the customer's segments; a guest has none."""

    @classmethod
    def of(cls, customer: OrderingCustomer, segments: CustomerSegments | None) -> "CustomerView":
        numbers: CustomerOrders = customer.orders
        return cls(
            id=customer.key.id,
            guest=customer.key.is_guest,
            name=customer.name,
            email=customer.email,
            orders=numbers.orders,
            cancelled=numbers.cancelled,
            sums=[CustomerSumView.model_validate(vars(each)) for each in numbers.sums],
            first_order=CustomerOrderView.of(numbers.first),
            last_order=CustomerOrderView.of(numbers.last),
            complete=numbers.is_complete,
            groups=list(segments.groups) if segments else [],
            segments=list(segments.segments) if segments else [],
        )


class CustomerListView(_ResponseModel):
    """A page of customers, by their newest order that matches."""

    customers: list[CustomerView]
    """Customers, each once in all pages."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(
        cls, page: Page[OrderingCustomer], segments: Mapping[str, CustomerSegments]
    ) -> "CustomerListView":
        return cls(
            customers=[CustomerView.of(each, segments.get(each.key.id)) for each in page.items],
            cursor=page.cursor,
        )


class CustomerDetailView(CustomerView):
    """A customer with store credit and points."""

    points: int
    """Points that may be spent now; a guest has none."""
    store_credit: dict[str, int]
    """Store credit that may be spent now, in minor units by currency; a guest has none."""

    @classmethod
    def with_credits(
        cls,
        customer: OrderingCustomer,
        segments: CustomerSegments | None,
        points: int,
        store_credit: Mapping[str, int],
    ) -> "CustomerDetailView":
        view = CustomerView.of(customer, segments)
        return cls(**view.model_dump(), points=points, store_credit=dict(store_credit))
