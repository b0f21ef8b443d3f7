"""Request and response types of coupons and their codes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.kernel.pagination import Page
from shop.pricing.model.coupons import Coupon, CouponStatus, CouponUses
from shop.pricing.schemas.base import Id, Instant, ReadOnly, Version
from shop.serialization import to_json


class CouponBody(BaseModel):
    """A coupon with one code for many buyers (``code``), or for batches of single codes."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    id: Id
    promotion_id: Id
    """Id of the promotion that the codes open.
    Example: black-friday"""
    code: Annotated[str, StringConstraints(max_length=64)] | None = None
    """The one code of the coupon, 3 to 40 letters and digits; absent for batches.
    Example: SAVE10"""
    quantity: int | None = None
    """Total number of uses; absent for no limit.
    Example: 1000"""
    per_code: int = 1
    """Uses of each code of a batch.
    Example: 1"""
    per_customer: int | None = None
    """Uses per customer; absent for no limit.
    Example: 1"""
    starts: Instant | None = None
    """First instant at which codes are accepted; absent for no start."""
    ends: Instant | None = None
    """Instant from which codes are no longer accepted; absent for no end."""

    def coupon(self) -> Coupon:
        return Coupon(**{name: getattr(self, name) for name in CouponBody.model_fields})


class CouponChangeBody(CouponBody):
    """The whole coupon after the change, as it was read, with new limits and window."""

    version: Version | None = None
    ended_at: ReadOnly = None
    status: ReadOnly = None
    uses: ReadOnly = None
    uses_complete: ReadOnly = None


def _shown(coupon: Coupon) -> dict[str, Any]:
    """Return the fields of a coupon; the version also if it is the first."""
    return {**to_json(coupon), "version": coupon.version}


class CouponView(BaseModel):
    """A coupon."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.pricing.model.coupons:Coupon"},
    )

    id: str
    promotion_id: str
    version: int

    @classmethod
    def of(cls, coupon: Coupon) -> "CouponView":
        return cls(**_shown(coupon))


class CouponUsesView(CouponView):
    """A coupon with its status and its uses."""

    status: CouponStatus
    """Status by its window and the clock."""
    uses: int
    """Orders that used its codes, without cancelled ones."""
    uses_complete: bool
    """Whether all codes are counted. If false, the coupon has more codes than one request reads,
    and ``uses`` is a lower bound."""

    @classmethod
    def with_uses(cls, coupon: Coupon, uses: CouponUses, at: datetime) -> "CouponUsesView":
        return cls(
            **_shown(coupon),
            status=coupon.status(at),
            uses=uses.count,
            uses_complete=uses.is_complete,
        )


class CouponListView(BaseModel):
    """A page of coupons, sorted by id."""

    coupons: list[CouponView]
    """Coupons, sorted by id."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[Coupon]) -> "CouponListView":
        return cls(coupons=[CouponView.of(each) for each in page.items], cursor=page.cursor)


class CodeBatchBody(BaseModel):
    """A batch of codes to issue."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    count: int
    """Number of codes, 10,000 at most.
    Example: 500"""
    prefix: str = ""
    """Text at the beginning of each code.
    Example: VIP"""


class CodeBatchView(BaseModel):
    """A batch of issued codes."""

    issued: int
    """Number of codes."""
    examples: list[str]
    """The first three codes."""
    codes_at: str
    """Path that returns all codes of the coupon."""


def batch_view(coupon_id: str, codes: Sequence[str]) -> CodeBatchView:
    return CodeBatchView(
        issued=len(codes),
        examples=list(codes[:3]),
        codes_at=f"/staff/coupons/{coupon_id}/codes",
    )


class CodesView(BaseModel):
    """A page of the codes of a coupon, 1,000 at most."""

    codes: list[str]
    """Codes of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""
