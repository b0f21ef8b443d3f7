"""How credits and money share the payment of an order, and its refunds."""

from collections.abc import Iterable

from shop.kernel.frozen import frozen


@frozen(slots=False)
class CreditInstrument:
    """A credit that the buyer wants to pay with.

    ``type`` is ``gift_card`` (``token`` is its code), ``store_credit`` or ``loyalty``. ``amount``
    is in minor units; ``None`` is as much as possible.
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
    """Return the units that a credit pays of an amount due; ``None`` where it cannot pay.

    ``due``, ``available`` and ``requested`` are in minor units of money, ``unit_value`` is one
    unit's worth. Two cases cannot pay:

    - A requested amount that exceeds the credit or the amount due, or is no whole unit.
    - A credit without a whole unit, while a whole unit is due: no other payment replaces it
      unasked.
    """
    if requested is not None and (
        requested > available or requested > due or requested % unit_value
    ):
        return None
    if due >= unit_value > available:
        return None
    return min(available if requested is None else requested, due) // unit_value


def excess_credits(paid: Iterable[tuple[str, int]], value: int) -> tuple[tuple[str, int], ...]:
    """Return what credits paid beyond the present value of an order, by account.

    ``paid`` are accounts with minor units, in the order of use. Credits keep paying in that order,
    so that a refund returns money first, and then the credit that was used last.
    """
    excess = []
    for account, amount in paid:
        still_used = min(value, amount)
        value -= still_used
        if amount > still_used:
            excess.append((account, amount - still_used))
    return tuple(excess)
