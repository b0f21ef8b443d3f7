"""GET /staff/switch-changes: who turned which switch, when and why, newest first."""

from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked
from shop.peak.store.switches import DynamoSwitches
from shop.peak.wire.switches import FlipsView

switches = DynamoSwitches()


@endpoint()
def handler(request: Request[None]) -> FlipsView:
    limit = limit_asked(request.query.get("limit"))
    return FlipsView.of(switches.flips(cursor=request.query.get("cursor"), limit=limit))
