"""Move expired points, store credit and gift cards out of their accounts, every day."""

from datetime import datetime
from typing import Any

from shop.credits.actions.accounts import expire_credits
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.scheduler import scheduled
from shop.storage.transactions import DynamoUnitOfWork

credit_accounts = DynamoCreditAccountRepository()
uow = DynamoUnitOfWork()


@scheduled
def handler(at: datetime) -> dict[str, Any]:
    return {"swept": expire_credits(at, credit_accounts=credit_accounts, uow=uow)}
