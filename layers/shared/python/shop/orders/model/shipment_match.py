"""Comparison of a repeated shipment request with the shipment that it created before."""

from collections.abc import Mapping

from shop.kernel.errors import Conflict, Problem
from shop.orders.model.order import Order
from shop.orders.model.shipments import Shipment, ShipmentInput


def require_same_shipment(order: Order, known: Shipment, requested: ShipmentInput) -> None:
    """Raise Conflict if a repeated request differs from the shipment that it created before.

    A shipment is a fact and never changes. A request without lines means all pieces that earlier
    shipments did not contain; with a location it matches the shipment as it is, because the
    reservations of that time no longer exist.
    """
    lines = requested.lines
    if lines is None and requested.location is not None:
        lines = known.lines
    if lines is None:
        lines = _pieces_to_ship_before(order, known)
    differences = []
    if dict(lines) != dict(known.lines):
        differences.append(
            ("$.lines", f"contains {_describe(known.lines)}, not {_describe(lines)}")
        )
    if requested.tracking_url != known.tracking_url:
        differences.append(
            ("$.tracking_url", f"has the tracking URL {known.tracking_url or '(none)'}")
        )
    if requested.location is not None and requested.location != known.location:
        differences.append(
            ("$.location", f"was shipped from {known.location or 'several locations'}")
        )
    if differences:
        raise Conflict(
            f"Parcel {known.tracking_number} is shipped with other contents and cannot change."
            " Use another tracking number for another parcel.",
            code="parcel_differs",
            problems=[
                Problem("parcel_differs", f"Parcel {known.tracking_number} {difference}.", path)
                for path, difference in differences
            ],
        )


def _pieces_to_ship_before(order: Order, known: Shipment) -> dict[str, int]:
    """Pieces by line id that were still to ship when this shipment was created."""
    earlier = order.shipments[: order.shipments.index(known)]
    remaining = {
        line.id: line.quantity_to_ship - sum(shipment.lines.get(line.id, 0) for shipment in earlier)
        for line in order.lines
    }
    return {line_id: pieces for line_id, pieces in remaining.items() if pieces}


def _describe(pieces: Mapping[str, int]) -> str:
    return ", ".join(f"{count} of {line_id}" for line_id, count in pieces.items()) or "nothing"
