"""How many codes somebody tried that there are not, in the ``sessions`` table, for a while."""

import os
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError

from shop.kernel.errors import RateLimited
from shop.kernel.ids import derived_id
from shop.storage.connection import Row

MAX_ATTEMPTS = 10
"""Unknown codes that one address or customer may try ..."""
WINDOW_SECONDS = 600
"""... within so many seconds, counted from full ten minutes to full ten minutes."""


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_SESSIONS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    attempts = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class DynamoCodeAttemptLimiter:
    """See :class:`shop.credits.ports.CodeAttemptLimiter`. An address is kept as a digest only."""

    def record_attempts(self, actor: str, codes: int, at: datetime, *, path: str) -> None:
        room = _Row.attempts <= MAX_ATTEMPTS - codes
        if codes <= MAX_ATTEMPTS:
            room = _Row.pk.does_not_exist() | room
        try:
            self._add(actor, codes, at, room)
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise RateLimited(
                "too many codes were tried that there are not; try again in ten minutes",
                code="too_many_codes",
                path=path,
            ) from None

    def forgive(self, actor: str, codes: int, at: datetime) -> None:
        self._add(actor, -codes, at, _Row.attempts >= codes)

    def _add(self, actor: str, codes: int, at: datetime, condition: object) -> None:
        window = int(at.timestamp()) // WINDOW_SECONDS
        row = _Row(f"GUESS#{derived_id('by', actor)}#{window}")
        ends = (window + 2) * WINDOW_SECONDS
        row.update([_Row.attempts.add(codes), _Row.expires_at.set(ends)], condition=condition)  # type: ignore[arg-type]
