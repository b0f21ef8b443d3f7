"""Waiting rooms: checkouts are admitted in order of arrival, at a rate that staff set."""

from functions.manifest import Access, Endpoint, Feature, Peak, Secret, Switch, Table

FEATURE = Feature(
    "waiting_room",
    (
        Endpoint(
            route="GET /waiting-rooms/{id}",
            module="waiting_room.get_waiting_room",
            access=Access.PUBLIC,
            summary="Get an open waiting room and the URL for tickets",
            response="shop.peak.schemas.waiting_rooms:WaitingRoomView",
            reads=(Table.PEAK,),
            cached=True,
        ),
        Endpoint(
            route="POST /waiting-rooms/{id}/tickets",
            module="waiting_room.create_ticket",
            access=Access.PUBLIC,
            summary="Create a ticket of a waiting room for a checkout",
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
            summary="Get the queue position of a ticket; admission follows when its turn comes",
            switch=Switch.WAITING_ROOM,
            peak=Peak(requests=8, seconds=0.01),
            request="shop.peak.schemas.waiting_rooms:TurnCheckBody",
            errors=(403,),
            response="shop.peak.schemas.waiting_rooms:QueuePositionView",
            reads=(Table.PEAK,),
            secrets=(Secret.WAITING_ROOM,),
        ),
    ),
)
