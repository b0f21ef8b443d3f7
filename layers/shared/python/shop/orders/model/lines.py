"""Order lines, and the stock reservations of their pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shop.inventory.model import Reservation
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen

MAX_RESERVATIONS_PER_BATCH = 90
"""Reservations in one batch: a transaction writes 100 items at most, the order's own included."""


MAX_SHIPPED_PER_BATCH = 48
"""Reservations in a batch that is shipped: each writes its stock row and one journal entry."""


MAX_RESTOCKED_PER_BATCH = 32
"""SKUs and locations in a batch of returned units: each writes its stock row and one journal entry,
and may check that its SKU is no kit."""


@frozen(slots=False)
class OrderLine:
    """One line as it was sold. Amounts are minor units; quantities are whole pieces."""

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    unit_price: int
    quantity: int
    subtotal: int
    discount: int
    tax: int
    total: int
    image_url: str | None = None
    shipped: int = 0
    delivered: int = 0
    """Pieces that arrived and that the buyer did not send back."""
    cancelled: int = 0
    returned: int = 0
    """Shipped pieces that the buyer sent back, or that never arrived."""
    parts: tuple[tuple[str, int], ...] = ()
    """SKUs and units that one piece of a kit takes from stock, as the kit was when it was sold."""
    ships_from: str | None = None
    """The ship date (ISO 8601) that the buyer was shown, if some pieces were back-ordered."""

    @property
    def quantity_to_ship(self) -> int:
        """Pieces that are shipped or still to ship."""
        return self.quantity - self.cancelled

    @property
    def active_quantity(self) -> int:
        """Pieces that are neither cancelled nor returned."""
        return self.quantity_to_ship - self.returned

    @property
    def fulfilled(self) -> int:
        """Pieces that are shipped and did not come back."""
        return self.shipped - self.returned

    def units_by_sku(self, pieces: int) -> dict[str, int]:
        """Units by SKU that this many pieces take from stock."""
        return {sku: units * pieces for sku, units in self.parts or ((self.sku, 1),)}


def promised_pieces(lines: Sequence[OrderLine]) -> dict[str, int]:
    """Undelivered pieces with a promised arrival, by line id.

    A line that was back-ordered has none: its buyer was shown a ship date.
    """
    waiting = {
        line.id: line.active_quantity - line.delivered for line in lines if line.ships_from is None
    }
    return {line_id: pieces for line_id, pieces in waiting.items() if pieces}


def waiting_pieces(
    lines: Sequence[OrderLine], reservations: Sequence[Reservation]
) -> dict[str, int]:
    """Pieces by line id that wait for inbound units; of lines that share a SKU, the last first."""
    inbound: dict[str, int] = {}
    for reservation in reservations:
        if reservation.shard == INBOUND_SHARD:
            inbound[reservation.sku] = inbound.get(reservation.sku, 0) + reservation.quantity
    waiting = {}
    for line in reversed(lines):
        units_per_piece = line.units_by_sku(1)
        # A kit waits as long as one of its parts is missing, so round each part up.
        pieces = max(-(-inbound.get(sku, 0) // units) for sku, units in units_per_piece.items())
        pieces = min(pieces, line.quantity_to_ship - line.shipped)
        if pieces > 0:
            waiting[line.id] = pieces
            for sku, units in units_per_piece.items():
                inbound[sku] = max(0, inbound.get(sku, 0) - units * pieces)
    return waiting


def pieces_at(
    location: str, lines: Sequence[OrderLine], reservations: Sequence[Reservation]
) -> dict[str, int]:
    """Pieces by line id that can be shipped from a location; a kit needs all of its parts there."""
    on_hand: dict[str, int] = {}
    for reservation in reservations:
        if reservation.location == location and reservation.shard != INBOUND_SHARD:
            on_hand[reservation.sku] = on_hand.get(reservation.sku, 0) + reservation.quantity
    reserved = {}
    for line in lines:
        units_per_piece = line.units_by_sku(1)
        pieces = min(
            line.quantity_to_ship - line.shipped,
            *(on_hand.get(sku, 0) // units for sku, units in units_per_piece.items()),
        )
        if pieces:
            reserved[line.id] = pieces
            for sku, units in units_per_piece.items():
                on_hand[sku] -= units * pieces
    return reserved


@frozen(slots=False)
class ReservationBatch:
    """Some reservations of an order that has more than one transaction can carry.

    While the order is being placed, a batch records reservations that are made for it. Afterwards a
    batch contains reservations that the order no longer has: they are to be released or, with
    ``shipped`` (actor and time), shipped. With ``returned`` (actor, time and reason) it contains
    units that came back and are to be added to stock. The transaction that moves the stock of a
    batch also deletes the batch, so the stock moves once.
    """

    name: str
    reservations: tuple[Reservation, ...]
    shipped: tuple[str, datetime] | None = None
    returned: tuple[str, datetime, str] | None = None


def split_into_batches(
    reservations: Sequence[Reservation],
    prefix: str,
    *,
    shipped: tuple[str, datetime] | None = None,
    returned: tuple[str, datetime, str] | None = None,
) -> tuple[ReservationBatch, ...]:
    """Split reservations into batches that one transaction can carry; ``prefix`` names them."""
    size = MAX_RESERVATIONS_PER_BATCH if shipped is None else MAX_SHIPPED_PER_BATCH
    if returned is not None:
        size = MAX_RESTOCKED_PER_BATCH
    chunks = [
        tuple(reservations[start : start + size]) for start in range(0, len(reservations), size)
    ]
    return tuple(
        ReservationBatch(f"{prefix}.{n:03d}", chunk, shipped, returned)
        for n, chunk in enumerate(chunks)
    )


def take_from_reservations(
    reservations: Sequence[Reservation],
    units_by_sku: Mapping[str, int],
    location: str | None = None,
) -> tuple[tuple[Reservation, ...], tuple[Reservation, ...]]:
    """Split reservations into the units that are taken and the rest.

    ``location`` restricts the taken units to one location. Units on hand are taken before inbound
    ones. Raises Conflict if fewer units are reserved than ``units_by_sku`` asks for, because only
    reserved units are shipped.
    """
    missing = dict(units_by_sku)
    quantities = [0] * len(reservations)
    # Inbound units sort last (False before True): they cannot be shipped yet.
    for n in sorted(range(len(reservations)), key=lambda n: reservations[n].shard == INBOUND_SHARD):
        if location is None or reservations[n].location == location:
            quantities[n] = min(reservations[n].quantity, missing.get(reservations[n].sku, 0))
            if quantities[n]:
                missing[reservations[n].sku] -= quantities[n]
    short = sorted(sku for sku, units in missing.items() if units)
    elsewhere = any(reservation.location != location for reservation in reservations)
    if short and location is not None and elsewhere:
        raise Conflict(
            f"Location {location} has too few units of {', '.join(short)} reserved for this order."
            " Ship fewer pieces or choose another location.",
            code="not_reserved_at_location",
            path="$.location",
        )
    if short:
        raise Conflict(
            f"This order has too few reserved units of {', '.join(short)}. Ship fewer pieces.",
            code="not_reserved",
        )
    pairs = list(zip(reservations, quantities, strict=True))
    return (
        tuple(replace(reservation, quantity=taken) for reservation, taken in pairs if taken),
        tuple(
            replace(reservation, quantity=reservation.quantity - taken)
            for reservation, taken in pairs
            if reservation.quantity > taken
        ),
    )
