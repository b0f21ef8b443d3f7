"""Letters taken on and sent, in the table of whoever they speak of; see :mod:`shop.kernel.notifications`.

A floor declares a row of its own table and says how it is named.
"""

from datetime import UTC, datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError

from shop.kernel.errors import Unavailable
from shop.kernel.notifications import CLAIM_TIMEOUT
from shop.storage.connection import Row


class SentEmailRow(Row):
    """A letter, by what it speaks of and its kind."""

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    claimed_at = UnicodeAttribute()
    sent_at = UnicodeAttribute(null=True)


class DynamoSentEmails:
    """See :class:`shop.kernel.notifications.SentEmails`."""

    rows: type[SentEmailRow]
    subject: str
    """What the row's key begins with: ``"ORDER"``."""

    def claim(self, about: str, kind: str, at: datetime) -> bool:
        rows = self.rows
        row = rows(*self._key(about, kind), claimed_at=_instant(at))
        crashed = rows.sent_at.does_not_exist() & (rows.claimed_at <= _instant(at - CLAIM_TIMEOUT))
        try:
            row.save(rows.pk.does_not_exist() | crashed)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            if rows.get(row.pk, row.sk, consistent_read=True).sent_at is not None:
                return False
            raise Unavailable("somebody else writes this letter just now") from None
        return True

    def mark_sent(self, about: str, kind: str, at: datetime) -> None:
        row = self.rows(*self._key(about, kind))
        row.update([self.rows.sent_at.set(_instant(at))], condition=self.rows.pk.exists())

    def _key(self, about: str, kind: str) -> tuple[str, str]:
        return f"{self.subject}#{about}", f"LETTER#{kind}"


def _instant(at: datetime) -> str:
    """UTC with a fixed number of digits, so that text compares as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
