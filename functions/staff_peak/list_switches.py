"""GET /staff/switches: list the kill switches and their states."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.schemas.kill_switches import SwitchesView
from shop.peak.store.kill_switches import DynamoSwitchRepository

switches = DynamoSwitchRepository()


@endpoint()
def handler(request: Request[None]) -> SwitchesView:
    return SwitchesView.of(switches.states())
