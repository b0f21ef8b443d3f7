"""GET /staff/switches: what is on and what is off."""

from shop.edge.http import Request, endpoint
from shop.peak.store.switches import DynamoSwitches
from shop.peak.wire.switches import SwitchesView

switches = DynamoSwitches()


@endpoint()
def handler(request: Request[None]) -> SwitchesView:
    return SwitchesView.of(switches.board())
