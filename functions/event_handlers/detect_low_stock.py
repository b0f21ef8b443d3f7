"""Stock with a threshold moved: detect a low-stock crossing, once per crossing."""

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
    locations = dict.fromkeys(
        location for change in changes if (location := changed_location(change.new_image))
    )
    if locations:
        watched = alerts.filter_watched(list(locations))
        check_low_stock(watched, at=datetime.now(UTC), stock=stock, alerts=alerts)
    return None
