"""Coupons and codes in DynamoDB: a row per code, with its remaining uses."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.update import Action

from shop.kernel.codes import normalize_code
from shop.kernel.errors import (
    Conflict,
    IdempotencyKeyReused,
    NotFound,
    Problem,
    VersionConflict,
    counted,
)
from shop.kernel.events import Event
from shop.kernel.pagination import Page, decode_name_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.pricing.model.coupons import CodeBatch, Coupon, CouponUses
from shop.pricing.model.group_buy import GroupStatus
from shop.pricing.model.usage import CODE_USES, CUSTOMER_USES
from shop.pricing.model.usage_limits import CodeStatus
from shop.pricing.store.rows import CODE, COUPONS, HEAD, PricingRow
from shop.pricing.store.usage_shards import counter_key, counter_row_key
from shop.serialization import from_json, to_json
from shop.storage.transactions import DynamoUnitOfWork

UNLIMITED = 10**12
"""The stored remaining uses of a code without a limit, more than orders can ever use."""
MAX_LIMITED_CODES = 20
"""Codes of one promotion that the shop prepares for a traffic peak."""
BATCH_GET_SIZE = 100
"""Keys that one BatchGetItem reads."""
LEASE_SECONDS = 30
"""How long a call owns a batch: at least as long as its Lambda may run."""
CODES_PER_ITEM = 1_000
"""Codes in one item: about 15 KB, compressed."""
_PAGE_KEY = re.compile(r"CODES#[0-9A-Za-z_]{1,64}#[0-9A-Z]{1,64}#[0-9]{3,6}")
"""The sort key of a page of codes, as a cursor may contain it."""
_CONDITION_FAILED = "ConditionalCheckFailedException"


class DynamoCouponRepository:
    """See :class:`shop.pricing.ports.CouponRepository`."""

    def get(self, coupon_id: str) -> Coupon:
        try:
            row = PricingRow.get(_pk(coupon_id), HEAD, consistent_read=True)
        except PricingRow.DoesNotExist:
            raise NotFound(f"Coupon {coupon_id!r} does not exist. Check the id.") from None
        return _coupon_from(row)

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        head = _head_row(coupon, events)
        code = None if coupon.code is None else _code_row(coupon, coupon.code)
        is_new = PricingRow.pk.does_not_exist()
        limited = None
        if coupon.code is not None and coupon.is_limited:
            limited = PricingRow(
                _limited_codes_pk(coupon.promotion_id), normalize_code(coupon.code)
            )

        def write(writes: Any) -> None:
            writes.save(head, is_new)
            if code is not None:
                writes.save(code, is_new)
            if limited is not None:
                writes.save(limited)
            writes.save(PricingRow(COUPONS, coupon.id))

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed as error:
            if head.pk in error.keys:
                raise Conflict(
                    f"Coupon {coupon.id!r} already exists. Choose another id.",
                    code="id_taken",
                    path="$.id",
                ) from None
            raise _code_taken(code) from None
        return coupon

    def update(self, before: Coupon, after: Coupon, events: Sequence[Event]) -> Coupon:
        head = _head_row(after, events)

        def write(writes: Any) -> None:
            writes.save(head, PricingRow.version == before.version)
            # The codes of a batch have their terms from the coupon.
            if after.code is not None:
                _update_code(writes, before, after)

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed as error:
            if head.pk in error.keys or after.code is None:
                raise VersionConflict(
                    "This coupon has changed since you read it. Read it again."
                ) from None
            raise self._quantity_conflict(before, after.code) from None
        return after

    def _quantity_conflict(self, before: Coupon, code: str) -> Conflict:
        row = PricingRow.get(
            *counter_row_key(CODE_USES, normalize_code(code)), consistent_read=True
        )
        if row.shard_count:
            return Conflict(
                "The uses of this code are split for a traffic peak, and its quantity is fixed. "
                "Keep the quantity, or end the coupon.",
                code="code_sharded",
                path="$.quantity",
            )
        used = _limit_of(before) - int(row.remaining)
        return Conflict(
            f"The code was used {counted(used, 'time')}. Send a quantity of {used} or more.",
            code="quantity_below_uses",
            path="$.quantity",
        )

    def list_all(self, *, cursor: str | None, limit: int) -> Page[Coupon]:
        after = decode_name_cursor(cursor)
        range_condition = None if after is None else PricingRow.sk > after
        listed = list(PricingRow.query(COUPONS, range_condition, limit=limit + 1))
        heads = PricingRow.batch_get([(_pk(row.sk), HEAD) for row in listed[:limit]])
        coupons = sorted((_coupon_from(row) for row in heads), key=lambda coupon: coupon.id)
        next_cursor = to_cursor({"after": listed[limit - 1].sk}) if len(listed) > limit else None
        return Page(tuple(coupons), next_cursor)

    def count_uses(self, coupon: Coupon, in_shards: Callable[[str], int]) -> CouponUses:
        page = Page((coupon.code,)) if coupon.code else self.list_codes(coupon.id, cursor=None)
        keys = [counter_row_key(CODE_USES, normalize_code(code)) for code in page.items]
        used = 0
        for start in range(0, len(keys), BATCH_GET_SIZE):
            for row in PricingRow.batch_get(keys[start : start + BATCH_GET_SIZE]):
                remaining = int(row.remaining) + (in_shards(row.pk) if row.shard_count else 0)
                used += _limit_of(coupon) - remaining
        return CouponUses(used, is_complete=page.cursor is None)

    def list_limited_codes(self, promotion_id: str) -> Sequence[str]:
        rows = PricingRow.query(_limited_codes_pk(promotion_id), limit=MAX_LIMITED_CODES)
        return [row.sk for row in rows]

    def has_batch(self, coupon: Coupon, batch: CodeBatch) -> bool:
        key = (_pk(coupon.id), _batch_sk(batch))
        return any(True for _ in PricingRow.batch_get([key], consistent_read=True))

    def begin_batch(self, coupon: Coupon, batch: CodeBatch, at: datetime) -> CodeBatch:
        now = int(at.timestamp())
        doc = {"count": batch.count, "prefix": batch.prefix, "seed": batch.seed.hex()}
        row = PricingRow(_pk(coupon.id), _batch_sk(batch), doc=doc, lease_until=now + LEASE_SECONDS)
        try:
            row.save(PricingRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                raise
            # The batch exists: this call repeats it, or completes it after an interruption.
            return self._resume_batch(coupon, batch, now)
        return batch

    def _resume_batch(self, coupon: Coupon, batch: CodeBatch, now: int) -> CodeBatch:
        row = PricingRow.get(_pk(coupon.id), _batch_sk(batch), consistent_read=True)
        doc = row.doc
        if (doc["count"], doc["prefix"]) != (batch.count, batch.prefix):
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another batch. Use a new key for a new batch.",
                path="Idempotency-Key",
            )
        done = row.lease_until is None
        if not done:
            try:
                # The lease of a call that stopped expires; then the next call takes it over.
                row.update(
                    [PricingRow.lease_until.set(now + LEASE_SECONDS)], PricingRow.lease_until <= now
                )
            except UpdateError as error:
                if error.cause_response_code != _CONDITION_FAILED:
                    raise
                raise Conflict(
                    "These codes are being issued. Try again in a moment.",
                    code="batch_in_progress",
                ) from None
        return replace(batch, seed=bytes.fromhex(doc["seed"]), done=done)

    def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
        PricingRow(_pk(coupon.id), _batch_sk(batch)).update([PricingRow.lease_until.remove()])

    def write_codes(self, coupon: Coupon, batch: CodeBatch, codes: Sequence[str]) -> Sequence[str]:
        # A batch write has no conditions, so existing codes are read first. Another call would have
        # to generate the same 60 random bits between the two steps. Existing codes of this batch
        # are not written again, because orders may have used them.
        existing: set[str] = set()
        taken: set[str] = set()
        keys = [counter_row_key(CODE_USES, normalize_code(code)) for code in codes]
        for start in range(0, len(keys), BATCH_GET_SIZE):
            for row in PricingRow.batch_get(
                keys[start : start + BATCH_GET_SIZE], consistent_read=True
            ):
                in_this_batch = row.doc.get("batch") == batch.id
                (existing if in_this_batch else taken).add(_code_of(row))
        issued = [code for code in codes if normalize_code(code) not in taken]
        with PricingRow.batch_write() as writes:
            for code in issued:
                if normalize_code(code) not in existing:
                    writes.save(_code_row(coupon, code, batch.id))
            for page, start in enumerate(range(0, len(issued), CODES_PER_ITEM)):
                # The first code makes the key unique for each round of a batch. A repeated call
                # generates the same code, and therefore overwrites the same item.
                page_key = f"CODES#{batch.id}#{normalize_code(codes[0])}#{page:03d}"
                writes.save(
                    PricingRow(_pk(coupon.id), page_key, doc=issued[start : start + CODES_PER_ITEM])
                )
        return tuple(taken)

    def list_codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        after = decode_name_cursor(cursor, _PAGE_KEY)
        range_condition = (
            PricingRow.sk.startswith("CODES#")
            if after is None
            else PricingRow.sk.between(f"{after}\x00", "CODES#~")
        )
        # One item is a page; the second shows whether another page follows.
        rows = list(PricingRow.query(_pk(coupon_id), range_condition, limit=2))
        if not rows:
            return Page(())
        next_cursor = to_cursor({"after": rows[0].sk}) if len(rows) > 1 else None
        return Page(tuple(rows[0].doc), next_cursor)


def code_statuses(
    codes: Mapping[str, PricingRow | None],
    customer: str | None,
    consistent: bool = False,
    in_shards: Mapping[str, int] = MappingProxyType({}),
) -> Mapping[str, CodeStatus]:
    """Return the status of codes by normal form. Rows that are ``None`` are read.

    ``in_shards`` are the remaining uses in the shards of a code, by the key of its row.
    """
    rows = {code: row for code, row in codes.items() if row is not None}
    missing = [counter_row_key(CODE_USES, code) for code in codes if code not in rows]
    if missing:
        for row in PricingRow.batch_get(missing, consistent):
            rows[_code_of(row)] = row
    # A coupon has the terms of all codes of its batches, so that one write changes them. Customers'
    # uses are in rows of their own, read only for codes that may have a limit per customer.
    in_batches = {row.doc["coupon"] for row in rows.values() if row.doc.get("batch")}
    limited = {row.doc["coupon"] for row in rows.values() if row.doc.get("per_customer")}
    keys = [(_pk(id_), HEAD) for id_ in in_batches]
    if customer is not None:
        keys += [
            counter_row_key(CUSTOMER_USES, f"{id_}#{customer}") for id_ in in_batches | limited
        ]
    terms: dict[str, Any] = {}
    used_by_customer: dict[str, int] = {}
    for row in PricingRow.batch_get(keys, consistent) if keys else ():
        coupon_id = row.pk.split("#", 2)[1]
        if row.sk == HEAD:
            terms[coupon_id] = _terms(_coupon_from(row))
        else:
            used_by_customer[coupon_id] = int(row.used)
    return {
        code: _status(
            row,
            {**row.doc, **terms.get(row.doc["coupon"], {})},
            used_by_customer,
            in_shards.get(row.pk),
        )
        for code, row in rows.items()
    }


def _status(
    row: PricingRow,
    doc: Mapping[str, Any],
    used_by_customer: Mapping[str, int],
    in_shards: int | None,
) -> CodeStatus:
    remaining = int(row.remaining) if in_shards is None else in_shards
    per_customer = doc.get("per_customer")
    return CodeStatus(
        promotion_id=doc["promotion"],
        starts=_instant_from(doc.get("starts")),
        ends=_instant_from(doc.get("ends")),
        # Half: uses count down, so an unlimited code never shows a number of uses.
        uses_remaining=None if remaining > UNLIMITED // 2 else max(0, remaining),
        customer_uses_remaining=(
            None
            if per_customer is None
            else max(0, per_customer - used_by_customer.get(doc["coupon"], 0))
        ),
        coupon_id=doc["coupon"],
        per_customer=per_customer,
        shard_count=int(row.shard_count or 0),
        group=GroupStatus(doc["group"]) if "group" in doc else None,
    )


def _code_taken(code: PricingRow | None) -> Conflict:
    """Return the error for a code that another coupon, or a group buy, has."""
    holder = "Another coupon"
    if code is not None:
        doc = PricingRow.get(code.pk, code.sk, consistent_read=True).doc
        holder = f"Coupon {doc['coupon']!r} of promotion {doc['promotion']!r}"
    return Conflict(
        f"{holder} has this code. Choose another code: a code stays with its coupon, also after the"
        " promotion has ended.",
        code="code_taken",
        path="$.code",
    )


def _code_row(coupon: Coupon, code: str, batch: str | None = None) -> PricingRow:
    doc = {
        "coupon": coupon.id,
        "batch": batch,
        "promotion": coupon.promotion_id,
        **_terms(coupon),
    }
    return PricingRow(
        counter_key(CODE_USES, normalize_code(code)),
        CODE,
        remaining=_limit_of(coupon),
        used=0,
        doc={name: value for name, value in doc.items() if value is not None},
    )


def _terms(coupon: Coupon) -> dict[str, Any]:
    """Return the terms of a coupon that may change, as a code stores them."""
    return {
        "per_customer": coupon.per_customer,
        "starts": to_json(coupon.starts),
        "ends": to_json(coupon.last_instant),
    }


def _limit_of(coupon: Coupon) -> int:
    limit = coupon.per_code if coupon.has_batches else coupon.quantity
    return UNLIMITED if limit is None else limit


def _update_code(writes: Any, before: Coupon, after: Coupon) -> None:
    """Add the change of a single code: its terms, and its remaining uses by the difference."""
    code = str(after.code)
    row = _code_row(after, code)
    actions: list[Action] = [PricingRow.doc.set(row.doc)]
    condition = PricingRow.pk.exists()
    difference = _limit_of(after) - _limit_of(before)
    if difference:
        # Uses in shards are not in the row, so that the difference would be applied to a part.
        condition &= PricingRow.shard_count.does_not_exist()
        condition &= PricingRow.remaining >= -difference
        actions.append(PricingRow.remaining.add(difference))
    writes.update(row, actions, condition)
    limited = PricingRow(_limited_codes_pk(after.promotion_id), normalize_code(code))
    if before.is_limited and not after.is_limited:
        writes.delete(limited)
    elif after.is_limited and not before.is_limited:
        writes.save(limited)


def _head_row(coupon: Coupon, events: Sequence[Event]) -> PricingRow:
    return PricingRow(
        _pk(coupon.id), HEAD, version=coupon.version, doc=to_json(coupon), events=tuple(events)
    )


def _coupon_from(row: PricingRow) -> Coupon:
    problems: list[Problem] = []
    coupon = from_json(Coupon, row.doc, "$", problems)
    if coupon is None:
        raise ValueError(f"Coupon {row.pk} cannot be read: {problems[0]}")
    return coupon


def _code_of(row: PricingRow) -> str:
    return row.pk.removeprefix(counter_key(CODE_USES, ""))


def _limited_codes_pk(promotion_id: str) -> str:
    return f"LIMITED_CODES#{promotion_id}"


def _pk(coupon_id: str) -> str:
    return f"COUPON#{coupon_id}"


def _batch_sk(batch: CodeBatch) -> str:
    return f"BATCH#{batch.id}"


def _instant_from(raw: str | None) -> datetime | None:
    return None if raw is None else datetime.fromisoformat(raw)
