"""Changes of orders: list each order under its email address, names and SKUs."""

from collections.abc import Sequence
from datetime import UTC, datetime

from shop.entrypoints.dynamodb_stream import StreamRecord, stream_reader
from shop.entrypoints.http import required_setting
from shop.entrypoints.webhook import RawSigningSecret
from shop.orders.store import DynamoOrderRepository
from shop.orders.store.order_index import DynamoOrderIndex

secret = RawSigningSecret(required_setting("SECRET_ORDER_INDEX"))
index = DynamoOrderIndex(lambda: secret.keys(datetime.now(UTC)), DynamoOrderRepository())


@stream_reader
def handler(changes: Sequence[StreamRecord]) -> str | None:
    return index.apply([(c.sequence, c.old_image, c.new_image) for c in changes])
