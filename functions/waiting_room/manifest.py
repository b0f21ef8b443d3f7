"""Waiting rooms: who came first is let in first, at a pace that the shop can bear."""

from functions.manifest import Access, Endpoint, Feature, Peak, Secret, Switch, Table

FEATURE = Feature(
    "waiting_room",
    (
        Endpoint(
            route="GET /waiting-rooms/{id}",
            module="waiting_room.get_waiting_room",
            access=Access.PUBLIC,
            summary="Get an open waiting room, and how to join it",
            response="shop.peak.schemas.waiting_rooms:WaitingRoomView",
            reads=(Table.PEAK,),
            cached=True,
        ),
        Endpoint(
            route="POST /waiting-rooms/{id}/tickets",
            module="waiting_room.create_ticket",
            access=Access.PUBLIC,
            summary="Join a waiting room for a checkout",
            switch=Switch.WAITING_ROOM,
            peak=Peak(requests=2, seconds=0.02),
            request="shop.peak.schemas.waiting_rooms:TicketBody",
            response="shop.peak.schemas.waiting_rooms:TicketView",
            status=201,
            writes=(Table.PEAK,),
            secrets=(Secret.WAITING_ROOM,),
        ),
        Endpoint(
            route="POST /waiting-rooms/{id}/turns",
            module="waiting_room.check_turn",
            access=Access.PUBLIC,
            summary="Get the state of a place in the queue, by its ticket",
            switch=Switch.WAITING_ROOM,
            peak=Peak(requests=8, seconds=0.01),
            request="shop.peak.schemas.waiting_rooms:TurnCheckBody",
            response="shop.peak.schemas.waiting_rooms:QueuePositionView",
            reads=(Table.PEAK,),
            secrets=(Secret.WAITING_ROOM,),
        ),
    ),
)
