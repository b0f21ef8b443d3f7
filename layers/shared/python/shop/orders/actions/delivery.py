"""Delivery of shipments: tracking, completion, and compensation of a failed delivery."""

from datetime import datetime

from shop.kernel.errors import Conflict, IdempotencyKeyReused, InvalidRequest, NotFound
from shop.kernel.events import Event
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import (
    FINAL_STATUSES,
    MANUAL_CARRIER,
    Order,
    OrderStatus,
    ParkedEvent,
    Shipment,
    ShipmentStatus,
    TrackingEvent,
    clean_tracking_number,
)
from shop.orders.ports import OrderRepository, ParkedEvents


def record_tracking_event(
    carrier: str,
    tracking_number: str,
    event: TrackingEvent,
    *,
    at: datetime,
    orders: OrderRepository,
) -> Order:
    """Add a carrier's tracking event to a shipment.

    Raises NotFound for an unknown tracking number. Raises InvalidRequest for an implausible time,
    which a retry cannot fix.
    """
    order_id, shipment_id = orders.find_shipment(carrier, tracking_number)

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        after, events = order.with_tracking(shipment_id, event, at, f"carrier {carrier}")
        # A repeated event changes nothing and needs no write.
        return order if after == order else orders.save(order, after, events)

    return retry_on_conflict(attempt)


def report_shipment(
    order_id: str,
    tracking_number: str,
    event: TrackingEvent,
    *,
    at: datetime,
    actor: str,
    is_timed: bool,
    orders: OrderRepository,
) -> Order:
    """Add a staff user's report to a shipment of an order, and return the order.

    ``is_timed`` states whether the staff user sent the time of the event. The same report with a
    known id changes nothing, and another one raises IdempotencyKeyReused. Raises NotFound for an
    unknown order or tracking number. Raises Conflict (``several_parcels``) if two carriers use the
    number in this order. Raises InvalidRequest for an implausible time.
    """

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        shipment = _shipment_by_number(order, tracking_number)
        _require_same_report(shipment, event, is_timed)
        after, events = order.with_tracking(shipment.id, event, at, actor)
        return order if after == order else orders.save(order, after, events)

    return retry_on_conflict(attempt)


def _require_same_report(shipment: Shipment, event: TrackingEvent, is_timed: bool) -> None:
    """Raise IdempotencyKeyReused if the shipment has another report with this id."""
    for known in shipment.tracking:
        if known.id == event.id and (
            (known.status, known.text) != (event.status, event.text)
            or (is_timed and known.at != event.at)
        ):
            raise IdempotencyKeyReused(
                "This Idempotency-Key belongs to a different report. Use a new key for a new"
                " report.",
                path="Idempotency-Key",
            )


def _shipment_by_number(order: Order, tracking_number: str) -> Shipment:
    number = clean_tracking_number(tracking_number)
    found = [each for each in order.shipments if each.tracking_number == number]
    if not found:
        raise NotFound("This order has no such parcel. Send the number of one of its parcels.")
    if len(found) > 1:
        carriers = ", ".join(each.carrier for each in found)
        raise Conflict(
            f"Parcels of {carriers} have this number. Let the carriers report their status.",
            code="several_parcels",
        )
    return found[0]


def record_or_park(
    parked: ParkedEvent, *, orders: OrderRepository, parked_events: ParkedEvents
) -> bool:
    """Record a tracking event, or store it until its shipment is created.

    Return whether it was stored. A carrier may be faster than the staff user who creates the
    shipment, and a tracking number may be wrong. Raises InvalidRequest for an implausible time.
    """
    try:
        _record(parked, parked.received_at, orders)
        return False
    except NotFound:
        if parked_events.park(parked):
            return True
    # The shipment was created after the first attempt.
    _record(parked, parked.received_at, orders)
    return False


def apply_parked_events(
    carrier: str,
    tracking_number: str,
    *,
    at: datetime,
    orders: OrderRepository,
    parked_events: ParkedEvents,
) -> list[ParkedEvent]:
    """Record the events that arrived before their shipment, and return those that are invalid.

    Raises NotFound if the shipment does not exist. A repetition after a crash is harmless: an event
    counts once, and is deleted after it counts.
    """
    invalid = []
    for parked in parked_events.list_of(carrier, tracking_number):
        try:
            _record(parked, at, orders)
        except InvalidRequest:  # an implausible time for this order, which no retry can fix
            invalid.append(parked)
        parked_events.remove(parked)
    return invalid


def _record(parked: ParkedEvent, at: datetime, orders: OrderRepository) -> Order:
    return record_tracking_event(
        parked.carrier, parked.tracking_number, parked.event, at=at, orders=orders
    )


def complete_order(order_id: str, *, at: datetime, orders: OrderRepository) -> Order:
    """Complete a delivered order; a completed order stays as it is. Raises Conflict."""

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        # The workflow may run its last step twice.
        if order.status is OrderStatus.COMPLETED:
            return order
        after, events = order.complete(at, "workflow")
        return orders.save(order, after, events)

    return retry_on_conflict(attempt)


def abandon_delivery(order_id: str, *, late: bool, at: datetime, orders: OrderRepository) -> Order:
    """Count undelivered pieces as returned: their shipments failed, or are ``late``.

    A late parcel without a carrier that reports counts as delivered. The refund follows the event.
    Raises Conflict while shipments are in transit and in time: then the workflow failed for another
    reason than the delivery.
    """

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        # The compensation may run twice, or after the last shipment arrived.
        if order.status is not OrderStatus.CONFIRMED or order.delivered:
            return order
        arrived, events = _unreported_as_delivered(order, at) if late else (order, ())
        if arrived.delivered:
            return orders.save(order, arrived, events)
        if not (late or order.all_delivered_or_lost):
            raise Conflict(
                "Parcels of this order are still in transit."
                " Wait until all have arrived or are lost.",
                code="order_state",
            )
        after, more = arrived.mark_returned("not_delivered", at, "deadline" if late else "carrier")
        return orders.save(order, after, (*events, *more))

    return retry_on_conflict(attempt)


def _unreported_as_delivered(order: Order, at: datetime) -> tuple[Order, tuple[Event, ...]]:
    """Return the order with its late manual parcels delivered, unless staff reported otherwise.

    No carrier reports them, and staff of a small shop report losses rather than arrivals.
    """
    events: tuple[Event, ...] = ()
    for shipment in order.shipments:
        if shipment.carrier == MANUAL_CARRIER and shipment.status not in FINAL_STATUSES:
            assumed = TrackingEvent(f"deadline.{shipment.id}", at, ShipmentStatus.DELIVERED)
            order, new = order.with_tracking(shipment.id, assumed, at, "deadline")
            events += new
    return order, events
