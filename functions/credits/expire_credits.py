"""Every day: points, credit and cards that have expired are moved out of their accounts."""

from datetime import datetime
from typing import Any

from shop.credits.actions.credits import expire_credits
from shop.credits.store.accounts import DynamoCreditAccountRepository
from shop.entrypoints.scheduler import scheduled
from shop.storage.transactions import DynamoUnitOfWork

ledgers = DynamoCreditAccountRepository()
ledger = DynamoUnitOfWork()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    return {"swept": expire_credits(at, credit_accounts=ledgers, writes=ledger)}
