"""GET /staff/switches: what is on and what is off."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.schemas.kill_switches import SwitchesView
from shop.peak.store.kill_switches import DynamoSwitchRepository

switches = DynamoSwitchRepository()


@endpoint()
def handler(request: Request[None]) -> SwitchesView:
    return SwitchesView.of(switches.states())
