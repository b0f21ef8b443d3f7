"""Pricing's stores in memory: what the tables do, without one."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from shop.kernel.counts import Count
from shop.kernel.errors import Conflict, KeyReused, NotFound, Stale
from shop.kernel.events import Event
from shop.kernel.paging import Page
from shop.kernel.transactions import Clash, Crowded, Part
from shop.pricing.model.counts import CODE
from shop.pricing.model.coupons import Batch, Coupon, normal
from shop.pricing.model.credits import Ledger
from shop.pricing.model.group_buy import GroupBuy
from shop.pricing.model.history import PriceHistory
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion, Revision, Status
from shop.pricing.model.standing import CodeFacts
from tests.doubles.inventory import MemoryTransaction


@dataclass
class MemoryPromotions:
    rows: dict[str, Promotion] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)

    def of(self, promotion_id: str) -> Promotion:
        if promotion_id not in self.rows:
            raise NotFound(f"no promotion {promotion_id!r}")
        return self.rows[promotion_id]

    def published(self) -> Sequence[Promotion]:
        return [p for p in self.rows.values() if p.published and p.ended_at is None]

    def past(self, promotion_id: str) -> Sequence[Revision]:
        return [r for r in reversed(self.revisions) if r.promotion.id == promotion_id]

    def listed(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: Status | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        ids = sorted(
            id
            for id, promotion in self.rows.items()
            if status is None or at is None or promotion.status(at) is status
        )
        begin = ids.index(cursor) + 1 if cursor else 0
        part = ids[begin : begin + limit]
        more = part[-1] if begin + limit < len(ids) else None
        return Page(tuple(self.rows[id] for id in part), more)

    def save(
        self,
        before: Promotion | None,
        after: Promotion,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None] | None = None,
    ) -> Promotion:
        if check is not None and after.published:
            check(self.published())
        if self.rows.get(after.id) != before:
            raise Stale("somebody else changed it")
        self.rows[after.id] = after
        self.events += events
        self.revisions += [Revision(e.at, e.type, e.data.get("who", ""), after) for e in events]
        return after


@dataclass
class MemoryCoupons:
    rows: dict[str, Coupon] = field(default_factory=dict)
    by_code: dict[str, str] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    issued: dict[str, list[str]] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)

    def of(self, coupon_id: str) -> Coupon:
        if coupon_id not in self.rows:
            raise NotFound(f"no coupon {coupon_id!r}")
        return self.rows[coupon_id]

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        if coupon.code is not None:
            if normal(coupon.code) in self.by_code:
                raise Conflict("this code is taken", code="code_taken")
            self.by_code[normal(coupon.code)] = coupon.id
        self.rows[coupon.id] = coupon
        self.events += events
        return coupon

    def limited(self, promotion_id: str) -> Sequence[str]:
        mine = [one for one in self.rows.values() if one.promotion_id == promotion_id]
        return [normal(one.code) for one in mine if one.code is not None and one.quantity]

    def begin(self, coupon: Coupon, batch: Batch, at: datetime) -> Batch:
        kept = self.batches.setdefault(batch.id, batch)
        if (kept.count, kept.prefix) != (batch.count, batch.prefix):
            raise KeyReused("this key was used for another batch")
        return kept

    def finish(self, coupon: Coupon, batch: Batch) -> None:
        self.batches[batch.id] = replace(batch, done=True)

    def issue(self, coupon: Coupon, batch: Batch, codes: Sequence[str]) -> Sequence[str]:
        mine = {normal(code) for code in self.issued.get(batch.id, ())}
        forms = [normal(code) for code in codes]
        taken = [form for form in forms if form in self.by_code and form not in mine]
        for form in forms:
            self.by_code.setdefault(form, coupon.id)
        self.issued.setdefault(batch.id, []).extend(
            code for code, form in zip(codes, forms, strict=True) if form not in {*taken, *mine}
        )
        return taken

    def codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        return Page(tuple(code for codes in self.issued.values() for code in codes))

    def look_up(self, codes: Sequence[str], customer: str | None) -> Mapping[str, CodeFacts]:
        found = {}
        for code in codes:
            key = normal(code)
            if key in self.by_code:
                coupon = self.rows[self.by_code[key]]
                found[key] = coupon.facts(used=self.used.get(key, 0), used_by_customer=0)
        return found


@dataclass
class MemoryPriceBook:
    rows: dict[str, PriceList] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def of(self, list_id: str) -> PriceList:
        if list_id not in self.rows:
            raise NotFound(f"no price list {list_id!r}")
        return self.rows[list_id]

    def all(self) -> Sequence[PriceList]:
        return tuple(self.rows.values())

    def save(
        self,
        before: PriceList | None,
        after: PriceList,
        events: Sequence[Event],
        check: Callable[[Sequence[PriceList]], None] | None = None,
    ) -> PriceList:
        if check is not None:
            check(self.all())
        if self.rows.get(after.id) != before:
            raise Stale("somebody else changed it")
        self.rows[after.id] = after
        self.events += events
        return after


@dataclass
class MemoryTallies:
    """See :class:`shop.pricing.ports.Tallies`. ``codes`` is how many uses each code has."""

    codes: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def used(self, sort: str, name: str) -> int:
        return self.counted.get(_tally(sort, name), 0)

    def draw(self, counts: Sequence[Count]) -> Sequence[Count]:
        return counts

    def taking(self, counts: Sequence[Count]) -> Part:
        return lambda writes: self._add(writes, counts, 1)

    def giving(self, counts: Sequence[Count]) -> Part:
        return lambda writes: self._add(writes, counts, -1)

    def spent(self, clash: Clash | Crowded, counts: Sequence[Count]) -> Sequence[Count]:
        return [count for count in counts if _tally(count.sort, count.name) in clash.about]

    def _add(self, writes: MemoryTransaction, counts: Sequence[Count], sign: int) -> None:
        for count in counts:
            limit = self.codes[count.name] if count.sort == CODE else count.limit or 0
            writes.add(
                _tally(count.sort, count.name),
                partial(self._may, count, sign * count.units, limit),
                partial(self._do, count, sign * count.units),
            )

    def _may(self, count: Count, by: int, limit: int) -> bool:
        return self.used(count.sort, count.name) + by >= 0 and (
            by < 0 or self.used(count.sort, count.name) + by <= limit
        )

    def _do(self, count: Count, by: int) -> None:
        self.counted[_tally(count.sort, count.name)] = self.used(count.sort, count.name) + by


def _tally(sort: str, name: str) -> str:
    return f"TALLY#{sort}#{name}"


@dataclass
class MemoryHistories:
    rows: dict[tuple[str, str], PriceHistory] = field(default_factory=dict)

    def of(self, article: str, market: str) -> PriceHistory:
        return self.rows.get((article, market), PriceHistory(article))

    def save(self, before: PriceHistory, after: PriceHistory, market: str) -> PriceHistory:
        if self.of(after.article, market) != before:
            raise Stale("another price was recorded meanwhile")
        self.rows[after.article, market] = after
        return after


@dataclass
class MemoryGroupBuys:
    rows: dict[str, GroupBuy] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    unsettled: set[str] = field(default_factory=set)

    def of(self, group_id: str) -> GroupBuy:
        if group_id not in self.rows:
            raise NotFound(f"no group {group_id!r}")
        return self.rows[group_id]

    def adding(self, group: GroupBuy, events: Sequence[Event]) -> Part:
        def write(writes: Any) -> None:
            self.rows[group.id] = group
            self.unsettled.add(group.id)
            self.events += events

        return write

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        if self.rows.get(after.id) != before:
            raise Stale("somebody else changed it")
        self.rows[after.id] = after
        self.events += events
        return after

    def due(self, at: datetime, most: int) -> Iterable[GroupBuy]:
        there = [self.rows[id_] for id_ in self.unsettled]
        due = sorted((g for g in there if g.deadline <= at), key=lambda g: g.deadline)
        return due[:most]

    def settled(self, group: GroupBuy) -> None:
        self.unsettled.discard(group.id)


@dataclass
class MemoryAssortment:
    known: frozenset[tuple[str, str]] = frozenset()
    everything: bool = True

    def strangers(self, named: Iterable[tuple[str, str]]) -> Collection[tuple[str, str]]:
        return set() if self.everything else set(named) - self.known

    def article(self, variant_id: str) -> tuple[str, str] | None:
        strange = self.strangers([("variant", variant_id)])
        return None if strange else (f"SKU-{variant_id}", variant_id)

    def unknown(self, articles: Iterable[str]) -> Sequence[str]:
        kinds = ("product", "variant")
        return [a for a in articles if len(self.strangers([(k, a) for k in kinds])) == 2]


@dataclass
class MemoryLedgers:
    """See :class:`shop.pricing.ports.Ledgers`. Commits through MemoryLedger."""

    rows: dict[str, Ledger] = field(default_factory=dict)
    commands: dict[str, bytes] = field(default_factory=dict)
    days: set[tuple[str, str]] = field(default_factory=set)

    def of(self, account: str) -> Ledger:
        return self.rows.get(account, Ledger(account))

    def posting(self, before: Ledger, after: Ledger) -> Part:
        account = after.account

        def keep() -> None:
            self.rows[account] = after
            for posting in after.postings[len(before.postings) :]:
                if posting.expires is not None:
                    self.days.add((f"{posting.expires:%Y-%m-%d}", account))

        return lambda writes: writes.add(
            account, lambda: self.of(account).commands == before.commands, keep
        )

    def once(self, command: str, seed: bytes) -> Part:
        return lambda writes: writes.add(
            command,
            lambda: command not in self.commands,
            lambda: self.commands.update({command: seed}),
        )

    def seed_of(self, command: str) -> bytes | None:
        return self.commands.get(command)

    def expiring(self, at: datetime, most: int) -> Sequence[str]:
        today = f"{at:%Y-%m-%d}"
        return list(dict.fromkeys(a for day, a in sorted(self.days) if day <= today))[:most]

    def swept(self, account: str, at: datetime) -> None:
        today = f"{at:%Y-%m-%d}"
        self.days = {(day, a) for day, a in self.days if a != account or day >= today}
