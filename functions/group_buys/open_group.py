"""POST /group-buys: open a group that buys together, for a promotion that is running."""

import secrets
from collections.abc import Mapping
from typing import Any

from shop.edge.http import Request, endpoint
from shop.kernel.idempotency import once
from shop.kernel.ids import new_id
from shop.pricing.actions.group_buys import open_group
from shop.pricing.model.coupons import random_code
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.group_buys import DynamoGroupBuys
from shop.pricing.wire.group_buys import GroupBuyBody, group_buy_view
from shop.storage.keys import DynamoKeys
from shop.storage.transactions import DynamoLedger

promotions = DynamoPromotions()
group_buys = DynamoGroupBuys()
keys = DynamoKeys()
ledger = DynamoLedger()


@endpoint(GroupBuyBody, status=201)
def handler(request: Request[GroupBuyBody]) -> Mapping[str, Any]:
    return once(
        request.ask,
        lambda: open_group(
            promotions.of(request.body.promotion_id),
            group_id=new_id("grp"),
            code=random_code(secrets.token_bytes(8), "GRP"),
            at=request.at,
            group_buys=group_buys,
        ),
        lambda group: group_buy_view(group, request.at),
        keys=keys,
        ledger=ledger,
    )
