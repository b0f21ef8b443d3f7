"""How credits and money share the payment of an order, and its refunds."""

from collections.abc import Iterable

from shop.kernel.frozen import frozen


@frozen(slots=False)
class CreditInstrument:
    """A credit that the buyer wants to pay with.

    ``type`` is ``gift_card`` (``token`` is its code), ``store_credit`` or ``loyalty``. ``amount``
    is in minor units; ``None`` means as much as possible.
    """

    type: str
    token: str = ""
    amount: int | None = None


@frozen
class CreditAllocation:
    """The part that one credit pays: ``units`` of its account, ``amount`` in minor units."""

    account: str
    units: int
    amount: int


def allocated_units(due: int, available: int, unit_value: int, requested: int | None) -> int | None:
    """Return the units that a credit pays of an amount due, or ``None`` if it cannot pay.

    ``due``, ``available`` and ``requested`` are minor units of money; ``unit_value`` is the value
    of one unit. A credit cannot pay in two cases:

    - The requested amount exceeds the credit or the amount due, or includes a part of a unit.
    - The credit has no whole unit, and a whole unit is due. Only the buyer may replace it by
      another payment.
    """
    if requested is not None and (
        requested > available or requested > due or requested % unit_value
    ):
        return None
    if due >= unit_value > available:
        return None
    return min(available if requested is None else requested, due) // unit_value


def excess_credits(paid: Iterable[tuple[str, int]], value: int) -> tuple[tuple[str, int], ...]:
    """Return the minor units that credits paid beyond the present value of an order, by account.

    ``paid`` are accounts with minor units, in the order of use. The first credits stay used, so a
    refund returns money first, and then the credit that was used last.
    """
    excess = []
    for account, amount in paid:
        still_used = min(value, amount)
        value -= still_used
        if amount > still_used:
            excess.append((account, amount - still_used))
    return tuple(excess)
