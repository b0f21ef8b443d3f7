"""PUT /staff/switches/{switch}: disable a part of the shop, or enable it again."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.actions.kill_switches import set_switch
from shop.peak.schemas.kill_switches import SwitchBody, SwitchView
from shop.peak.store.kill_switches import DynamoSwitchRepository

switches = DynamoSwitchRepository()


@endpoint(SwitchBody)
def handler(request: Request[SwitchBody]) -> SwitchView:
    switch = request.path["switch"]
    states = set_switch(
        switch,
        on=request.body.on,
        actor=request.caller.username or "?",
        reason=request.body.reason,
        retry_after_seconds=request.body.retry_after_seconds,
        switches=switches,
        at=request.received_at,
    )
    return SwitchView.of(states, switch)
