"""POST /group-buys: create a group buy for a running promotion."""

import secrets
from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint
from shop.kernel.idempotency import run_idempotent
from shop.kernel.ids import new_id
from shop.pricing.actions.group_buys import create_group_buy
from shop.pricing.model.coupons import random_code
from shop.pricing.schemas.group_buys import GroupBuyBody, group_buy_view
from shop.pricing.store.group_buys import DynamoGroupBuyRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork

promotions = DynamoPromotionRepository()
group_buys = DynamoGroupBuyRepository()
idempotency = DynamoIdempotencyStore()
uow = DynamoUnitOfWork()


@endpoint(GroupBuyBody, status=201)
def handler(request: Request[GroupBuyBody]) -> Mapping[str, Any]:
    return run_idempotent(
        request.idempotent,
        lambda: create_group_buy(
            promotions.get(request.body.promotion_id),
            group_id=new_id("grp"),
            code=random_code(secrets.token_bytes(8), "GRP"),
            at=request.received_at,
            group_buys=group_buys,
        ),
        lambda group: group_buy_view(group, request.received_at),
        idempotency=idempotency,
        uow=uow,
    )
