"""Tracking events of unknown shipments in DynamoDB."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop.kernel.errors import InvalidRequest
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import ConditionFailed
from shop.orders.model import ParkedEvent, ShipmentStatus, TrackingEvent
from shop.orders.store.rows import ParkedEventRow, TrackingNumberRow, tracking_pk
from shop.storage.transactions import DynamoUnitOfWork

PARKED = "PARKED"
"""One partition: such events are rare, and a list over all carriers needs one query."""


class DynamoParkedEvents:
    """See :class:`shop.orders.ports.ParkedEvents`."""

    def park(self, parked: ParkedEvent) -> bool:
        row = ParkedEventRow(PARKED, _sort_key(parked), doc=_to_document(parked))
        shipment = tracking_pk(parked.carrier, parked.tracking_number)

        # One transaction: an event is stored either before its shipment exists, and the shipment's
        # own event finds it, or not at all.
        def write(transaction: Any) -> None:
            unknown = TrackingNumberRow.pk.does_not_exist()
            transaction.condition_check(TrackingNumberRow, shipment, "SHIPMENT", unknown)
            transaction.save(row)

        try:
            DynamoUnitOfWork().commit(write)
        except ConditionFailed:
            return False
        return True

    def list_of(self, carrier: str, tracking_number: str) -> Sequence[ParkedEvent]:
        prefix = f"{carrier.casefold()}#{tracking_number}#"
        rows = ParkedEventRow.query(
            PARKED, ParkedEventRow.sk.startswith(prefix), consistent_read=True
        )
        return [_from_document(row.doc) for row in rows]

    def remove(self, parked: ParkedEvent) -> None:
        ParkedEventRow(PARKED, _sort_key(parked)).delete()

    def list_all(self, *, cursor: str | None, limit: int) -> Page[ParkedEvent]:
        after = _after(cursor)
        later = None if after is None else ParkedEventRow.sk > after
        rows = list(ParkedEventRow.query(PARKED, later, limit=limit + 1))
        next_cursor = to_cursor({"after": rows[limit - 1].sk}) if len(rows) > limit else None
        return Page(tuple(_from_document(row.doc) for row in rows[:limit]), next_cursor)


def _sort_key(parked: ParkedEvent) -> str:
    # Carrier and number contain no "#", so the key of one number is no prefix of another one.
    return f"{parked.carrier.casefold()}#{parked.tracking_number}#{parked.event.id}"


def _after(cursor: str | None) -> str | None:
    key = from_cursor(cursor)
    if key is None:
        return None
    after = key.get("after")
    if not (isinstance(after, str) and 0 < len(after) <= 300):
        raise InvalidRequest(
            "The cursor is invalid. Use the cursor of the previous page unchanged.",
            code="cursor_invalid",
            path="cursor",
        )
    return after


def _to_document(parked: ParkedEvent) -> dict[str, Any]:
    event = parked.event
    return {
        "carrier": parked.carrier,
        "number": parked.tracking_number,
        "received_at": parked.received_at.isoformat(),
        "id": event.id,
        "at": event.at.isoformat(),
        "status": event.status.value,
        "text": event.text,
    }


def _from_document(doc: Any) -> ParkedEvent:
    event = TrackingEvent(
        doc["id"], datetime.fromisoformat(doc["at"]), ShipmentStatus(doc["status"]), doc["text"]
    )
    received_at = datetime.fromisoformat(doc["received_at"])
    return ParkedEvent(doc["carrier"], doc["number"], event, received_at)
