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
    subject = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class DynamoIdempotencyStore:
    """See :class:`shop.kernel.idempotency.IdempotencyStore`.

    Expiry is compared on reading and claiming, because DynamoDB deletes expired rows late.
    """

    def condition_key(self, request: IdempotentRequest) -> str:
        return f"IDEM#{request.owner}#{request.key}"

    def get(self, request: IdempotentRequest) -> IdempotencyRecord | None:
        # Consistent: this read decides between a stored response and a conflict.
        try:
            row = _Row.get(self.condition_key(request), consistent_read=True)
        except _Row.DoesNotExist:
            return None
        if row.expires_at <= request.at.timestamp():
            return None
        return IdempotencyRecord(row.payload_hash, row.response, row.subject)

    def claim(
        self,
        request: IdempotentRequest,
        response: Mapping[str, Any] | None,
        subject: str | None = None,
    ) -> WriteOperation:
        row = _Row(
            self.condition_key(request),
            payload_hash=request.payload_hash,
            response=None if response is None else dict(response),
            subject=subject,
            expires_at=_epoch(request.at + IDEMPOTENCY_RETENTION),
        )
        unclaimed = _Row.pk.does_not_exist() | (_Row.expires_at <= _epoch(request.at))
        return lambda writes: writes.save(row, unclaimed)

    def complete(self, request: IdempotentRequest, response: Mapping[str, Any]) -> WriteOperation:
        row = _Row(self.condition_key(request))
        actions = [_Row.response.set(dict(response))]
        # Only the request that claimed the key may set its response, and only once.
        unanswered = (_Row.payload_hash == request.payload_hash) & _Row.response.does_not_exist()
        return lambda writes: writes.update(row, actions, unanswered)


def _epoch(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
