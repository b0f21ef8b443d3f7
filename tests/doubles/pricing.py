"""In-memory doubles of the pricing repositories."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict, IdempotencyKeyReused, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled, WriteOperation
from shop.kernel.usage import UsageReservation
from shop.pricing.model.coupons import CodeBatch, Coupon, CouponUses
from shop.pricing.model.group_buy import GroupBuy
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
from shop.pricing.model.usage import CODE_USES
from shop.pricing.model.usage_limits import CodeStatus
from tests.doubles.inventory import MemoryTransaction


@dataclass
class MemoryPromotions:
    """See :class:`shop.pricing.ports.PromotionRepository`."""

    rows: dict[str, Promotion] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    revisions: list[PromotionRevision] = field(default_factory=list)

    def get(self, promotion_id: str) -> Promotion:
        if promotion_id not in self.rows:
            raise NotFound(f"Promotion {promotion_id!r} does not exist. Check the id.")
        return self.rows[promotion_id]

    def list_published(self) -> Sequence[Promotion]:
        return [p for p in self.rows.values() if p.published and p.ended_at is None]

    def list_revisions(self, promotion_id: str) -> Sequence[PromotionRevision]:
        return [r for r in reversed(self.revisions) if r.promotion.id == promotion_id]

    def list_all(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: PromotionStatus | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        ids = sorted(
            id
            for id, promotion in self.rows.items()
            if status is None or at is None or promotion.status(at) is status
        )
        begin = ids.index(cursor) + 1 if cursor else 0
        page_ids = ids[begin : begin + limit]
        next_cursor = page_ids[-1] if begin + limit < len(ids) else None
        return Page(tuple(self.rows[id] for id in page_ids), next_cursor)

    def save(
        self,
        before: Promotion | None,
        after: Promotion,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None] | None = None,
    ) -> Promotion:
        if check is not None and after.published:
            check(self.list_published())
        if self.rows.get(after.id) != before:
            raise VersionConflict("The object changed. Read it again and retry.")
        self.rows[after.id] = after
        self.events += events
        self.revisions += [
            PromotionRevision(e.at, e.type, e.data.get("actor", ""), after) for e in events
        ]
        return after


@dataclass
class MemoryCoupons:
    """See :class:`shop.pricing.ports.CouponRepository`."""

    rows: dict[str, Coupon] = field(default_factory=dict)
    by_code: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    issued: dict[str, list[str]] = field(default_factory=dict)
    batches: dict[str, CodeBatch] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def get(self, coupon_id: str) -> Coupon:
        if coupon_id not in self.rows:
            raise NotFound(f"Coupon {coupon_id!r} does not exist. Check the id.")
        return self.rows[coupon_id]

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        if coupon.code is not None:
            if normalize_code(coupon.code) in self.by_code:
                raise Conflict("This code belongs to another coupon.", code="code_taken")
            self.by_code[normalize_code(coupon.code)] = coupon.id
        self.rows[coupon.id] = coupon
        self.events += events
        return coupon

    def update(self, before: Coupon, after: Coupon, events: Sequence[Event]) -> Coupon:
        if self.rows[after.id].version != before.version:
            raise VersionConflict("This coupon has changed.")
        used = self.used.get(after.id, 0)
        if after.code is not None and after.quantity is not None and after.quantity < used:
            raise Conflict("The code was used more often.", code="quantity_below_uses")
        self.rows[after.id] = after
        self.events += events
        return after

    def list_all(self, *, cursor: str | None, limit: int) -> Page[Coupon]:
        ids = sorted(self.rows)
        if (after := decode_name_cursor(cursor)) is not None:
            ids = [id_ for id_ in ids if id_ > after]
        next_cursor = to_cursor({"after": ids[limit - 1]}) if len(ids) > limit else None
        return Page(tuple(self.rows[id_] for id_ in ids[:limit]), next_cursor)

    def count_uses(self, coupon: Coupon, in_shards: Callable[[str], int]) -> CouponUses:
        return CouponUses(self.used.get(coupon.id, 0))

    def list_limited_codes(self, promotion_id: str) -> Sequence[str]:
        coupons = [c for c in self.rows.values() if c.promotion_id == promotion_id]
        return [normalize_code(c.code) for c in coupons if c.code is not None and c.quantity]

    def has_batch(self, coupon: Coupon, batch: CodeBatch) -> bool:
        return batch.id in self.batches

    def begin_batch(self, coupon: Coupon, batch: CodeBatch, at: datetime) -> CodeBatch:
        stored = self.batches.setdefault(batch.id, batch)
        if (stored.count, stored.prefix) != (batch.count, batch.prefix):
            raise IdempotencyKeyReused("This key was used for another batch.")
        return stored

    def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
        self.batches[batch.id] = replace(batch, done=True)

    def write_codes(self, coupon: Coupon, batch: CodeBatch, codes: Sequence[str]) -> Sequence[str]:
        existing = {normalize_code(code) for code in self.issued.get(batch.id, ())}
        forms = [normalize_code(code) for code in codes]
        taken = [form for form in forms if form in self.by_code and form not in existing]
        for form in forms:
            self.by_code.setdefault(form, coupon.id)
        self.issued.setdefault(batch.id, []).extend(
            code for code, form in zip(codes, forms, strict=True) if form not in {*taken, *existing}
        )
        return taken

    def list_codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        return Page(tuple(code for codes in self.issued.values() for code in codes))

    def status_of(self, code: str) -> CodeStatus:
        """Return the status of a code that no customer has used yet."""
        coupon = self.rows[self.by_code[normalize_code(code)]]
        return CodeStatus(
            coupon.promotion_id,
            coupon.starts,
            coupon.last_instant,
            uses_remaining=coupon.per_code if coupon.has_batches else coupon.quantity,
            customer_uses_remaining=coupon.per_customer,
            coupon_id=coupon.id,
            per_customer=coupon.per_customer,
        )


@dataclass
class MemoryPriceLists:
    """See :class:`shop.pricing.ports.PriceListRepository`."""

    rows: dict[str, PriceList] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def get(self, list_id: str) -> PriceList:
        if list_id not in self.rows:
            raise NotFound(f"Price list {list_id!r} does not exist. Check the id.")
        return self.rows[list_id]

    def list_all(self) -> Sequence[PriceList]:
        return tuple(self.rows.values())

    def save(
        self,
        before: PriceList | None,
        after: PriceList,
        events: Sequence[Event],
        check: Callable[[Sequence[PriceList]], None] | None = None,
    ) -> PriceList:
        if check is not None:
            check(self.list_all())
        if self.rows.get(after.id) != before:
            raise VersionConflict("The object changed. Read it again and retry.")
        self.rows[after.id] = after
        self.events += events
        return after


@dataclass
class MemoryUsageCounters:
    """See :class:`shop.pricing.ports.UsageCounters`. ``codes`` are the limits of codes."""

    codes: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def used(self, kind: str, name: str) -> int:
        return self.counted.get(_counter_key(kind, name), 0)

    def pick_shards(self, counts: Sequence[UsageReservation]) -> Sequence[UsageReservation]:
        return counts

    def consume(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        return lambda writes: self._add(writes, counts, 1)

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        return lambda writes: self._add(writes, counts, -1)

    def exhausted(
        self, error: ConditionFailed | PartitionThrottled, counts: Sequence[UsageReservation]
    ) -> Sequence[UsageReservation]:
        return [count for count in counts if _counter_key(count.kind, count.name) in error.keys]

    def _add(
        self, writes: MemoryTransaction, counts: Sequence[UsageReservation], sign: int
    ) -> None:
        for count in counts:
            limit = self.codes[count.name] if count.kind == CODE_USES else count.limit or 0
            writes.add(
                _counter_key(count.kind, count.name),
                partial(self._is_within_limit, count, sign * count.units, limit),
                partial(self._count, count, sign * count.units),
            )

    def _is_within_limit(self, count: UsageReservation, by: int, limit: int) -> bool:
        return self.used(count.kind, count.name) + by >= 0 and (
            by < 0 or self.used(count.kind, count.name) + by <= limit
        )

    def _count(self, count: UsageReservation, by: int) -> None:
        self.counted[_counter_key(count.kind, count.name)] = self.used(count.kind, count.name) + by


def _counter_key(kind: str, name: str) -> str:
    return f"COUNTER#{kind}#{name}"


@dataclass
class MemoryGroupBuys:
    """See :class:`shop.pricing.ports.GroupBuyRepository`."""

    rows: dict[str, GroupBuy] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)

    def get(self, group_id: str) -> GroupBuy:
        if group_id not in self.rows:
            raise NotFound(f"Group {group_id!r} does not exist.")
        return self.rows[group_id]

    def insert_op(self, group: GroupBuy, events: Sequence[Event]) -> WriteOperation:
        def write(writes: Any) -> None:
            self.rows[group.id] = group
            self.unsettled.add(group.id)
            self.events += events

        return write

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        if self.rows.get(after.id) != before:
            raise VersionConflict("The object changed. Read it again and retry.")
        self.rows[after.id] = after
        self.events += events
        return after

    def list_due(self, at: datetime, max_results: int) -> Iterable[GroupBuy]:
        unsettled = [self.rows[id_] for id_ in self.unsettled]
        due = sorted((g for g in unsettled if g.deadline <= at), key=lambda g: g.deadline)
        return due[:max_results]

    def mark_settled(self, group: GroupBuy) -> None:
        self.unsettled.discard(group.id)


@dataclass
class MemoryReferenceChecker:
    """Knows every reference, or with ``everything=False`` only those in ``known``."""

    known: frozenset[tuple[str, str]] = frozenset()
    everything: bool = True

    def find_unknown(self, references: Iterable[tuple[str, str]]) -> Collection[tuple[str, str]]:
        return set() if self.everything else set(references) - self.known

    def sku_and_title(self, variant_id: str) -> tuple[str, str] | None:
        unknown = self.find_unknown([("variant", variant_id)])
        return None if unknown else (f"SKU-{variant_id}", variant_id)

    def find_unknown_articles(self, articles: Iterable[str]) -> Sequence[str]:
        kinds = ("product", "variant")
        return [a for a in articles if len(self.find_unknown([(k, a) for k in kinds])) == 2]
