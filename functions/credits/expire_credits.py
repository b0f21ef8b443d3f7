"""Every day: points, credit and cards that have expired are moved out of their accounts."""

from datetime import datetime
from typing import Any

from shop.edge.schedule import scheduled
from shop.pricing.actions.credits import expire_due
from shop.pricing.store.ledgers import DynamoLedgers
from shop.storage.transactions import DynamoLedger

ledgers = DynamoLedgers()
ledger = DynamoLedger()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    return {"swept": expire_due(at, ledgers=ledgers, ledger=ledger)}
