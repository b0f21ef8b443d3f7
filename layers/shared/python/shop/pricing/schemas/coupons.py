"""Coupons and their codes as staff write and read them."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.pricing.model.coupons import Coupon
from shop.pricing.schemas.base import Id, Instant
from shop.serialization import to_json


class CouponBody(BaseModel):
    """A coupon: with ``code`` one code used by many, without it codes are issued in batches."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    id: Id
    promotion_id: Id
    code: Annotated[str, StringConstraints(max_length=64)] | None = None
    quantity: int | None = None
    per_code: int = 1
    per_customer: int | None = None
    starts: Instant | None = None
    ends: Instant | None = None

    def coupon(self) -> Coupon:
        return Coupon(**{name: getattr(self, name) for name in type(self).model_fields})


class CouponView(BaseModel):
    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.pricing.model.coupons:Coupon"},
    )

    id: str
    promotion_id: str

    @classmethod
    def of(cls, coupon: Coupon) -> "CouponView":
        return cls(**to_json(coupon))


class CodeBatchBody(BaseModel):
    """How many codes, and what they begin with."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    count: int
    prefix: str = ""


class CodeBatchView(BaseModel):
    """How many codes were issued, a few of them, and where all are."""

    issued: int
    examples: list[str]
    codes_at: str


def batch_view(coupon_id: str, codes: Sequence[str]) -> CodeBatchView:
    return CodeBatchView(
        issued=len(codes),
        examples=list(codes[:3]),
        codes_at=f"/staff/coupons/{coupon_id}/codes",
    )


class CodesView(BaseModel):
    """Codes of a coupon, up to 1,000 at a time."""

    codes: list[str]
    cursor: str | None = None
