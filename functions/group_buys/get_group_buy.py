"""GET /group-buys/{id}: a group buy with its status and code. Its id cannot be guessed."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, endpoint
from shop.pricing.schemas.group_buys import group_buy_view
from shop.pricing.store.group_buys import DynamoGroupBuyRepository

group_buys = DynamoGroupBuyRepository()


@endpoint()
def handler(request: Request[None]) -> Mapping[str, Any]:
    return group_buy_view(group_buys.get(request.path["id"]), request.received_at)
