"""Coupons and their codes in DynamoDB: a row for each code, with what is left of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pynamodb.exceptions import PutError, UpdateError

from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict, IdempotencyKeyReused, NotFound, Problem
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.coupons import CodeBatch, Coupon
from shop.pricing.model.group_buy import GroupStatus
from shop.pricing.model.usage_limits import CodeStatus
from shop.pricing.store.rows import CODE, COUNT, HEAD, PricingRow
from shop.serialization import from_json, to_json
from shop.storage.transactions import DynamoUnitOfWork

UNLIMITED = 10**12
"""What is left of a code without a limit: nobody gets there."""
MAX_LIMITED_CODES = 20
"""Codes of one promotion that are prepared for a rush."""
BATCH_GET_SIZE = 100
"""Keys that one BatchGetItem reads."""
LEASE_SECONDS = 30
"""Seconds for which a call has a batch to itself: as long as its Lambda may live."""
_CODES = re.compile(r"CODES#[0-9A-Za-z_]{1,64}#[0-9A-Z]{1,64}#[0-9]{3,6}")
"""Where a page of codes is."""
CODES_PER_ITEM = 1_000
"""Codes in one item: about 15 KB, compressed."""


class DynamoCouponRepository:
    """See :class:`shop.pricing.ports.CouponRepository`."""

    def get(self, coupon_id: str) -> Coupon:
        try:
            row = PricingRow.get(_pk(coupon_id), HEAD, consistent_read=True)
        except PricingRow.DoesNotExist:
            raise NotFound(f"there is no coupon {coupon_id!r}") from None
        problems: list[Problem] = []
        coupon = from_json(Coupon, row.doc, "$", problems)
        if coupon is None:
            raise ValueError(f"coupon {coupon_id} cannot be read: {problems[0]}")
        return coupon

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        head = PricingRow(
            _pk(coupon.id), HEAD, version=1, doc=to_json(coupon), events=tuple(events)
        )
        code = None if coupon.code is None else _row(coupon, coupon.code)
        free = PricingRow.pk.does_not_exist()
        limited = None
        if coupon.code is not None and coupon.quantity is not None:
            limited = PricingRow(_of_promotion(coupon.promotion_id), normalize_code(coupon.code))

        def write(writes: Any) -> None:
            writes.save(head, free)
            if code is not None:
                writes.save(code, free)
            if limited is not None:
                writes.save(limited)

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed as clash:
            if head.pk in clash.keys:
                raise Conflict(
                    "there is a coupon of that id", code="id_taken", path="$.id"
                ) from None
            raise Conflict("this code is taken", code="code_taken", path="$.code") from None
        return coupon

    def list_limited_codes(self, promotion_id: str) -> Sequence[str]:
        rows = PricingRow.query(_of_promotion(promotion_id), limit=MAX_LIMITED_CODES)
        return [row.sk for row in rows]

    def begin_batch(self, coupon: Coupon, batch: CodeBatch, at: datetime) -> CodeBatch:
        now = int(at.timestamp())
        doc = {"count": batch.count, "prefix": batch.prefix, "seed": batch.seed.hex()}
        row = PricingRow(
            _pk(coupon.id), f"BATCH#{batch.id}", doc=doc, lease_until=now + LEASE_SECONDS
        )
        try:
            row.save(PricingRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return self._again(coupon, batch, now)
        return batch

    def _again(self, coupon: Coupon, batch: CodeBatch, now: int) -> CodeBatch:
        row = PricingRow.get(_pk(coupon.id), f"BATCH#{batch.id}", consistent_read=True)
        doc = row.doc
        if (doc["count"], doc["prefix"]) != (batch.count, batch.prefix):
            raise IdempotencyKeyReused(
                "this Idempotency-Key was used for another batch; use a new key for a new one",
                path="Idempotency-Key",
            )
        done = row.lease_until is None
        if not done:
            try:
                row.update(
                    [PricingRow.lease_until.set(now + LEASE_SECONDS)], PricingRow.lease_until <= now
                )
            except UpdateError as error:
                if error.cause_response_code != "ConditionalCheckFailedException":
                    raise
                raise Conflict(
                    "these codes are being issued; ask again in a moment", code="batch_in_progress"
                ) from None
        return replace(batch, seed=bytes.fromhex(doc["seed"]), done=done)

    def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
        PricingRow(_pk(coupon.id), f"BATCH#{batch.id}").update([PricingRow.lease_until.remove()])

    def write_codes(self, coupon: Coupon, batch: CodeBatch, codes: Sequence[str]) -> Sequence[str]:
        # A batch write knows no conditions, so codes that exist are looked for first. Two calls
        # that draw the same 60 random bits between these two reads are not to be expected, and a
        # code of this batch that is there already may have been used by now.
        there: set[str] = set()
        taken: set[str] = set()
        keys = [(f"CODE#{normalize_code(code)}", CODE) for code in codes]
        for start in range(0, len(keys), BATCH_GET_SIZE):
            for row in PricingRow.batch_get(
                keys[start : start + BATCH_GET_SIZE], consistent_read=True
            ):
                mine = row.doc.get("batch") == batch.id
                (there if mine else taken).add(row.pk.removeprefix("CODE#"))
        ours = [code for code in codes if normalize_code(code) not in taken]
        with PricingRow.batch_write() as writes:
            for code in ours:
                if normalize_code(code) not in there:
                    writes.save(_row(coupon, code, batch.id))
            for page, start in enumerate(range(0, len(ours), CODES_PER_ITEM)):
                # The first code tells the rounds of a batch apart, in every run alike.
                place = f"CODES#{batch.id}#{normalize_code(codes[0])}#{page:03d}"
                writes.save(
                    PricingRow(_pk(coupon.id), place, doc=ours[start : start + CODES_PER_ITEM])
                )
        return tuple(taken)

    def get_codes(self, codes: Sequence[str], customer: str | None) -> Mapping[str, CodeStatus]:
        return code_facts(dict.fromkeys(codes), customer)

    def list_codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        after = decode_name_cursor(cursor, _CODES)
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


def code_facts(
    codes: Mapping[str, PricingRow | None],
    customer: str | None,
    consistent: bool = False,
    in_bins: Mapping[str, int] = MappingProxyType({}),
) -> Mapping[str, CodeStatus]:
    """The facts of codes by normal form; rows that were read already need not be read again.
    ``in_bins`` is how many uses are left in the bins of a row, by its key.
    """
    rows = {code: row for code, row in codes.items() if row is not None}
    missing = [(f"CODE#{code}", CODE) for code in codes if code not in rows]
    if missing:
        for row in PricingRow.batch_get(missing, consistent):
            rows[row.pk.removeprefix("CODE#")] = row
    mine = {row.doc["coupon"] for row in rows.values() if row.doc.get("per_customer")}
    had: dict[str, int] = {}
    if mine and customer is not None:
        for row in PricingRow.batch_get(
            [(f"USED#{c}#{customer}", COUNT) for c in mine], consistent
        ):
            had[row.pk.split("#", 2)[1]] = int(row.used)
    return {code: _facts(row, had, in_bins.get(row.pk)) for code, row in rows.items()}


def _facts(row: PricingRow, had: Mapping[str, int], in_bins: int | None) -> CodeStatus:
    doc, left = row.doc, int(row.remaining) if in_bins is None else in_bins
    per_customer = doc.get("per_customer")
    return CodeStatus(
        promotion_id=doc["promotion"],
        starts=_instant(doc.get("starts")),
        ends=_instant(doc.get("ends")),
        uses_remaining=None if left > UNLIMITED // 2 else max(0, left),
        customer_uses_remaining=(
            None if per_customer is None else max(0, per_customer - had.get(doc["coupon"], 0))
        ),
        coupon_id=doc["coupon"],
        per_customer=per_customer,
        bins=int(row.shard_count or 0),
        group=GroupStatus(doc["group"]) if "group" in doc else None,
    )


def _row(coupon: Coupon, code: str, batch: str | None = None) -> PricingRow:
    limit = coupon.per_code if coupon.in_batches else coupon.quantity
    doc = {
        "coupon": coupon.id,
        "batch": batch,
        "promotion": coupon.promotion_id,
        "per_customer": coupon.per_customer,
        "starts": to_json(coupon.starts),
        "ends": to_json(coupon.ends),
    }
    return PricingRow(
        f"CODE#{normalize_code(code)}",
        CODE,
        remaining=UNLIMITED if limit is None else limit,
        used=0,
        doc={name: value for name, value in doc.items() if value is not None},
    )


def _of_promotion(promotion_id: str) -> str:
    return f"CODES_OF#{promotion_id}"


def _pk(coupon_id: str) -> str:
    return f"COUPON#{coupon_id}"


def _instant(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
