"""Stock that has a threshold moved → whether it was crossed is looked at, and noted once."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shop.entrypoints.dynamodb_stream import StreamRecord, stream_reader
from shop.inventory.actions import check_low_stock
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.low_stock import DynamoLowStockAlerts, changed_location

stock = DynamoStockRepository()
alerts = DynamoLowStockAlerts()


@stream_reader
def handler(changes: Sequence[StreamRecord]) -> str | None:
    places = dict.fromkeys(
        where for change in changes if (where := changed_location(change.new_image))
    )
    if places:
        watched = alerts.filter_watched(list(places))
        check_low_stock(watched, at=datetime.now(UTC), stock=stock, alerts=alerts)
    return None
