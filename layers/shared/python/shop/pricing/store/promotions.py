"""Promotions in DynamoDB. Published promotions are copied into the rule set."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from shop.kernel.errors import Conflict, Contention, NotFound, Problem, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
from shop.pricing.store.rows import PROMOTIONS, PricingRow
from shop.pricing.store.rule_set_rows import (
    promotion_from,
    publish_rules_op,
    rule_set_version,
)
from shop.storage.transactions import DynamoUnitOfWork

MAX_ATTEMPTS = 5
"""Attempts of a write while other changes of the rule set come first."""
MAX_ROWS_SCANNED = 500
"""Promotions that one page of a list by status reads."""
MAX_REVISIONS = 50


class DynamoPromotionRepository:
    """See :class:`shop.pricing.ports.PromotionRepository`."""

    def get(self, promotion_id: str) -> Promotion:
        try:
            return _promotion_from(PricingRow.get(PROMOTIONS, promotion_id, consistent_read=True))
        except PricingRow.DoesNotExist:
            raise NotFound(f"Promotion {promotion_id!r} does not exist. Check the id.") from None

    def list_published(self) -> Sequence[Promotion]:
        return _without_ended(read_published())

    def list_all(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: PromotionStatus | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        after = decode_name_cursor(cursor)
        range_condition = None if after is None else PricingRow.sk > after
        # The status depends on the clock and is not stored, so rows are filtered after the read.
        max_rows = limit if status is None else max(limit, MAX_ROWS_SCANNED)
        promotions: list[Promotion] = []
        last = None
        rows = PricingRow.query(PROMOTIONS, range_condition, limit=max_rows + 1)
        for number, row in enumerate(rows):
            if number == max_rows or len(promotions) == limit:
                return Page(tuple(promotions), to_cursor({"after": last}))
            last = row.sk
            promotion = _promotion_from(row)
            if status is None or at is None or promotion.status(at) is status:
                promotions.append(promotion)
        return Page(tuple(promotions))

    def list_revisions(self, promotion_id: str) -> Sequence[PromotionRevision]:
        rows = PricingRow.query(
            _revisions_key(promotion_id), scan_index_forward=False, limit=MAX_REVISIONS
        )
        return [_revision_from(row) for row in rows]

    def save(
        self,
        before: Promotion | None,
        after: Promotion,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None] | None = None,
    ) -> Promotion:
        uow = DynamoUnitOfWork()
        changes_rules = after.published or (before is not None and before.published)
        for _ in range(MAX_ATTEMPTS):
            writes = [_save_op(before, after, events)]
            # Drafts are in no rule set: they need no version and conflict with nothing.
            if changes_rules:
                # The version is read before the promotions: one that is published after this read
                # changes the version, and the transaction fails.
                version = rule_set_version(consistent=True)
                published = read_published()
                if check is not None:
                    check(_without_ended(published))
                at = events[0].at
                writes.append(publish_rules_op(_with_change(published, after), version, at))
            try:
                uow.commit(*writes)
            except ConditionFailed as error:
                if PROMOTIONS not in error.keys:
                    continue  # another rule changed: repeat the check with that change
                if before is None:
                    raise Conflict(
                        f"Promotion {after.id!r} already exists. Choose another id.",
                        code="id_taken",
                        path="$.id",
                    ) from None
                raise VersionConflict(
                    "This promotion has changed since you read it. Read it again."
                ) from None
            return after
        raise Contention("Other promotions are being changed. Try again.")


def read_published() -> Sequence[Promotion]:
    """Return all published promotions, ended ones included, as last written."""
    rows = PricingRow.query(
        PROMOTIONS,
        filter_condition=PricingRow.published == True,  # noqa: E712  PynamoDB builds a condition
        consistent_read=True,
    )
    return [_promotion_from(row) for row in rows]


def _without_ended(promotions: Sequence[Promotion]) -> Sequence[Promotion]:
    return [promotion for promotion in promotions if promotion.ended_at is None]


def _with_change(published: Sequence[Promotion], changed: Promotion) -> list[Promotion]:
    others = [promotion for promotion in published if promotion.id != changed.id]
    return [promotion for promotion in (*others, changed) if promotion.published]


def _save_op(before: Promotion | None, after: Promotion, events: Sequence[Event]) -> WriteOperation:
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
    revisions = [_revision_row(after, event) for event in events[:1]]

    def write(writes: Any) -> None:
        writes.save(row, as_read)
        for revision in revisions:
            writes.save(revision)

    return write


def _revision_row(promotion: Promotion, event: Event) -> PricingRow:
    return PricingRow(
        _revisions_key(promotion.id),
        f"{promotion.version:08d}",
        version=promotion.version,
        doc={
            "since": event.at.isoformat(),
            "change": event.type,
            "actor": event.data.get("actor", ""),
            "promotion": promotion.to_dict(),
        },
    )


def _revisions_key(promotion_id: str) -> str:
    return f"PROMOTION#{promotion_id}"


def _revision_from(row: PricingRow) -> PromotionRevision:
    doc = row.doc
    return PromotionRevision(
        datetime.fromisoformat(doc["since"]),
        doc["change"],
        doc["actor"],
        _decode(row.sk, doc["promotion"]),
    )


def _promotion_from(row: PricingRow) -> Promotion:
    return _decode(row.sk, row.doc)


def _decode(name: str, raw: Any) -> Promotion:
    problems: list[Problem] = []
    promotion = promotion_from(raw, problems)
    if promotion is None:
        raise ValueError(f"Promotion {name} cannot be read: {problems[0]}")
    return promotion
