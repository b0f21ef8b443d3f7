"""Control of traffic peaks by administrators: kill switches and waiting rooms."""

from functions.manifest import Access, Endpoint, Feature, Table
from functions.query_parameters import PAGE

GROUPS = ("admin",)

FEATURE = Feature(
    "staff_peak",
    (
        Endpoint(
            route="GET /staff/switches",
            module="staff_peak.list_switches",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the kill switches and their states",
            response="shop.peak.schemas.kill_switches:SwitchesView",
            unpaged="as many as the code has",
            reads=(Table.PEAK,),
        ),
        Endpoint(
            route="PUT /staff/switches/{switch}",
            module="staff_peak.set_switch",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Disable or enable a part of the shop within five seconds",
            request="shop.peak.schemas.kill_switches:SwitchBody",
            response="shop.peak.schemas.kill_switches:SwitchView",
            writes=(Table.PEAK,),
            always_on=True,
        ),
        Endpoint(
            route="GET /staff/switch-changes",
            query=PAGE,
            module="staff_peak.list_switch_changes",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List changes of the kill switches, newest first",
            response="shop.peak.schemas.kill_switches:SwitchChangeListView",
            reads=(Table.PEAK,),
        ),
        Endpoint(
            route="GET /staff/waiting-rooms",
            module="staff_peak.list_waiting_rooms",
            access=Access.STAFF,
            groups=GROUPS,
            summary="List the open waiting rooms",
            response="shop.peak.schemas.waiting_rooms:WaitingRoomListView",
            unpaged="as many as promotions that need one at the same time",
            reads=(Table.PEAK,),
        ),
        Endpoint(
            route="PUT /staff/waiting-rooms/{id}",
            module="staff_peak.set_waiting_room",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Open the waiting room of a promotion, or change its admission rate",
            request="shop.peak.schemas.waiting_rooms:WaitingRoomBody",
            response="shop.peak.schemas.waiting_rooms:StaffWaitingRoomView",
            reads=(Table.PRICING,),
            writes=(Table.PEAK,),
            always_on=True,
        ),
        Endpoint(
            route="DELETE /staff/waiting-rooms/{id}",
            module="staff_peak.delete_waiting_room",
            access=Access.STAFF,
            groups=GROUPS,
            summary="Close the waiting room of a promotion; all its checkouts may complete",
            response="shop.peak.schemas.waiting_rooms:WaitingRoomListView",
            writes=(Table.PEAK,),
            always_on=True,
        ),
    ),
)
