"""The split of refunded amounts over the tax rates of an order.

No rate refunds more value or tax than was charged at it, and the refund of all that is left of a
rate contains all the tax that is left of it.
"""

from collections.abc import Iterable, Mapping

from shop.kernel.money import Rounding, apportion, ratio
from shop.orders.model.returns import TaxShare

ValuesByTax = Mapping[str, tuple[int, int]]
"""Value with tax, and tax, by the label of the tax; minor units. The label of no tax is empty."""


def values_left(charged: ValuesByTax, refunded: Iterable[TaxShare]) -> dict[str, tuple[int, int]]:
    """Return what is left of each rate after the shares that were refunded."""
    left = dict(charged)
    for share in refunded:
        value, tax = left.get(share.name, (0, 0))
        left[share.name] = max(0, value - share.amount), max(0, tax - share.tax)
    return left


def values_removed(before: ValuesByTax, after: ValuesByTax) -> dict[str, tuple[int, int]]:
    """Return value and tax of the pieces that are in ``before`` and not in ``after``."""
    removed = {}
    for name, (value, tax) in before.items():
        later_value, later_tax = after.get(name, (0, 0))
        removed[name] = value - later_value, tax - later_tax
    return removed


def split_by_tax(
    amount: int, left: ValuesByTax, came_back: ValuesByTax, rounding: Rounding
) -> tuple[TaxShare, ...]:
    """Split a refunded amount over the rates of what is ``left``.

    The goods that ``came_back`` come first, at their own rates. Earlier refunds by amount may have
    used a part of these rates; the rest is then split over what is left, by value.
    """
    own = [min(came_back.get(name, (0, 0))[0], value) for name, (value, _) in left.items()]
    taken = own if sum(own) <= amount else apportion(amount, own)
    unused = [value - part for (value, _), part in zip(left.values(), taken, strict=True)]
    extra = apportion(amount - sum(taken), unused) if left else []
    shares = []
    for (name, (value, tax)), goods, more in zip(left.items(), taken, extra, strict=True):
        if part := goods + more:
            of_goods = came_back.get(name, (0, 0))
            share = _tax_of(goods, more, (value, tax), of_goods, rounding)
            shares.append(TaxShare(name, part, share))
    return tuple(shares)


def _tax_of(
    goods: int, more: int, left: tuple[int, int], of_goods: tuple[int, int], rounding: Rounding
) -> int:
    """Return the tax in a part of what is left of one rate: of goods, and of a further amount."""
    value, tax = left
    part = goods + more
    if part >= value:
        return tax
    if goods and goods == of_goods[0]:
        # Whole goods have the tax that they were sold with, whatever was rounded since.
        exact = min(of_goods[1], tax)
        share = exact + (ratio(more * (tax - exact), value - goods, rounding) if more else 0)
    else:
        share = ratio(part * tax, value, rounding)
    # What stays must be able to contain the tax that stays.
    return max(min(share, tax, part), tax - (value - part))
