"""PUT /staff/switches/{switch}: turn a part of the shop off, or on again."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.actions.kill_switches import set_switch
from shop.peak.schemas.kill_switches import SwitchBody, SwitchView
from shop.peak.store.kill_switches import DynamoSwitchRepository

switches = DynamoSwitchRepository()


@endpoint(SwitchBody)
def handler(request: Request[SwitchBody]) -> SwitchView:
    switch = request.path["switch"]
    board = set_switch(
        switch,
        on=request.body.on,
        actor=request.caller.username or "?",
        reason=request.body.reason,
        retry_after=request.body.retry_after,
        switches=switches,
        at=request.received_at,
    )
    return SwitchView.of(board, switch)
