"""What was sold, line by line, and where its pieces are put aside."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shop.inventory.model import Reservation
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.errors import Conflict
from shop.kernel.frozen import frozen

MAX_RESERVATIONS_PER_BATCH = 90
"""Holds of one batch: a transaction writes at most 100 rows, and the order's own come along."""


MAX_SHIPPED_PER_BATCH = 48
"""Holds of a batch that leaves: two rows for each, its own and one in the journal."""


@frozen(slots=False)
class OrderLine:
    """One line as it was sold. Amounts are minor units; quantities whole pieces."""

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
    cancelled: int = 0
    returned: int = 0
    """Pieces that left and came back, or were lost."""
    parts: tuple[tuple[str, int], ...] = ()
    """SKUs and units that a piece of a kit takes from stock, as the kit was when it was sold."""
    ships_from: str | None = None
    """The day (ISO 8601) that its buyer was told, where some of it was still to come."""

    @property
    def quantity_to_ship(self) -> int:
        """Pieces that are to leave the house, or have left it."""
        return self.quantity - self.cancelled

    @property
    def active_quantity(self) -> int:
        """Pieces that are sold: neither called off nor come back."""
        return self.quantity_to_ship - self.returned

    def units_by_sku(self, pieces: int) -> dict[str, int]:
        """What so many pieces take from stock: units by SKU."""
        return {sku: units * pieces for sku, units in self.parts or ((self.sku, 1),)}


@frozen(slots=False)
class ReservationBatch:
    """A part of the holds of an order that has more than one transaction can carry.

    While the order is being placed: taken for it. Afterwards: no longer the order's, and on their
    way back to sale or, with ``shipped`` (by whom, when), out of the house. Whoever moves a batch's
    stock removes the batch in the same transaction, so that it is moved once.
    """

    name: str
    reservations: tuple[Reservation, ...]
    shipped: tuple[str, datetime] | None = None


def split_into_batches(
    reservations: Sequence[Reservation], name: str, *, shipped: tuple[str, datetime] | None = None
) -> tuple[ReservationBatch, ...]:
    """Holds in parts that a transaction can carry; ``name`` is theirs among the order's."""
    size = MAX_RESERVATIONS_PER_BATCH if shipped is None else MAX_SHIPPED_PER_BATCH
    parts = [
        tuple(reservations[start : start + size]) for start in range(0, len(reservations), size)
    ]
    return tuple(ReservationBatch(f"{name}.{n:03d}", part, shipped) for n, part in enumerate(parts))


def take_from_reservations(
    reservations: Sequence[Reservation], requested: Mapping[str, int], location: str | None = None
) -> tuple[tuple[Reservation, ...], tuple[Reservation, ...]]:
    """Take units per SKU out of holds (of one location): what was taken from where, and what stays
    held. What is here goes before what is still to come.

    Raises Conflict when more is wanted than is held: nothing is shipped that was not put aside.
    """
    missing = dict(requested)
    takes = [0] * len(reservations)
    for n in sorted(range(len(reservations)), key=lambda n: reservations[n].shard == INBOUND_SHARD):
        if location is None or reservations[n].location == location:
            takes[n] = min(reservations[n].quantity, missing.get(reservations[n].sku, 0))
            if takes[n]:
                missing[reservations[n].sku] -= takes[n]
    short = sorted(sku for sku, units in missing.items() if units)
    if short and location is not None and any(hold.location != location for hold in reservations):
        raise Conflict(
            f"{location} does not hold this much of {', '.join(short)} for this order",
            code="not_held_there",
            path="$.location",
        )
    if short:
        raise Conflict(f"nothing is held any more of {', '.join(short)}", code="order_state")
    both = list(zip(reservations, takes, strict=True))
    return (
        tuple(replace(hold, quantity=take) for hold, take in both if take),
        tuple(
            replace(hold, quantity=hold.quantity - take)
            for hold, take in both
            if hold.quantity > take
        ),
    )
