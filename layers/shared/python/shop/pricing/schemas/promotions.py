"""Request and response types of promotions."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.kernel.pagination import Page
from shop.pricing.model.effects import EFFECT_TYPES, GIFT_VARIANT_MESSAGE, Effect, FreeGift
from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
from shop.pricing.model.targeting import Selection
from shop.pricing.schemas.base import StaffWarning, Version
from shop.serialization import to_json


class PromotionBody(BaseModel):
    """A promotion, as docs/rules/pricing.md describes it.

    The domain model validates it; each problem has the path of its field. A promotion may be sent
    as it was read: status, revisions and warnings are ignored, because only the
    shop sets them.
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
        """Return the promotion. Raises InvalidRequest with the path of every problem."""
        values = dict(self.model_extra or {})
        for name in ("published", "published_at", "ended_at", "status", "revisions", "warnings"):
            values.pop(name, None)
        if id_ is not None and values.setdefault("id", id_) != id_:
            message = f"The id must stay {id_!r}. Omit it."
            raise InvalidRequest(message, code="id_differs", path="$.id")
        promotion = Promotion.from_dict(values)
        effect = promotion.effect
        if isinstance(effect, FreeGift) and not effect.variant:
            # Stored promotions may name a SKU only; staff must name the variant.
            raise InvalidRequest(GIFT_VARIANT_MESSAGE, code="missing", path="$.effect.variant")
        return promotion


class PromotionChangeBody(PromotionBody):
    """A promotion as it replaces a former version; its id is that of the path."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-model": "shop.pricing.model.promotions:Promotion",
            "x-omit": ["published", "published_at", "ended_at"],
            "x-optional": ["id"],
        },
    )


class PromotionView(BaseModel):
    """A promotion with its current status, its effect with all defaults, and the other fields as
    staff wrote them."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,
        json_schema_extra={"x-model": "shop.pricing.model.promotions:Promotion"},
    )

    id: str
    title: str
    status: str
    """Current status: draft, scheduled, running or ended."""
    version: int
    """Version of the promotion; each change increments it."""
    warnings: list[StaffWarning] = []
    """Risks of the promotion that staff should know."""

    @classmethod
    def of(cls, promotion: Promotion, at: datetime) -> "PromotionView":
        status, version = promotion.status(at).value, promotion.version
        channels = promotion.conditions.channels
        warnings = StaffWarning.of_channels(channels, "$.conditions.channels")
        shown = {
            "effect": effect_view(promotion.effect),
            "status": status,
            "version": version,
            "warnings": warnings,
        }
        return cls(**{**promotion.to_dict(), **shown})


def effect_view(effect: Effect) -> dict[str, Any]:
    """Return an effect with its defaults. Limits that are not set are absent."""
    view: dict[str, Any] = _with_defaults(effect)
    return view


def _with_defaults(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_with_defaults(item) for item in value]
    if not is_dataclass(value) or isinstance(value, (Money, Selection)):
        return to_json(value)
    kind = {"kind": value.kind} if hasattr(value, "kind") else {}
    items = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    return kind | {n: _with_defaults(item) for n, item in items.items() if item is not None}


def drop_former_defaults(
    merged: dict[str, Any], current: dict[str, Any], patch: Mapping[str, Any]
) -> None:
    """Remove the defaults of the former kind from an effect whose kind a patch changes."""
    before, after, sent = (each.get("effect") for each in (current, merged, patch))
    if not (isinstance(before, dict) and isinstance(after, dict) and isinstance(sent, dict)):
        return
    former, new = (EFFECT_TYPES.get(str(effect.get("kind"))) for effect in (before, after))
    if former is None or new is None or former is new:
        return
    of_new = {field.name for field in fields(new)}
    for field in fields(former):
        if field.default is MISSING or field.name in of_new or field.name in sent:
            continue
        if before.get(field.name) == to_json(field.default):
            after.pop(field.name, None)


class RevisionView(BaseModel):
    """A version of a promotion."""

    version: int
    """Version of the promotion."""
    since: datetime
    """Instant from which this version applied."""
    change: str
    """Type of the change, such as PromotionPublished."""
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
    """Versions, the newest first, 50 at most."""

    @classmethod
    def from_history(
        cls, promotion: Promotion, past: Sequence[PromotionRevision], at: datetime
    ) -> "PromotionHistoryView":
        current = PromotionView.of(promotion, at).model_dump()
        return cls(**current, revisions=[RevisionView.of(revision) for revision in past])


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
    """Return the status of ``?status=``, if it is sent. Raises InvalidRequest."""
    if text is None:
        return None
    try:
        return PromotionStatus(text)
    except ValueError:
        known = ", ".join(PromotionStatus)
        raise InvalidRequest(
            f"Status must be one of {known}.", code="value_unknown", path="status"
        ) from None
