"""What people do with stock, one verb each."""

from datetime import datetime

from shop.inventory.model import MAIN, MOST, Kind, Movement, StockLevel
from shop.inventory.ports import Stock
from shop.kernel.errors import Invalid, Stale


def _as_expected(level: StockLevel, expected_version: int) -> None:
    if level.version != expected_version:
        raise Stale(
            f"the stock of {level.sku} at {level.location} is at version {level.version}, "
            f"not {expected_version}"
        )


def _sensible(units: int, path: str) -> None:
    if abs(units) > MOST:
        raise Invalid(f"{units} units cannot be right", path=path)


def set_on_hand(
    sku: str,
    on_hand: int,
    *,
    expected_version: int,
    reason: str,
    actor: str,
    at: datetime,
    stock: Stock,
    location: str = MAIN,
) -> StockLevel:
    """Somebody counted the shelf: write what is there, if nothing moved since they looked.

    ``expected_version`` is 0 for stock not yet known. Raises :class:`Invalid` for a count below
    zero, :class:`Stale` where goods moved meanwhile, :class:`Conflict` (``stock_promised``) where
    fewer units are there than are promised.
    """
    if on_hand < 0:
        raise Invalid("a count is not below zero", path="$.on_hand")
    _sensible(on_hand, "$.on_hand")
    before = stock.level(sku, location)
    _as_expected(before, expected_version)
    return stock.record(
        Movement(
            sku,
            Kind.COUNTED,
            at,
            actor,
            reason,
            location=location,
            on_hand=on_hand - before.on_hand,
        ),
        before,
    )


def adjust(
    sku: str,
    delta: int,
    *,
    expected_version: int,
    reason: str,
    actor: str,
    at: datetime,
    stock: Stock,
    location: str = MAIN,
) -> StockLevel:
    """Some units more or fewer are there than the book says, for a reason somebody stands for.

    The version is asked for here as well, since a difference applied twice is a wrong count: a
    retry of an adjustment that did go through is refused as :class:`Stale`.
    """
    if delta == 0:
        raise Invalid("an adjustment by nothing says nothing", path="$.delta")
    if not reason.strip():
        raise Invalid("an adjustment needs its reason", path="$.reason")
    _sensible(delta, "$.delta")
    before = stock.level(sku, location)
    _as_expected(before, expected_version)
    movement = Movement(sku, Kind.ADJUSTED, at, actor, reason, location=location, on_hand=delta)
    return stock.record(movement, before)
