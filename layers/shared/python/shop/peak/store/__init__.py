"""The peak's own table."""

from typing import TYPE_CHECKING

from shop.kernel.on_demand import on_demand

if TYPE_CHECKING:
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

__getattr__ = on_demand(
    __name__,
    {
        "capacity": "DynamoMemory",
        "rooms": "DynamoCounter DynamoRoomBook DynamoRooms waiting_rooms",
        "switches": "DynamoSwitches",
    },
)
