"""Request and response types of price lists and price histories."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import decode_name_cursor, to_cursor
from shop.kernel.text_validation import validate_currency
from shop.places.model.countries import validate_country
from shop.pricing.model.price_history import PriceHistory
from shop.pricing.model.price_lists import PriceList
from shop.pricing.schemas.base import StaffWarning, Version


class PriceListBody(BaseModel):
    """A price list, as docs/rules/pricing.md (§3) describes it.

    The domain model validates it; each problem has the path of its field.
    """

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={
            "x-model": "shop.pricing.model.price_lists:PriceList",
            "x-omit": ["created_at", "revisions"],
        },
    )

    version: Version | None = None

    def price_list(self, id_: str | None = None) -> PriceList:
        """Return the price list. Raises InvalidRequest with the path of every problem."""
        fields = dict(self.model_extra or {})
        for name in ("status", "created_at", "revisions", "warnings"):
            fields.pop(name, None)
        if id_ is not None and fields.setdefault("id", id_) != id_:
            message = f"The id must stay {id_!r}. Omit it."
            raise InvalidRequest(message, code="id_differs", path="$.id")
        return PriceList.from_dict(fields)


class PriceListChangeBody(PriceListBody):
    """A price list as it replaces a former version; its id is that of the path."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-model": "shop.pricing.model.price_lists:PriceList",
            "x-omit": ["created_at", "revisions"],
            "x-optional": ["id"],
        },
    )


class PriceListView(BaseModel):
    """A price list with its current status, and the other fields as staff wrote them."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={
            "x-model": "shop.pricing.model.price_lists:PriceList",
            "x-omit": ["revisions"],
        },
    )

    id: str
    currency: str
    status: str
    """Current status: scheduled, running or ended."""
    version: int
    """Version of the list; each change increments it."""
    warnings: list[StaffWarning] = []
    """Risks of the list that staff should know."""

    @classmethod
    def of(cls, price_list: PriceList, at: datetime) -> "PriceListView":
        fields = price_list.to_dict()
        fields.pop("revisions", None)
        warnings = StaffWarning.of_channels(price_list.channels, "$.channels")
        more = {"version": price_list.version, "status": price_list.status(at)}
        return cls(**{**fields, **more, "warnings": warnings})


class PriceListSummary(BaseModel):
    """A price list without its prices."""

    id: str
    """Id of the list."""
    title: str
    """Title for staff."""
    currency: str
    """Currency of all prices as an ISO 4217 code."""
    status: str
    """Current status: scheduled, running or ended."""
    version: int
    """Version of the list; each change increments it."""
    entries: int
    """Number of prices."""
    priority: int
    """Priority; lower numbers come first."""
    markets: list[str]
    """Markets in which it applies; none means all."""
    channels: list[str]
    """Sales channels on which it applies; none means all."""
    groups: list[str]
    """Customer groups to which it applies; none means all."""
    starts: datetime | None = None
    """First instant at which it applies; absent for no start."""
    ends: datetime | None = None
    """Instant from which it no longer applies; absent for no end."""

    @classmethod
    def of(cls, price_list: PriceList, at: datetime) -> "PriceListSummary":
        return cls(
            id=price_list.id,
            title=price_list.title,
            currency=price_list.currency,
            status=price_list.status(at),
            version=price_list.version,
            entries=len(price_list.entries),
            priority=price_list.priority,
            markets=list(price_list.markets),
            channels=list(price_list.channels),
            groups=list(price_list.groups),
            starts=price_list.window.starts,
            ends=price_list.window.ends,
        )


class PriceListsView(BaseModel):
    """A page of price lists, sorted by id."""

    price_lists: list[PriceListSummary]
    """Price lists of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""


def price_lists_view(
    lists: Sequence[PriceList], at: datetime, *, limit: int, cursor: str | None
) -> PriceListsView:
    """Return a page of the lists, sorted by id."""
    after = decode_name_cursor(cursor)
    remaining = sorted(
        (price_list for price_list in lists if after is None or price_list.id > after),
        key=lambda price_list: price_list.id,
    )
    page = remaining[:limit]
    return PriceListsView(
        price_lists=[PriceListSummary.of(price_list, at) for price_list in page],
        cursor=to_cursor({"after": page[-1].id}) if len(remaining) > limit else None,
    )


class PricePointView(BaseModel):
    """A price that was displayed from an instant on."""

    since: datetime
    """Instant from which the price was displayed."""
    price: int
    """Unit price in minor units."""
    regular: int | None = None
    """Price before the reduction in minor units; absent without a reduction."""


class ReductionView(BaseModel):
    """The current reduction, and the lowest price of the 30 days before it (Directive 98/6/EC)."""

    began: datetime
    """Instant at which the reduction began."""
    price: int
    """Reduced price in minor units."""
    lowest_30_days: int | None
    """Lowest price of the 30 days before the reduction in minor units; absent if unknown."""
    reduction_ppm: int
    """Reduction of that lowest price in parts per million, rounded down to a whole percent."""


class PriceHistoryView(BaseModel):
    """The displayed prices of a variant. Amounts are minor units of ``currency``."""

    article: str
    """Id of the variant."""
    market: str
    """Market of the prices."""
    currency: str
    """Currency of all amounts as an ISO 4217 code."""
    points: list[PricePointView]
    """Prices, the oldest first."""
    reduction: ReductionView | None = None
    """The current reduction; absent without one."""

    @classmethod
    def of(
        cls, history: PriceHistory, market: str, currency: str, at: datetime
    ) -> "PriceHistoryView":
        reduction = history.reduction(at)
        return cls(
            article=history.article,
            market=market,
            currency=currency,
            points=[
                PricePointView(
                    since=p.since,
                    price=p.price.minor,
                    regular=p.regular.minor if p.regular else None,
                )
                for p in history.points
            ],
            reduction=None
            if reduction is None
            else ReductionView(
                began=reduction.began,
                price=reduction.price.minor,
                lowest_30_days=reduction.lowest.minor if reduction.lowest else None,
                reduction_ppm=reduction.percent * 10_000,
            ),
        )


def market_from_query(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return ``?country=`` as a code and ``?currency=``, ``None`` if absent.

    Raises InvalidRequest.
    """
    return (
        _checked(query.get("country"), "country", validate_country),
        _checked(query.get("currency"), "currency", validate_currency),
    )


def _checked(text: str | None, name: str, validate: Callable[[str], str]) -> str | None:
    try:
        return None if text is None else validate(text)
    except ValueError as error:
        raise InvalidRequest(str(error), code=f"{name}_unknown", path=name) from None
