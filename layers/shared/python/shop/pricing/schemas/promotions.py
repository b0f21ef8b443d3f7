"""Promotions as staff write and read them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
from shop.pricing.schemas.base import Version


class PromotionBody(BaseModel):
    """A promotion, as docs/rules/pricing.md describes it.

    The domain model validates it; each problem has the path of its field. A promotion can be sent
    back as it was read: its status and revisions belong to the shop and are ignored.
    """

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={
            "x-model": "shop.pricing.model.promotions:Promotion",
            "x-omit": ["published", "published_at", "ended_at"],
        },
    )

    version: Version | None = None

    def promotion(self, id_: str | None = None) -> Promotion:
        """Raises Invalid with field and reason of every contradiction."""
        content = dict(self.model_extra or {})
        for name in ("published", "published_at", "ended_at", "status", "revisions"):
            content.pop(name, None)
        if id_ is not None and content.setdefault("id", id_) != id_:
            detail = f"The id of a promotion cannot change. Send {id_!r}, or omit the id."
            raise InvalidRequest(detail, code="id_differs", path="$.id")
        promotion = Promotion.from_dict(content)
        effect = promotion.effect
        if isinstance(effect, GiftWith) and not effect.variant:
            detail = "A gift needs the id of its variant."
            raise InvalidRequest(detail, code="variant_missing", path="$.effect.variant")
        return promotion


class PromotionView(BaseModel):
    """A promotion with its current status; other fields as they were written."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.pricing.model.promotions:Promotion"},
    )

    id: str
    title: str
    status: str
    """Status by publication and clock: draft, scheduled, running or ended."""
    version: int
    """Version of the promotion; each change raises it."""

    @classmethod
    def of(cls, promotion: Promotion, at: datetime) -> "PromotionView":
        status, version = promotion.status(at).value, promotion.version
        return cls(**{**promotion.to_dict(), "status": status, "version": version})


class RevisionView(BaseModel):
    """A version of a promotion."""

    version: int
    """Version of the promotion."""
    since: datetime
    """Instant from which this version applied."""
    change: str
    """Name of the change, such as PromotionScheduled."""
    actor: str
    """Staff user who made the change."""
    content: Annotated[
        dict[str, Any],
        Field(json_schema_extra={"x-model": "shop.pricing.model.promotions:Promotion"}),
    ]
    """Promotion in this version."""

    @classmethod
    def of(cls, revision: PromotionRevision) -> "RevisionView":
        return cls(
            version=revision.promotion.version,
            since=revision.since,
            change=revision.change,
            actor=revision.actor,
            content=revision.promotion.to_dict(),
        )


class PromotionHistoryView(PromotionView):
    """A promotion with its versions."""

    revisions: list[RevisionView]
    """Versions, newest first, 50 at most."""

    @classmethod
    def from_history(
        cls, promotion: Promotion, past: Sequence[PromotionRevision], at: datetime
    ) -> "PromotionHistoryView":
        now = PromotionView.of(promotion, at).model_dump()
        return cls(**now, revisions=[RevisionView.of(revision) for revision in past])


class PromotionListView(BaseModel):
    """A page of promotions."""

    promotions: list[PromotionView]
    """Promotions of this page."""
    cursor: str | None = None
    """Cursor of the next page; absent on the last page."""

    @classmethod
    def of(cls, page: Page[Promotion], at: datetime) -> "PromotionListView":
        return cls(promotions=[PromotionView.of(p, at) for p in page.items], cursor=page.cursor)


def promotion_status_from_query(text: str | None) -> PromotionStatus | None:
    """``?status=`` of the list. Raises Invalid."""
    if text is None:
        return None
    try:
        return PromotionStatus(text)
    except ValueError:
        known = ", ".join(PromotionStatus)
        raise InvalidRequest(f"a status is one of {known}", path="status") from None
