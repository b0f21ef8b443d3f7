"""Price lists and price histories as staff write and read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import decode_name_cursor, to_cursor
from shop.kernel.text_validation import validate_currency
from shop.places.model.countries import validate_country
from shop.pricing.model.price_history import PriceHistory
from shop.pricing.model.price_lists import PriceList
from shop.pricing.schemas.base import Version


class PriceListBody(BaseModel):
    """A price list as docs/rules/pricing.md (§3) describes it; the model checks what it may hold.

    A change says in ``version`` which one it changes.
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
        """Raises Invalid with field and reason of every contradiction."""
        told = dict(self.model_extra or {})
        for name in ("status", "created_at", "revisions"):
            told.pop(name, None)
        if id_ is not None:
            told["id"] = id_
        return PriceList.from_dict(told)


class PriceListView(BaseModel):
    """A price list with its state at this instant; further members as they were written."""

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
    version: int

    @classmethod
    def of(cls, price_list: PriceList, at: datetime) -> "PriceListView":
        told = price_list.to_dict()
        told.pop("revisions", None)
        return cls(**{**told, "version": price_list.version, "status": price_list.status(at)})


class PriceListSummary(BaseModel):
    """A price list without its prices."""

    id: str
    title: str
    currency: str
    status: str
    version: int
    entries: int
    priority: int
    markets: list[str]
    channels: list[str]
    groups: list[str]
    starts: datetime | None = None
    ends: datetime | None = None

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
    """The price lists, those that go first first."""

    price_lists: list[PriceListSummary]
    cursor: str | None = None


def price_lists_view(
    lists: Sequence[PriceList], at: datetime, *, limit: int, cursor: str | None
) -> PriceListsView:
    """A page of the lists, in the order of their ids."""
    after = decode_name_cursor(cursor)
    rest = [n for n in sorted(lists, key=lambda n: n.id) if after is None or n.id > after]
    more = to_cursor({"after": rest[limit - 1].id}) if len(rest) > limit else None
    return PriceListsView(
        price_lists=[PriceListSummary.of(n, at) for n in rest[:limit]], cursor=more
    )


class PricePointView(BaseModel):
    """From ``since`` on one unit was announced at ``price``; ``regular`` is what that was off."""

    since: datetime
    price: int
    regular: int | None = None


class ReductionView(BaseModel):
    """The reduction that runs, and the lowest price of the thirty days before it began."""

    began: datetime
    price: int
    lowest_30_days: int | None
    percent: int


class PriceHistoryView(BaseModel):
    """All amounts are minor units of ``currency``."""

    article: str
    market: str
    currency: str
    points: list[PricePointView]
    reduction: ReductionView | None = None

    @classmethod
    def of(
        cls, history: PriceHistory, market: str, currency: str, at: datetime
    ) -> "PriceHistoryView":
        now = history.reduction(at)
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
            if now is None
            else ReductionView(
                began=now.began,
                price=now.price.minor,
                lowest_30_days=now.lowest.minor if now.lowest else None,
                percent=now.percent,
            ),
        )


def market_from_query(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    """``?country=`` and ``?currency=``, ``None`` where they are not named. Raises Invalid."""
    checks = {"country": validate_country, "currency": validate_currency}
    for name, check in checks.items():
        try:
            if name in query:
                check(query[name])
        except ValueError as error:
            raise InvalidRequest(str(error), code=f"{name}_unknown", path=name) from None
    return query.get("country"), query.get("currency")
