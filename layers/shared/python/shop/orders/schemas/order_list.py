"""Lists of orders, for customers and staff."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page
from shop.orders.model import OrderStatus
from shop.orders.ports import OrderSummaryItem

MAX_PAGE_SIZE = 100


def page_size_from_query(text: str | None) -> int:
    """Parse ``?limit=``; the default is 20. Raises InvalidRequest."""
    if text is None:
        return 20
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PAGE_SIZE):
        raise InvalidRequest(
            f"limit must be a whole number from 1 to {MAX_PAGE_SIZE}.",
            code="limit_invalid",
            path="limit",
        )
    return int(text)


def day_from_query(text: str | None, at: datetime) -> str:
    """Parse ``?day=`` (UTC); the default is today. Raises InvalidRequest."""
    if text is None:
        return f"{at:%Y-%m-%d}"
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).strftime("%Y-%m-%d")
    except ValueError:
        raise InvalidRequest(
            "day must be a date such as 2026-11-27.", code="time_invalid", path="day"
        ) from None


def status_from_query(text: str | None) -> OrderStatus | None:
    """Parse ``?status=``; ``None`` stands for all. Raises InvalidRequest."""
    if text is None:
        return None
    if text not in set(OrderStatus):
        raise InvalidRequest(
            f"status must be one of {', '.join(OrderStatus)}.",
            code="value_unknown",
            path="status",
        )
    return OrderStatus(text)


class _ResponseModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class OrderSummary(_ResponseModel):
    """An order in a list."""

    id: str
    """Id of the order."""
    status: OrderStatus
    """Status of the order."""
    placed_at: datetime
    """Instant at which the order was placed."""
    currency: str
    """Currency of all amounts as an ISO 4217 code."""
    total: int
    """Total in minor units, with shipping and tax."""
    pieces: int
    """Number of pieces."""
    email: str
    """Email address of the buyer."""


class OrderList(_ResponseModel):
    """A page of orders, newest first."""

    orders: list[OrderSummary]
    """Orders, newest first."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[OrderSummaryItem]) -> "OrderList":
        return cls(
            orders=[OrderSummary.model_validate(vars(summary)) for summary in page.items],
            cursor=page.cursor,
        )
