"""Idempotency keys in the ``sessions`` table."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.idempotency import KEPT, Ask, Taken
from shop.kernel.transactions import Part
from shop.storage.documents import JsonDocument
from shop.storage.table import Row


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    fingerprint = UnicodeAttribute()
    answer = JsonDocument(null=True)
    expires_at = NumberAttribute()


class DynamoKeys:
    """See :class:`shop.kernel.idempotency.Keys`. Expiry is compared when reading."""

    def name(self, ask: Ask) -> str:
        return f"IDEM#{ask.owner}#{ask.key}"

    def taken(self, ask: Ask) -> Taken | None:
        try:
            row = _Row.get(self.name(ask), consistent_read=True)
        except _Row.DoesNotExist:
            return None
        if row.expires_at <= ask.at.timestamp():
            return None
        return Taken(row.fingerprint, row.answer)

    def taking(self, ask: Ask, answer: Mapping[str, Any] | None) -> Part:
        row = _Row(
            self.name(ask),
            fingerprint=ask.fingerprint,
            answer=None if answer is None else dict(answer),
            expires_at=_epoch(ask.at + KEPT),
        )
        free = _Row.pk.does_not_exist() | (_Row.expires_at <= _epoch(ask.at))
        return lambda writes: writes.save(row, free)

    def answering(self, ask: Ask, answer: Mapping[str, Any]) -> Part:
        row = _Row(self.name(ask))
        actions = [_Row.answer.set(dict(answer))]
        return lambda writes: writes.update(row, actions, _Row.fingerprint == ask.fingerprint)


def _epoch(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
