"""Coupons and their codes in DynamoDB: a row for each code, with what is left of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pynamodb.exceptions import PutError, UpdateError

from shop.kernel.data import read, written
from shop.kernel.errors import Conflict, KeyReused, NotFound, Problem
from shop.kernel.events import Event
from shop.kernel.paging import Page, place_in, to_cursor
from shop.kernel.transactions import Clash
from shop.pricing.model.coupons import Batch, Coupon, normal
from shop.pricing.model.group_buy import GroupStatus
from shop.pricing.model.standing import CodeFacts
from shop.pricing.store.rows import CODE, COUNT, HEAD, PricingRow
from shop.storage.transactions import DynamoLedger

PLENTY = 10**12
"""What is left of a code without a limit: nobody gets there."""
MOST_LIMITED = 20
"""Codes of one promotion that are prepared for a rush."""
AT_ONCE = 100
"""Keys that one BatchGetItem reads."""
LEASE = 30
"""Seconds for which a call has a batch to itself: as long as its Lambda may live."""
_CODES = re.compile(r"CODES#[0-9A-Za-z_]{1,64}#[0-9A-Z]{1,64}#[0-9]{3,6}")
"""Where a page of codes is."""
IN_A_PAGE = 1_000
"""Codes in one item: about 15 KB, compressed."""


class DynamoCoupons:
    """See :class:`shop.pricing.ports.Coupons`."""

    def of(self, coupon_id: str) -> Coupon:
        try:
            row = PricingRow.get(_pk(coupon_id), HEAD, consistent_read=True)
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no coupon {coupon_id!r}") from None
        problems: list[Problem] = []
        coupon = read(Coupon, row.doc, "$", problems)
        if coupon is None:
            raise ValueError(f"coupon {coupon_id} cannot be read: {problems[0]}")
        return coupon

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        head = PricingRow(
            _pk(coupon.id), HEAD, version=1, doc=written(coupon), events=tuple(events)
        )
        code = None if coupon.code is None else _row(coupon, coupon.code)
        free = PricingRow.pk.does_not_exist()
        limited = None
        if coupon.code is not None and coupon.quantity is not None:
            limited = PricingRow(_of_promotion(coupon.promotion_id), normal(coupon.code))

        def write(writes: Any) -> None:
            writes.save(head, free)
            if code is not None:
                writes.save(code, free)
            if limited is not None:
                writes.save(limited)

        try:
            DynamoLedger().commit(write)
        except Clash as clash:
            if head.pk in clash.about:
                raise Conflict(
                    "there is a coupon of that id", code="id_taken", path="$.id"
                ) from None
            raise Conflict("this code is taken", code="code_taken", path="$.code") from None
        return coupon

    def limited(self, promotion_id: str) -> Sequence[str]:
        rows = PricingRow.query(_of_promotion(promotion_id), limit=MOST_LIMITED)
        return [row.sk for row in rows]

    def begin(self, coupon: Coupon, batch: Batch, at: datetime) -> Batch:
        now = int(at.timestamp())
        doc = {"count": batch.count, "prefix": batch.prefix, "seed": batch.seed.hex()}
        row = PricingRow(_pk(coupon.id), f"BATCH#{batch.id}", doc=doc, until=now + LEASE)
        try:
            row.save(PricingRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return self._again(coupon, batch, now)
        return batch

    def _again(self, coupon: Coupon, batch: Batch, now: int) -> Batch:
        row = PricingRow.get(_pk(coupon.id), f"BATCH#{batch.id}", consistent_read=True)
        doc = row.doc
        if (doc["count"], doc["prefix"]) != (batch.count, batch.prefix):
            raise KeyReused(
                "this Idempotency-Key was used for another batch; use a new key for a new one",
                path="Idempotency-Key",
            )
        done = row.until is None
        if not done:
            try:
                row.update([PricingRow.until.set(now + LEASE)], PricingRow.until <= now)
            except UpdateError as error:
                if error.cause_response_code != "ConditionalCheckFailedException":
                    raise
                raise Conflict(
                    "these codes are being issued; ask again in a moment", code="batch_in_progress"
                ) from None
        return replace(batch, seed=bytes.fromhex(doc["seed"]), done=done)

    def finish(self, coupon: Coupon, batch: Batch) -> None:
        PricingRow(_pk(coupon.id), f"BATCH#{batch.id}").update([PricingRow.until.remove()])

    def issue(self, coupon: Coupon, batch: Batch, codes: Sequence[str]) -> Sequence[str]:
        # A batch write knows no conditions, so codes that exist are looked for first. Two calls
        # that draw the same 60 random bits between these two reads are not to be expected, and a
        # code of this batch that is there already may have been used by now.
        there: set[str] = set()
        taken: set[str] = set()
        keys = [(f"CODE#{normal(code)}", CODE) for code in codes]
        for start in range(0, len(keys), AT_ONCE):
            for row in PricingRow.batch_get(keys[start : start + AT_ONCE], consistent_read=True):
                mine = row.doc.get("batch") == batch.id
                (there if mine else taken).add(row.pk.removeprefix("CODE#"))
        ours = [code for code in codes if normal(code) not in taken]
        with PricingRow.batch_write() as writes:
            for code in ours:
                if normal(code) not in there:
                    writes.save(_row(coupon, code, batch.id))
            for page, start in enumerate(range(0, len(ours), IN_A_PAGE)):
                # The first code tells the rounds of a batch apart, in every run alike.
                place = f"CODES#{batch.id}#{normal(codes[0])}#{page:03d}"
                writes.save(PricingRow(_pk(coupon.id), place, doc=ours[start : start + IN_A_PAGE]))
        return tuple(taken)

    def look_up(self, codes: Sequence[str], customer: str | None) -> Mapping[str, CodeFacts]:
        return facts_of(dict.fromkeys(codes), customer)

    def codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        after = place_in(cursor, _CODES)
        beyond = (
            PricingRow.sk.startswith("CODES#")
            if after is None
            else PricingRow.sk.between(f"{after}\x00", "CODES#~")
        )
        rows = list(PricingRow.query(_pk(coupon_id), beyond, limit=2))
        if not rows:
            return Page(())
        more = to_cursor({"after": rows[0].sk}) if len(rows) > 1 else None
        return Page(tuple(rows[0].doc), more)


def facts_of(
    codes: Mapping[str, PricingRow | None],
    customer: str | None,
    surely: bool = False,
    in_bins: Mapping[str, int] = MappingProxyType({}),
) -> Mapping[str, CodeFacts]:
    """The facts of codes by normal form; rows that were read already need not be read again.
    ``in_bins`` is how many uses are left in the bins of a row, by its key.
    """
    rows = {code: row for code, row in codes.items() if row is not None}
    missing = [(f"CODE#{code}", CODE) for code in codes if code not in rows]
    if missing:
        for row in PricingRow.batch_get(missing, surely):
            rows[row.pk.removeprefix("CODE#")] = row
    mine = {row.doc["coupon"] for row in rows.values() if row.doc.get("per_customer")}
    had: dict[str, int] = {}
    if mine and customer is not None:
        for row in PricingRow.batch_get([(f"USED#{c}#{customer}", COUNT) for c in mine], surely):
            had[row.pk.split("#", 2)[1]] = int(row.used)
    return {code: _facts(row, had, in_bins.get(row.pk)) for code, row in rows.items()}


def _facts(row: PricingRow, had: Mapping[str, int], in_bins: int | None) -> CodeFacts:
    doc, left = row.doc, int(row.left) if in_bins is None else in_bins
    per_customer = doc.get("per_customer")
    return CodeFacts(
        promotion_id=doc["promotion"],
        starts=_instant(doc.get("starts")),
        ends=_instant(doc.get("ends")),
        uses_left=None if left > PLENTY // 2 else max(0, left),
        customer_uses_left=(
            None if per_customer is None else max(0, per_customer - had.get(doc["coupon"], 0))
        ),
        coupon_id=doc["coupon"],
        per_customer=per_customer,
        bins=int(row.bins or 0),
        group=GroupStatus(doc["group"]) if "group" in doc else None,
    )


def _row(coupon: Coupon, code: str, batch: str | None = None) -> PricingRow:
    limit = coupon.per_code if coupon.in_batches else coupon.quantity
    doc = {
        "coupon": coupon.id,
        "batch": batch,
        "promotion": coupon.promotion_id,
        "per_customer": coupon.per_customer,
        "starts": written(coupon.starts),
        "ends": written(coupon.ends),
    }
    return PricingRow(
        f"CODE#{normal(code)}",
        CODE,
        left=PLENTY if limit is None else limit,
        used=0,
        doc={name: value for name, value in doc.items() if value is not None},
    )


def _of_promotion(promotion_id: str) -> str:
    return f"CODES_OF#{promotion_id}"


def _pk(coupon_id: str) -> str:
    return f"COUPON#{coupon_id}"


def _instant(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
