"""Where the workflow waits, and which letters were written, in DynamoDB."""

from collections.abc import Iterable
from datetime import datetime

from pynamodb.exceptions import PutError

from shop.kernel.errors import Unavailable
from shop.orders.ports import GIVEN_UP
from shop.orders.store.rows import LetterRow, WaitRow, instant, pk_of


class DynamoWaits:
    """See :class:`shop.orders.ports.Waits`."""

    def wait(self, order_id: str, step: str, token: str, at: datetime) -> None:
        WaitRow(pk_of(order_id), f"WAIT#{step}", token=token, at=at.isoformat()).save()

    def tokens(self, order_id: str, steps: Iterable[str]) -> dict[str, str]:
        rows = WaitRow.query(pk_of(order_id), WaitRow.sk.startswith("WAIT#"), consistent_read=True)
        waiting = {row.sk.removeprefix("WAIT#"): row.token for row in rows}
        return {step: waiting[step] for step in steps if step in waiting}


class DynamoLetters:
    """See :class:`shop.orders.ports.Letters`."""

    def taken(self, order_id: str, kind: str, at: datetime) -> bool:
        row = LetterRow(pk_of(order_id), f"LETTER#{kind}", taken_at=instant(at))
        crashed = LetterRow.sent_at.does_not_exist() & (
            LetterRow.taken_at <= instant(at - GIVEN_UP)
        )
        try:
            row.save(LetterRow.pk.does_not_exist() | crashed)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            if LetterRow.get(row.pk, row.sk, consistent_read=True).sent_at is not None:
                return False
            raise Unavailable("somebody else writes this letter just now") from None
        return True

    def sent(self, order_id: str, kind: str, at: datetime) -> None:
        row = LetterRow(pk_of(order_id), f"LETTER#{kind}")
        row.update([LetterRow.sent_at.set(instant(at))], condition=LetterRow.pk.exists())
