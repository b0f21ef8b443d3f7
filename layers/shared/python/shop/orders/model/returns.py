"""Records of an order after the sale: goods that came back, and refunds by amount."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from shop.kernel.frozen import frozen


class Condition(StrEnum):
    """The condition in which pieces came back."""

    AS_NEW = "as_new"
    OPENED = "opened"
    WORN = "worn"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"


UNSALEABLE = frozenset({Condition.DAMAGED, Condition.WRONG_ITEM})
"""Conditions in which pieces are never added to the stock of their SKU."""


@frozen(slots=False)
class TaxShare:
    """The part of a refund at one tax rate: ``amount`` includes ``tax``, both in minor units.

    ``name`` is the tax's name and rate; it is empty for the untaxed part.
    """

    name: str
    amount: int
    tax: int


@frozen(slots=False)
class ReturnedPieces:
    """Pieces of one line that came back, or never arrived.

    ``location`` is the location whose stock takes the pieces back; ``None`` if no stock does.
    """

    pieces: int
    condition: Condition | None = None
    location: str | None = None


@frozen(slots=False)
class OrderReturn:
    """One return, as it was recorded. ``lines`` maps line ids to their pieces.

    - ``sent_back`` tells pieces that the buyer had and sent back from pieces that never arrived.
    - ``taxes`` is the value by which the return reduced the order, by tax rate.
    - ``outside`` is the part of its value that had been refunded at the provider, outside the shop,
      and that a refund by amount had counted before.
    """

    at: datetime
    reason: str
    lines: Mapping[str, ReturnedPieces]
    sent_back: bool = True
    taxes: tuple[TaxShare, ...] = ()
    outside: int = 0

    @property
    def pieces(self) -> dict[str, int]:
        """Pieces by line id."""
        return {line_id: line.pieces for line_id, line in self.lines.items()}


@frozen(slots=False)
class OrderRefund:
    """A refund by amount, which reduces the price of the order and belongs to no piece.

    ``outside`` is the amount that had been refunded at the provider, outside the shop, before this
    refund: the order counts it from then on, so that this refund is paid on top of it. A later
    return or cancellation counts it towards its own value.
    """

    at: datetime
    amount: int
    reason: str
    taxes: tuple[TaxShare, ...] = ()
    outside: int = 0
    outside_taxes: tuple[TaxShare, ...] = ()
