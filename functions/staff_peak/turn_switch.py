"""PUT /staff/switches/{switch}: turn a part of the shop off, or on again."""

from shop.edge.http import Request, endpoint
from shop.peak.actions.switches import turn
from shop.peak.store.switches import DynamoSwitches
from shop.peak.wire.switches import SwitchBody, SwitchView

switches = DynamoSwitches()


@endpoint(SwitchBody)
def handler(request: Request[SwitchBody]) -> SwitchView:
    switch = request.path["switch"]
    board = turn(
        switch,
        on=request.body.on,
        who=request.caller.username or "?",
        why=request.body.why,
        retry_after=request.body.retry_after,
        switches=switches,
        at=request.at,
    )
    return SwitchView.of(board, switch)
