"""Promotions as staff write and read them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.errors import Invalid
from shop.kernel.paging import Page
from shop.pricing.model import Promotion
from shop.pricing.model.effects import GiftWith


class PromotionBody(BaseModel):
    """A promotion as docs/law/pricing.md describes it. What it may hold, the model checks itself:
    each problem comes back with its path.
    """

    model_config = ConfigDict(extra="allow", defer_build=True)

    def promotion(self, id_: str | None = None) -> Promotion:
        """Raises Invalid with field and reason of every contradiction."""
        told = dict(self.model_extra or {})
        for name in ("published", "published_at", "ended_at", "version", "status"):
            told.pop(name, None)
        if id_ is not None:
            told["id"] = id_
        promotion = Promotion.from_dict(told)
        effect = promotion.effect
        if isinstance(effect, GiftWith) and not effect.variant:
            said = "a gift is taken out of stock: say which variant it is"
            raise Invalid(said, code="variant_missing", path="$.effect.variant")
        return promotion


class PromotionView(BaseModel):
    """A promotion with its state at this instant; further members as they were written."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    id: str
    title: str
    status: str
    version: int

    @classmethod
    def of(cls, promotion: Promotion, at: datetime) -> "PromotionView":
        status, version = promotion.status(at).value, promotion.version
        return cls(**{**promotion.to_dict(), "status": status, "version": version})


class PromotionListView(BaseModel):
    promotions: list[PromotionView]
    cursor: str | None = None

    @classmethod
    def of(cls, page: Page[Promotion], at: datetime) -> "PromotionListView":
        return cls(promotions=[PromotionView.of(p, at) for p in page.items], cursor=page.cursor)
