"""Idempotency keys in the ``sessions`` table."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from shop.kernel.idempotency import IDEMPOTENCY_RETENTION, IdempotencyRecord, IdempotentRequest
from shop.kernel.unit_of_work import WriteOperation
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    payload_hash = UnicodeAttribute()
    response = CompressedJsonAttribute(null=True)
    expires_at = NumberAttribute()


class DynamoIdempotencyStore:
    """See :class:`shop.kernel.idempotency.IdempotencyStore`. Expiry is compared when reading."""

    def condition_key(self, idempotent_request: IdempotentRequest) -> str:
        return f"IDEM#{idempotent_request.owner}#{idempotent_request.key}"

    def get(self, idempotent_request: IdempotentRequest) -> IdempotencyRecord | None:
        try:
            row = _Row.get(self.condition_key(idempotent_request), consistent_read=True)
        except _Row.DoesNotExist:
            return None
        if row.expires_at <= idempotent_request.at.timestamp():
            return None
        return IdempotencyRecord(row.payload_hash, row.response)

    def claim(
        self, idempotent_request: IdempotentRequest, answer: Mapping[str, Any] | None
    ) -> WriteOperation:
        row = _Row(
            self.condition_key(idempotent_request),
            payload_hash=idempotent_request.payload_hash,
            response=None if answer is None else dict(answer),
            expires_at=_epoch(idempotent_request.at + IDEMPOTENCY_RETENTION),
        )
        free = _Row.pk.does_not_exist() | (_Row.expires_at <= _epoch(idempotent_request.at))
        return lambda writes: writes.save(row, free)

    def complete(
        self, idempotent_request: IdempotentRequest, answer: Mapping[str, Any]
    ) -> WriteOperation:
        row = _Row(self.condition_key(idempotent_request))
        actions = [_Row.response.set(dict(answer))]
        return lambda writes: writes.update(
            row, actions, _Row.payload_hash == idempotent_request.payload_hash
        )


def _epoch(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
