"""Query parameters of the HTTP API, as data for the OpenAPI document.

A handler parses its parameters itself. A contract test compares the names that it reads with those
that its manifest entry declares.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QueryParameter:
    """One parameter after the ``?`` of a URL."""

    name: str
    description: str
    type: str = "string"
    """A JSON type: string or integer."""
    required: bool = False
    values: tuple[str, ...] = ()
    """The values that are accepted; none means any."""
    default: str | int | None = None
    minimum: int | None = None
    maximum: int | None = None
    example: str | int | None = None


CURSOR = QueryParameter(
    name="cursor",
    description="Cursor of the page, from the previous response; without it the first page.",
)


def limit(default: int, maximum: int, *, strict: bool = False) -> QueryParameter:
    """Return the parameter for the size of a page.

    A ``strict`` handler rejects a value above the maximum; others reduce it.
    """
    return QueryParameter(
        name="limit",
        description="Entries per page." if strict else f"Entries per page; {maximum} at most.",
        type="integer",
        default=default,
        minimum=1,
        maximum=maximum if strict else None,
        example=default,
    )


PAGE = (limit(50, 200), CURSOR)
"""The parameters of most lists."""

ORDERS_PAGE = (limit(20, 100, strict=True), CURSOR)
"""The parameters of lists of orders."""


def status(*values: str) -> QueryParameter:
    """Return the parameter that limits a list to one status."""
    return QueryParameter(
        name="status", description="Status of the entries; without it all.", values=values
    )


def version(subject: str) -> QueryParameter:
    """Return the parameter that requests a former version."""
    return QueryParameter(
        name="version",
        description=f"Version of the {subject}; without it the current one.",
        type="integer",
        minimum=0,
        example=3,
    )


SKU = QueryParameter(
    name="sku",
    description="Stock keeping unit, 1 to 128 characters.",
    required=True,
    example="MUG-BLUE",
)
LOCATION = QueryParameter(
    name="location", description="Name of the location.", default="main", example="main"
)
COUNTRY = QueryParameter(
    name="country",
    description="Country whose market is meant: an ISO 3166-1 code, or a name.",
    example="DE",
)
CURRENCY = QueryParameter(
    name="currency",
    description="Currency of the prices as an ISO 4217 code; without it the catalog's.",
    example="EUR",
)
SKU_PREFIX = QueryParameter(
    name="sku_prefix", description="Beginning of the SKUs, in their spelling.", example="MUG-"
)
STOCK_FILTER = QueryParameter(
    name="only",
    description="Levels at or below their low-stock threshold, or without an available unit; "
    "without it all.",
    values=("low", "out"),
)
ORDER_SEARCH = (
    QueryParameter(name="number", description="Id of the order; letters may differ in case."),
    QueryParameter(
        name="email",
        description="Email address of the buyer; letters may differ in case.",
        example="jane@example.com",
    ),
    QueryParameter(
        name="name",
        description="Words of the name of buyer or recipient, or beginnings of 3 letters or more.",
        example="jane d",
    ),
    QueryParameter(
        name="sku", description="SKU in the order, or of a part of its kits.", example="MUG-BLUE"
    ),
    QueryParameter(
        name="day",
        description="Day on which the orders were placed, in the shop's time zone. Without any "
        "condition but a status, today.",
        example="2026-11-27",
    ),
    QueryParameter(
        name="placed_from",
        description="First day on which the orders were placed. Without number, email, name and "
        "sku, a search has at most 31 days.",
        example="2026-11-01",
    ),
    QueryParameter(
        name="placed_to",
        description="Last day on which the orders were placed; without it no limit.",
        example="2026-11-30",
    ),
)
"""The conditions of a search for orders, beside the status; an order must meet all of them."""
CUSTOMER_SEARCH = (
    QueryParameter(
        name="q",
        description="An email address, a phone number, the number of an order, or words of a name "
        "or their beginnings of 3 letters or more.",
        required=True,
        example="jane@example.com",
    ),
    limit(10, 20, strict=True),
    CURSOR,
)
"""The parameters of a search for customers."""
ORDER_STATUSES = ("placing", "placed", "confirmed", "completed", "cancelled", "returned")
"""The values of ``shop.orders.model.OrderStatus``."""
ORDER_STATUS = QueryParameter(
    name="status",
    description="Status of the orders; without it all. returned: no piece arrived. An order that"
    " was sent back whole is completed, with 0 active_pieces.",
    values=ORDER_STATUSES,
)
"""The parameter that limits a list of orders to one status."""

CATALOG_FILTERS = (
    QueryParameter(
        name="query", description="Words to search for, 200 characters at most.", example="mug"
    ),
    QueryParameter(name="category", description="Category that a product has.", example="Kitchen"),
    QueryParameter(
        name="min_price",
        description="Lowest price in minor units.",
        type="integer",
        minimum=0,
        example=1000,
    ),
    QueryParameter(
        name="max_price",
        description="Highest price in minor units.",
        type="integer",
        minimum=0,
        example=5000,
    ),
)
"""The parameters that limit a list of products."""
POSTAL_CODE = QueryParameter(
    name="postal_code",
    description="ZIP code whose rate is returned, with or without its add-on code.",
    example="94107",
)
SINCE = QueryParameter(
    name="since",
    description="First day of the rates; without it today in the market's time zone.",
    example="2027-01-01",
)
IMPORT_CURRENCY = QueryParameter(
    name="currency",
    description="Currency of the prices in the file as an ISO 4217 code.",
    required=True,
    example="EUR",
)
DECIMAL = QueryParameter(
    name="decimal",
    description="Decimal sign of the numbers in the file: 129.99 or 129,99.",
    values=("point", "comma"),
    default="point",
)
MEDIA = QueryParameter(
    name="media",
    description="HTTP URL with a final slash, before relative names of images in the file.",
    example="https://images.example.com/",
)
FIRST_LINE = QueryParameter(
    name="first_line",
    description="Number of the file's first line, for parts of a larger file.",
    type="integer",
    default=1,
    minimum=1,
)
ENCODING = QueryParameter(
    name="encoding",
    description="Character encoding of the file.",
    default="utf-8",
    example="windows-1252",
)
