"""Group buys in DynamoDB: the group, its code, the list of due groups."""

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from shop.kernel.codes import normalize_code
from shop.kernel.errors import NotFound, Problem, VersionConflict
from shop.kernel.events import Event
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.pricing.model.group_buy import GroupBuy, GroupStatus
from shop.pricing.store.rows import CODE, HEAD, PricingRow
from shop.serialization import from_json, to_json
from shop.storage.transactions import DynamoUnitOfWork

DUE_SHARDS = 8
"""Partitions of the list of due groups. One partition would throttle many new groups."""


class DynamoGroupBuyRepository:
    """See :class:`shop.pricing.ports.GroupBuyRepository`."""

    def get(self, group_id: str) -> GroupBuy:
        try:
            row = PricingRow.get(_pk(group_id), HEAD, consistent_read=True)
        except PricingRow.DoesNotExist:
            raise NotFound(f"Group buy {group_id!r} does not exist. Check the id.") from None
        return _group_from(row)

    def insert_op(self, group: GroupBuy, events: Sequence[Event]) -> WriteOperation:
        is_new = PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.save(_group_row(group, events), is_new)
            writes.save(_code_row(group), is_new)
            writes.save(PricingRow(*_due_key(group), doc=group.id), is_new)

        return write

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        def write(writes: Any) -> None:
            writes.save(_group_row(after, events), PricingRow.version == before.version)
            if after.status is not GroupStatus.FORMING:
                # A decided group closes its code in the same transaction: no order can use it.
                closed = {**_code_row(after).doc, "ends": to_json(events[0].at)}
                writes.update(
                    PricingRow(_code_pk(after), CODE),
                    [PricingRow.doc.set(closed)],
                    PricingRow.pk.exists(),
                )

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            raise VersionConflict(
                "This group has changed since you read it. Read it again."
            ) from None
        return after

    def list_due(self, at: datetime, max_results: int) -> Iterable[GroupBuy]:
        until = f"{at.isoformat()}~"
        keys: list[tuple[str, str]] = []
        for shard in range(DUE_SHARDS):
            rows = PricingRow.query(_due_pk(shard), PricingRow.sk <= until, limit=max_results)
            keys += [(row.sk, row.doc) for row in rows]
        # Each shard is sorted by deadline; merge them, so that the oldest groups come first.
        for _, group_id in sorted(keys)[:max_results]:
            yield self.get(group_id)

    def mark_settled(self, group: GroupBuy) -> None:
        PricingRow(*_due_key(group)).delete()


def _group_row(group: GroupBuy, events: Sequence[Event]) -> PricingRow:
    return PricingRow(
        _pk(group.id), HEAD, version=group.version, doc=to_json(group), events=tuple(events)
    )


def _code_row(group: GroupBuy) -> PricingRow:
    """Return the row of the group's code, in the form of a coupon's code.

    The group takes the place of the coupon, so quotes and orders treat both codes alike.
    """
    doc = {
        "coupon": group.id,
        "promotion": group.promotion_id,
        "per_customer": 1,
        "ends": to_json(group.deadline),
        "group": group.status.value,
    }
    return PricingRow(_code_pk(group), CODE, remaining=group.size, used=0, doc=doc)


def _group_from(row: PricingRow) -> GroupBuy:
    problems: list[Problem] = []
    group = from_json(GroupBuy, row.doc, "$", problems)
    if group is None:
        raise ValueError(f"Group buy {row.pk} cannot be read: {problems[0]}")
    return group


def _pk(group_id: str) -> str:
    return f"GROUP_BUY#{group_id}"


def _code_pk(group: GroupBuy) -> str:
    return f"CODE#{normalize_code(group.code)}"


def _due_pk(shard: int) -> str:
    return f"GROUP_BUYS_DUE#{shard}"


def _due_key(group: GroupBuy) -> tuple[str, str]:
    shard = zlib.crc32(group.id.encode()) % DUE_SHARDS
    return _due_pk(shard), f"{group.deadline.isoformat()}#{group.id}"
