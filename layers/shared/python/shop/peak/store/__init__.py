"""The peak's own table."""

from shop.peak.store.capacity import DynamoMemory
from shop.peak.store.rooms import DynamoCounter, DynamoRoomBook, DynamoRooms, waiting_rooms
from shop.peak.store.switches import DynamoSwitches

__all__ = [
    "DynamoCounter",
    "DynamoMemory",
    "DynamoRoomBook",
    "DynamoRooms",
    "DynamoSwitches",
    "waiting_rooms",
]
