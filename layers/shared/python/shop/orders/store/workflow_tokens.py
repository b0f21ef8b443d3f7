"""Workflow tokens and sent emails of orders in DynamoDB."""

from collections.abc import Iterable
from datetime import datetime

from shop.orders.store.rows import OrderEmailRow, WorkflowTokenRow, order_pk
from shop.storage import notifications


class DynamoWorkflowTokens:
    """See :class:`shop.orders.ports.WorkflowTokens`."""

    def save(self, order_id: str, step: str, token: str, at: datetime) -> None:
        WorkflowTokenRow(order_pk(order_id), f"WAIT#{step}", token=token, at=at.isoformat()).save()

    def get_many(self, order_id: str, steps: Iterable[str]) -> dict[str, str]:
        # Consistent, because a token may have been stored a moment before the order changed.
        rows = WorkflowTokenRow.query(
            order_pk(order_id), WorkflowTokenRow.sk.startswith("WAIT#"), consistent_read=True
        )
        tokens = {row.sk.removeprefix("WAIT#"): row.token for row in rows}
        return {step: tokens[step] for step in steps if step in tokens}


class DynamoOrderEmails(notifications.DynamoSentEmails):
    """Emails about an order."""

    rows = OrderEmailRow
    subject = "ORDER"
