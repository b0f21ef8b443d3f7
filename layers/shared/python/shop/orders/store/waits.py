"""Where the workflow waits, and which letters were written, in DynamoDB."""

from collections.abc import Iterable
from datetime import datetime

from shop.orders.store.rows import OrderLetterRow, WaitRow, pk_of
from shop.storage import letters


class DynamoWaits:
    """See :class:`shop.orders.ports.Waits`."""

    def wait(self, order_id: str, step: str, token: str, at: datetime) -> None:
        WaitRow(pk_of(order_id), f"WAIT#{step}", token=token, at=at.isoformat()).save()

    def tokens(self, order_id: str, steps: Iterable[str]) -> dict[str, str]:
        rows = WaitRow.query(pk_of(order_id), WaitRow.sk.startswith("WAIT#"), consistent_read=True)
        waiting = {row.sk.removeprefix("WAIT#"): row.token for row in rows}
        return {step: waiting[step] for step in steps if step in waiting}


class DynamoLetters(letters.DynamoLetters):
    """Letters that speak of an order."""

    rows = OrderLetterRow
    subject = "ORDER"
