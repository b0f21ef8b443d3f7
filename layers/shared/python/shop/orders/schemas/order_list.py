"""Lists of orders, for customers and staff."""

from datetime import datetime

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


class _ResponseModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class OrderSummary(_ResponseModel):
    """An order in a list."""

    id: str
    """Id of the order."""
    status: OrderStatus
    """Status of the order. An order that arrived and was sent back whole stays `completed`, and its
    `active_pieces` are 0; `returned` is an order of which no piece arrived."""
    placed_at: datetime
    """Instant at which the order was placed."""
    currency: str
    """Currency of all amounts as an ISO 4217 code."""
    total: int
    """Total in minor units, with shipping and tax."""
    pieces: int
    """Number of pieces that were ordered."""
    active_pieces: int
    """Pieces that are neither cancelled nor returned; 0 if the buyer keeps none."""
    email: str
    """Email address of the buyer."""
    returned: int
    """Value of the pieces that came back or never arrived, in minor units, tax included."""
    refunded: int
    """Money that the payment provider has refunded, in minor units; without credits."""
    net: int
    """What is kept of the total, in money and credits: without cancelled and returned pieces,
    refunds by amount, and refunds outside the shop."""


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
