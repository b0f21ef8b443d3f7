"""What staff do with goods: count, receive, set aside, send between locations, write off.

Each verb reads the level, checks that it is the version the person looked at, and writes the new
one together with its line in the journal. A difference is asked for its version as well, since
applied twice it is a wrong count: the retry of one that did go through is refused as Stale.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from shop.inventory.model import MAIN, MOST, Kind, Movement, StockLevel
from shop.inventory.ports import Book, Goods, Stock
from shop.kernel.errors import Conflict, Invalid, NotFound, Refusal, Stale
from shop.kernel.frozen import frozen

T = TypeVar("T")

REASON_LENGTH = 40
"""Characters of a reason that units are counted under."""


@frozen
class Slip:
    """Who does it, when, why, and the paper behind it (a delivery note, a count, a return)."""

    actor: str
    at: datetime
    reason: str = ""
    reference: str = ""


def as_expected(level: StockLevel, expected_version: int) -> None:
    """Raise Stale where the level is not the one that somebody looked at."""
    if level.version != expected_version:
        raise Stale(
            f"the stock of {level.sku} at {level.location} is at version {level.version}, "
            f"not {expected_version}"
        )


def _sensible(units: int, path: str) -> None:
    if abs(units) > MOST:
        raise Invalid(f"{units} units cannot be right", path=path)


def look_at(
    sku: str, *, stock: Stock, goods: Goods | None = None, location: str = MAIN
) -> StockLevel:
    """The level of a SKU; all zeros for one that a product sells and nobody has counted yet.

    Raises :class:`NotFound` for one that has no stock and that, as ``goods`` knows, nobody sells: a
    misspelt SKU must not become a shelf of its own.
    """
    level = stock.level(sku, location)
    if level.version == 0 and goods is not None and goods.seller(sku) is None:
        look_everywhere(sku, stock=stock, goods=goods)
    return level


def look_everywhere(sku: str, *, stock: Stock, goods: Goods) -> Sequence[StockLevel]:
    """The levels of a SKU at each location it ever was at; none for one that is only sold yet.

    Raises what :func:`look_at` raises.
    """
    levels = stock.everywhere(sku)
    if not levels and goods.seller(sku) is None:
        raise NotFound(f"no product sells the SKU {sku}", code="sku_unknown", path="sku")
    return levels


def set_on_hand(
    sku: str,
    on_hand: int,
    *,
    expected_version: int,
    reason: str,
    actor: str,
    at: datetime,
    stock: Book,
    location: str = MAIN,
    reference: str = "",
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
    as_expected(before, expected_version)
    return stock.record(
        Movement(
            sku,
            Kind.COUNTED,
            at,
            actor,
            reason,
            reference,
            location,
            on_hand=on_hand - before.on_hand,
        ),
        before,
    )


def adjust(
    sku: str,
    delta: int,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
) -> StockLevel:
    """Some units more or fewer are there than the book says, for a reason somebody stands for."""
    if delta == 0:
        raise Invalid("an adjustment by nothing says nothing", path="$.delta")
    _said(slip)
    _sensible(delta, "$.delta")
    before = stock.level(sku, location)
    as_expected(before, expected_version)
    return stock.record(_movement(sku, Kind.ADJUSTED, slip, location, on_hand=delta), before)


def receive(
    sku: str,
    units: int,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
    announced: bool = True,
) -> StockLevel:
    """Goods came. Orders that wait for them come first: so many units are put aside for these.

    ``announced`` goods were incoming and are not any more; more may come than was announced.
    """
    before = _looked_at(sku, units, stock, location, expected_version)
    waiting = max(0, before.awaited - before.earmarked)
    movement = _movement(
        sku,
        Kind.RECEIVED,
        slip,
        location,
        on_hand=units,
        incoming=-min(units, before.incoming) if announced else 0,
        earmarked=min(units, waiting),
    )
    return stock.record(movement, before)


def expect(
    sku: str,
    units: int,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
) -> StockLevel:
    """Goods were ordered from the supplier, or, below zero, will not come after all. What another
    location sent is not called off like that: it arrives, or is lost."""
    if units == 0:
        raise Invalid("no units are no news", path="$.units")
    _sensible(units, "$.units")
    before = stock.level(sku, location)
    as_expected(before, expected_version)
    return stock.record(_movement(sku, Kind.EXPECTED, slip, location, incoming=units), before)


def take_back(
    sku: str,
    units: int,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
    damaged: str | None = None,
) -> StockLevel:
    """Goods came back from a customer. Damaged ones (``damaged`` says how) are never for sale."""
    before = _looked_at(sku, units, stock, location, expected_version)
    aside = {damaged: units} if damaged else {}
    movement = _movement(sku, Kind.RETURNED, slip, location, on_hand=units, unavailable=aside)
    return stock.record(movement, before)


def hold_back(
    sku: str,
    units: int,
    why: str,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
) -> StockLevel:
    """Units are there but not for sale, or, below zero, they are for sale again.

    ``why`` is the reason they are counted under: no more come back from it than were set aside.
    """
    if not why.strip() or len(why) > REASON_LENGTH:
        raise Invalid("units are set aside under a short reason", path="$.why")
    before = _looked_at(sku, abs(units), stock, location, expected_version)
    movement = _movement(sku, Kind.HELD_BACK, slip, location, unavailable={why: units})
    return stock.record(movement, before)


def write_off(
    sku: str,
    units: int,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
    aside: str | None = None,
) -> StockLevel:
    """Goods are lost or thrown away: from those for sale, or from those set aside for a reason."""
    _said(slip)
    before = _looked_at(sku, units, stock, location, expected_version)
    held = {aside: -units} if aside else {}
    movement = _movement(sku, Kind.WRITTEN_OFF, slip, location, on_hand=-units, unavailable=held)
    return stock.record(movement, before)


def keep_safety(
    sku: str,
    safety: int,
    slip: Slip,
    *,
    expected_version: int,
    stock: Book,
    location: str = MAIN,
) -> StockLevel:
    """Keep so many units back from sale, to absorb miscounts."""
    if not 0 <= safety <= MOST:
        raise Invalid("the safety stock is a number of units, from 0", path="$.safety")
    before = stock.level(sku, location)
    as_expected(before, expected_version)
    movement = _movement(sku, Kind.POLICY, slip, location, safety=safety - before.safety)
    return stock.record(movement, before)


def dispatch(
    sku: str,
    units: int,
    slip: Slip,
    *,
    source: str,
    target: str,
    expected_version: int,
    stock: Book,
) -> tuple[StockLevel, StockLevel]:
    """Goods leave one location for another: gone here and in transit there, in one transaction.

    ``expected_version`` is that of the source. Returns both levels.
    """
    if source == target:
        raise Invalid("goods are sent to another location", path="$.target")
    before = _looked_at(sku, units, stock, source, expected_version)
    there = stock.level(sku, target)
    coming = _movement(sku, Kind.EXPECTED, slip, target, in_transit=units)
    left = stock.record(
        _movement(sku, Kind.TRANSFERRED, slip, source, on_hand=-units), before, (coming, there)
    )
    return left, there.after(coming)


def arrive(
    sku: str,
    units: int,
    slip: Slip,
    *,
    target: str,
    expected_version: int,
    stock: Book,
    lost: int = 0,
) -> StockLevel:
    """Goods sent by another location are here; ``lost`` of them never came and are written off.

    Raises :class:`Conflict` (``nothing_in_transit``) for more than is on its way there: what a
    supplier brings is received, and is no transfer.
    """
    if lost < 0 or units + lost < 1:
        raise Invalid("something arrived or was lost", path="$.units")
    before = _looked_at(sku, units + lost, stock, target, expected_version)
    if units + lost > before.in_transit:
        raise Conflict(
            f"{before.in_transit} of {sku} are on their way to {target}, not {units + lost}",
            code="nothing_in_transit",
            path="$.units",
        )
    came = _movement(
        sku,
        Kind.TRANSFERRED,
        slip,
        target,
        on_hand=units + lost,
        in_transit=-(units + lost),
        earmarked=min(units, max(0, before.awaited - before.earmarked)),
    )
    if not lost:
        return stock.record(came, before)
    gone = _movement(sku, Kind.WRITTEN_OFF, slip, target, on_hand=-lost)
    return stock.record(came, before, (gone, before))


def free_earmarks(sku: str, slip: Slip, *, stock: Book, location: str = MAIN) -> StockLevel:
    """Units put aside for back-orders that were called off meanwhile are for sale again."""
    before = stock.level(sku, location)
    spare = before.earmarked - min(before.earmarked, before.awaited)
    if not spare:
        return before
    return stock.record(_movement(sku, Kind.POLICY, slip, location, earmarked=-spare), before)


def take_stock(
    counted: Sequence[tuple[str, int, int]],
    slip: Slip,
    *,
    write: Callable[[int, Callable[[Book], StockLevel]], T],
    location: str = MAIN,
) -> Sequence[T | Refusal]:
    """Many shelves were counted: ``(sku, units, version looked at)`` each.

    Good lines are kept and the others reported, so that only these are counted again: Stale where
    goods moved meanwhile, Conflict where fewer are there than are promised. ``write`` is given each
    line's number and its entry in the stock book.
    """

    def line(sku: str, units: int, version: int) -> Callable[[Book], StockLevel]:
        return lambda book: set_on_hand(
            sku,
            units,
            expected_version=version,
            reason=slip.reason or "stock count",
            actor=slip.actor,
            at=slip.at,
            reference=slip.reference,
            stock=book,
            location=location,
        )

    done: list[T | Refusal] = []
    for number, one in enumerate(counted):
        try:
            done.append(write(number, line(*one)))
        except Refusal as refusal:
            done.append(refusal)
    return done


def _looked_at(
    sku: str, units: int, stock: Book, location: str, expected_version: int
) -> StockLevel:
    if units < 1:
        raise Invalid("at least one unit moves", path="$.units")
    _sensible(units, "$.units")
    before = stock.level(sku, location)
    as_expected(before, expected_version)
    return before


def _movement(
    sku: str,
    kind: Kind,
    slip: Slip,
    location: str,
    *,
    on_hand: int = 0,
    unavailable: Mapping[str, int] | None = None,
    safety: int = 0,
    incoming: int = 0,
    in_transit: int = 0,
    earmarked: int = 0,
) -> Movement:
    return Movement(
        sku,
        kind,
        slip.at,
        slip.actor,
        slip.reason,
        slip.reference,
        location,
        on_hand=on_hand,
        unavailable=unavailable or {},
        safety=safety,
        incoming=incoming,
        in_transit=in_transit,
        earmarked=earmarked,
    )


def _said(slip: Slip) -> None:
    if not slip.reason.strip():
        raise Invalid("this needs its reason", path="$.reason")
