"""Items of the orders table, and their keys."""

import os
from datetime import UTC, datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute, EventsAttribute
from shop.storage.notifications import SentEmailRow


class ByOwner(GlobalSecondaryIndex["OrderRow"]):  # type: ignore[no-untyped-call]  # untyped there
    class Meta:
        index_name = "by_owner"
        projection = IncludeProjection(["status", "summary"])

    owner_key = UnicodeAttribute(hash_key=True)
    placed_key = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    summary = CompressedJsonAttribute()


class ByDay(GlobalSecondaryIndex["OrderRow"]):  # type: ignore[no-untyped-call]  # untyped there
    class Meta:
        index_name = "by_day"
        projection = IncludeProjection(["status", "summary"])

    day_key = UnicodeAttribute(hash_key=True)
    placed_key = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    summary = CompressedJsonAttribute()


class OrderRow(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    status = UnicodeAttribute()
    version = NumberAttribute()
    doc = CompressedJsonAttribute()
    summary = CompressedJsonAttribute()
    events = EventsAttribute()
    owner_key = UnicodeAttribute(null=True)
    day_key = UnicodeAttribute()
    placed_key = UnicodeAttribute()
    by_owner = ByOwner()
    by_day = ByDay()


class BatchRow(Row):
    """A batch (``BATCH#<name>``), or the placement of the order (``BATCHES``)."""

    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    doc = CompressedJsonAttribute(null=True)
    placing = BooleanAttribute(null=True)
    """On a placement: whether batches are recorded (true) or reversed (false)."""


AWAITING_STOCK_PREFIX = "AWAITING"
"""Key prefix of the orders that wait for inbound stock."""


class AwaitingStockRow(Row):
    """``AWAITING#<shard>``/``<placed_key>``: an order with reservations on inbound stock."""

    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


class WorkflowTokenRow(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    token = UnicodeAttribute()
    at = UnicodeAttribute()


class TrackingNumberRow(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    order_id = UnicodeAttribute()
    shipment_id = UnicodeAttribute()


class ParkedEventRow(Row):
    """``PARKED``/``<carrier>#<tracking number>#<event>``: an event without a shipment."""

    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    doc = CompressedJsonAttribute()


class OrderEmailRow(SentEmailRow):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]


def order_pk(order_id: str) -> str:
    return f"ORDER#{order_id}"


def tracking_pk(carrier: str, number: str) -> str:
    return f"TRACK#{carrier.casefold()}#{number}"


def placed_key_of(order_id: str, placed_at: datetime) -> str:
    """Key that sorts orders by the microsecond of placing; 16 digits last until 2286."""
    return f"{int(placed_at.timestamp()) * 1_000_000 + placed_at.microsecond:016d}#{order_id}"


def parse_placed_key(key: str) -> tuple[str, datetime]:
    """Split a placed key into the order id and the time of placing."""
    microseconds, _, order_id = key.partition("#")
    seconds, microsecond = divmod(int(microseconds), 1_000_000)
    return order_id, datetime.fromtimestamp(seconds, UTC).replace(microsecond=microsecond)
