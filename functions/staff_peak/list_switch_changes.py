"""GET /staff/switch-changes: list kill switch changes, newest first."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.peak.schemas.kill_switches import SwitchChangeListView
from shop.peak.store.kill_switches import DynamoSwitchRepository

switches = DynamoSwitchRepository()


@endpoint()
def handler(request: Request[None]) -> SwitchChangeListView:
    limit = parse_limit(request.query.get("limit"))
    return SwitchChangeListView.of(
        switches.list_changes(cursor=request.query.get("cursor"), limit=limit)
    )
