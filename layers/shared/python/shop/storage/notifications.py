"""The record of sent emails, in the table of the capability that sends them.

A capability declares a row class of its own table and the prefix of its keys. See
:mod:`shop.kernel.notifications`.
"""

from datetime import UTC, datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PutError

from shop.kernel.errors import Unavailable
from shop.kernel.notifications import CLAIM_TIMEOUT
from shop.storage.connection import Row


class SentEmailRow(Row):
    """An email that was claimed or sent, by subject and kind."""

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    claimed_at = UnicodeAttribute()
    sent_at = UnicodeAttribute(null=True)


class DynamoSentEmails:
    """See :class:`shop.kernel.notifications.SentEmails`."""

    rows: type[SentEmailRow]
    subject: str
    """The prefix of the partition key: ``"ORDER"``."""

    def claim(self, about: str, kind: str, at: datetime) -> bool:
        rows = self.rows
        row = rows(*self._key(about, kind), claimed_at=_instant(at))
        abandoned = rows.sent_at.does_not_exist() & (
            rows.claimed_at <= _instant(at - CLAIM_TIMEOUT)
        )
        try:
            row.save(rows.pk.does_not_exist() | abandoned)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            # Consistent: another sender may have completed the claim since the write.
            if rows.get(row.pk, row.sk, consistent_read=True).sent_at is not None:
                return False
            raise Unavailable("Another sender has claimed this email. Please try again.") from None
        return True

    def mark_sent(self, about: str, kind: str, at: datetime) -> None:
        row = self.rows(*self._key(about, kind))
        row.update([self.rows.sent_at.set(_instant(at))], condition=self.rows.pk.exists())

    def _key(self, about: str, kind: str) -> tuple[str, str]:
        return f"{self.subject}#{about}", f"EMAIL#{kind}"


def _instant(at: datetime) -> str:
    """Return UTC text of fixed length: it sorts like time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
