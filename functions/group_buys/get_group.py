"""GET /group-buys/{id}: how full a group is. Its id is unguessable: who has it may join."""

from collections.abc import Mapping
from typing import Any

from shop.edge.http import Request, endpoint
from shop.pricing.store.group_buys import DynamoGroupBuys
from shop.pricing.wire.group_buys import group_buy_view

group_buys = DynamoGroupBuys()


@endpoint()
def handler(request: Request[None]) -> Mapping[str, Any]:
    return group_buy_view(group_buys.of(request.path["id"]), request.at)
