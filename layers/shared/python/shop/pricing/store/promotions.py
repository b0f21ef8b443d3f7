"""The calendar of promotions in DynamoDB. What is published is in the rule book as well."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shop.kernel.errors import Conflict, NotFound, Problem, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
from shop.pricing.store.rows import PROMOTIONS, PricingRow
from shop.pricing.store.rule_set_cache import publish_rules_op, rule_set_version
from shop.serialization import from_json
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
"""How often a change is written anew when the book was changed meanwhile."""
MAX_ROWS_SCANNED = 500
"""Promotions that one page of a list by status looks at."""
MAX_REVISIONS = 50
"""Versions of a promotion that are told."""


class DynamoPromotionRepository:
    """See :class:`shop.pricing.ports.PromotionRepository`."""

    def get(self, promotion_id: str) -> Promotion:
        try:
            return _promotion(PricingRow.get(PROMOTIONS, promotion_id, consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no promotion {promotion_id!r}") from None

    def list_published(self) -> Sequence[Promotion]:
        return _not_called_off(_known())

    def list_all(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: PromotionStatus | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        after = decode_name_cursor(cursor)
        beyond = None if after is None else PricingRow.sk > after
        looked_at = limit if status is None else max(limit, MAX_ROWS_SCANNED)
        found: list[Promotion] = []
        last = None
        for seen, row in enumerate(PricingRow.query(PROMOTIONS, beyond, limit=looked_at + 1)):
            if seen == looked_at or len(found) == limit:
                return Page(tuple(found), to_cursor({"after": last}))
            last = row.sk
            promotion = _promotion(row)
            if status is None or at is None or promotion.status(at) is status:
                found.append(promotion)
        return Page(tuple(found))

    def list_revisions(self, promotion_id: str) -> Sequence[PromotionRevision]:
        rows = PricingRow.query(
            _past_key(promotion_id), scan_index_forward=False, limit=MAX_REVISIONS
        )
        return [_revision(row) for row in rows]

    def save(
        self,
        before: Promotion | None,
        after: Promotion,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None] | None = None,
    ) -> Promotion:
        ledger = DynamoUnitOfWork()
        told = before is not None and before.published
        for _ in range(MAX_ATTEMPTS):
            parts = [_saving(before, after, events)]
            if told or after.published:
                # The version first: whoever publishes from here on changes it too.
                version = rule_set_version(consistent=True)
                known = _known()
                if check is not None:
                    check(_not_called_off(known))
                at = events[0].at
                parts.append(publish_rules_op(_book_with(after, known), version, at))
            try:
                ledger.commit(*parts)
            except ConditionFailed as clash:
                if PROMOTIONS not in clash.keys:
                    continue  # somebody published something else: with theirs and ours, again
                if before is None:
                    raise Conflict(
                        "there is a promotion of that id", code="id_taken", path="$.id"
                    ) from None
                raise VersionConflict("somebody else changed this promotion meanwhile") from None
            return after
        raise VersionConflict("other promotions are being changed; try again")


def _known() -> Sequence[Promotion]:
    """All that are or were on the calendar."""
    rows = PricingRow.query(
        PROMOTIONS,
        filter_condition=PricingRow.published == True,  # noqa: E712  PynamoDB reads it as a condition
        consistent_read=True,
    )
    return [_promotion(row) for row in rows]


def _not_called_off(promotions: Sequence[Promotion]) -> Sequence[Promotion]:
    return [promotion for promotion in promotions if promotion.ended_at is None]


def _book_with(mine: Promotion, others: Sequence[Promotion]) -> list[Promotion]:
    rest = [other for other in others if other.id != mine.id]
    return [promotion for promotion in (*rest, mine) if promotion.published]


def _saving(before: Promotion | None, after: Promotion, events: Sequence[Event]) -> WriteOperation:
    row = PricingRow(
        PROMOTIONS,
        after.id,
        version=after.version,
        doc=after.to_dict(),
        events=tuple(events),
        published=after.published,
    )
    as_read = (
        PricingRow.pk.does_not_exist() if before is None else PricingRow.version == before.version
    )

    past = [_kept(after, event) for event in events[:1]]

    def write(writes: Any) -> None:
        writes.save(row, as_read)
        for revision in past:
            writes.save(revision)

    return write


def _kept(promotion: Promotion, event: Event) -> PricingRow:
    return PricingRow(
        _past_key(promotion.id),
        f"{promotion.version:08d}",
        version=promotion.version,
        doc={
            "since": event.at.isoformat(),
            "change": event.type,
            "actor": event.data.get("actor", ""),
            "promotion": promotion.to_dict(),
        },
    )


def _past_key(promotion_id: str) -> str:
    return f"PROMOTION#{promotion_id}"


def _revision(row: PricingRow) -> PromotionRevision:
    told = row.doc
    return PromotionRevision(
        datetime.fromisoformat(told["since"]),
        told["change"],
        told["actor"],
        _read(row.sk, told["promotion"]),
    )


def _promotion(row: PricingRow) -> Promotion:
    return _read(row.sk, row.doc)


def _read(name: str, raw: Any) -> Promotion:
    problems: list[Problem] = []
    promotion = from_json(Promotion, raw, "$", problems)
    if promotion is None:
        raise ValueError(f"promotion {name} cannot be read: {problems[0]}")
    return promotion
