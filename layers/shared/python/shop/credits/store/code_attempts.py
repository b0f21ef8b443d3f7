"""Counts attempts with unknown codes per time window, in the ``sessions`` table."""

import os
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition

from shop.kernel.errors import RateLimited
from shop.kernel.ids import derived_id
from shop.storage.connection import Row

MAX_ATTEMPTS = 10
"""Unknown codes that one address or customer may try in a window."""
WINDOW_SECONDS = 600
"""Length of a window in seconds; windows begin at full ten minutes of the clock (UTC)."""


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    attempts = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class DynamoCodeAttemptLimiter:
    """See :class:`shop.credits.ports.CodeAttemptLimiter`. Callers are stored as digests only."""

    def record_attempts(self, actor: str, codes: int, at: datetime, *, path: str) -> None:
        below_limit: Condition = _Row.attempts <= MAX_ATTEMPTS - codes
        # A first attempt creates the row, unless it has more codes than a window allows.
        if codes <= MAX_ATTEMPTS:
            below_limit = _Row.pk.does_not_exist() | below_limit
        try:
            self._add(actor, codes, at, below_limit)
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise RateLimited(
                "Too many unknown codes. Try again in ten minutes.",
                code="too_many_codes",
                path=path,
            ) from None

    def forgive(self, actor: str, codes: int, at: datetime) -> None:
        self._add(actor, -codes, at, _Row.attempts >= codes)

    def _add(self, actor: str, codes: int, at: datetime, condition: Condition) -> None:
        window = int(at.timestamp()) // WINDOW_SECONDS
        row = _Row(f"CODE_ATTEMPTS#{derived_id('by', actor)}#{window}")
        # DynamoDB may delete the row once the following window has ended.
        expires_at = (window + 2) * WINDOW_SECONDS
        row.update([_Row.attempts.add(codes), _Row.expires_at.set(expires_at)], condition=condition)
