"""Stock that has a threshold moved → whether it was crossed is looked at, and noted once."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shop.edge.stream import Change, stream_reader
from shop.inventory.actions import watch_low_stock
from shop.inventory.store import DynamoAlarms, DynamoStock
from shop.inventory.store.alarms import stirred

stock = DynamoStock()
alarms = DynamoAlarms()


@stream_reader
def handler(changes: Sequence[Change]) -> str | None:
    places = dict.fromkeys(where for change in changes if (where := stirred(change.new)))
    if places:
        armed = alarms.armed(list(places))
        watch_low_stock(armed, at=datetime.now(UTC), stock=stock, alarms=alarms)
    return None
