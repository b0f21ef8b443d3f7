"""What staff do with goods: count, receive, set aside, send between locations, write off.

Each verb reads the level, checks that it is the version the person looked at, and writes the new
one together with its line in the journal. A difference is asked for its version as well, since
applied twice it is a wrong count: the retry of one that did go through is refused as Stale.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, MovementType, StockLevel, StockMovement
from shop.inventory.ports import SkuDirectory, StockRepository, StockWriter
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, ShopError, VersionConflict
from shop.kernel.frozen import frozen

T = TypeVar("T")

MAX_REASON_LENGTH = 40
"""Characters of a reason that units are counted under."""


@frozen
class AuditInfo:
    """Who does it, when, why, and the paper behind it (a delivery note, a count, a return)."""

    actor: str
    at: datetime
    reason: str = ""
    reference: str = ""


def check_level_version(level: StockLevel, expected_version: int) -> None:
    """Raise Stale where the level is not the one that somebody looked at."""
    if level.version != expected_version:
        raise VersionConflict(
            f"the stock of {level.sku} at {level.location} is at version {level.version}, "
            f"not {expected_version}"
        )


def _sensible(units: int, path: str) -> None:
    if abs(units) > MAX_UNITS:
        raise InvalidRequest(f"{units} units cannot be right", path=path)


def get_level(
    sku: str,
    *,
    stock: StockRepository,
    skus: SkuDirectory | None = None,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """The level of a SKU; all zeros for one that a product sells and nobody has counted yet.

    Raises :class:`NotFound` for one that has no stock and that, as ``goods`` knows, nobody sells: a
    misspelt SKU must not become a shelf of its own.
    """
    level = stock.level(sku, location)
    if level.version == 0 and skus is not None and skus.product_id_for(sku) is None:
        list_levels(sku, stock=stock, skus=skus)
    return level


def list_levels(sku: str, *, stock: StockRepository, skus: SkuDirectory) -> Sequence[StockLevel]:
    """The levels of a SKU at each location it ever was at; none for one that is only sold yet.

    Raises what :func:`look_at` raises.
    """
    levels = stock.levels_by_location(sku)
    if not levels and skus.product_id_for(sku) is None:
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
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
    reference: str = "",
) -> StockLevel:
    """Somebody counted the shelf: write what is there, if nothing moved since they looked.

    ``expected_version`` is 0 for stock not yet known. Raises :class:`Invalid` for a count below
    zero, :class:`Stale` where goods moved meanwhile, :class:`Conflict` (``stock_promised``) where
    fewer units are there than are promised.
    """
    if on_hand < 0:
        raise InvalidRequest("a count is not below zero", path="$.on_hand")
    _sensible(on_hand, "$.on_hand")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    return stock_writer.write_movement(
        StockMovement(
            sku,
            MovementType.COUNTED,
            at,
            actor,
            reason,
            reference,
            location,
            on_hand=on_hand - before.on_hand,
        ),
        before,
    )


def adjust_stock(
    sku: str,
    delta: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Some units more or fewer are there than the book says, for a reason somebody stands for."""
    if delta == 0:
        raise InvalidRequest("an adjustment by nothing says nothing", path="$.delta")
    _said(audit)
    _sensible(delta, "$.delta")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    return stock_writer.write_movement(
        _movement(sku, MovementType.ADJUSTED, audit, location, on_hand=delta), before
    )


def receive_stock(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
    announced: bool = True,
) -> StockLevel:
    """Goods came. Orders that wait for them come first: so many units are put aside for these.

    ``announced`` goods were incoming and are not any more; more may come than was announced.
    """
    before = _looked_at(sku, units, stock_writer, location, expected_version)
    waiting = max(0, before.backordered - before.earmarked)
    movement = _movement(
        sku,
        MovementType.RECEIVED,
        audit,
        location,
        on_hand=units,
        incoming=-min(units, before.incoming) if announced else 0,
        earmarked=min(units, waiting),
    )
    return stock_writer.write_movement(movement, before)


def expect_inbound(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Goods were ordered from the supplier, or, below zero, will not come after all. What another
    location sent is not called off like that: it arrives, or is lost."""
    if units == 0:
        raise InvalidRequest("no units are no news", path="$.units")
    _sensible(units, "$.units")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    return stock_writer.write_movement(
        _movement(sku, MovementType.EXPECTED, audit, location, incoming=units), before
    )


def restock_return(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
    damaged: str | None = None,
) -> StockLevel:
    """Goods came back from a customer. Damaged ones (``damaged`` says how) are never for sale."""
    before = _looked_at(sku, units, stock_writer, location, expected_version)
    aside = {damaged: units} if damaged else {}
    movement = _movement(
        sku, MovementType.RETURNED, audit, location, on_hand=units, unavailable=aside
    )
    return stock_writer.write_movement(movement, before)


def set_aside(
    sku: str,
    units: int,
    reason: str,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Units are there but not for sale, or, below zero, they are for sale again.

    ``why`` is the reason they are counted under: no more come back from it than were set aside.
    """
    if not reason.strip() or len(reason) > MAX_REASON_LENGTH:
        raise InvalidRequest(
            "units are set aside under a short reason", path="$.unavailable_reason"
        )
    before = _looked_at(sku, abs(units), stock_writer, location, expected_version)
    movement = _movement(sku, MovementType.HELD_BACK, audit, location, unavailable={reason: units})
    return stock_writer.write_movement(movement, before)


def write_off_stock(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
    aside: str | None = None,
) -> StockLevel:
    """Goods are lost or thrown away: from those for sale, or from those set aside for a reason."""
    _said(audit)
    before = _looked_at(sku, units, stock_writer, location, expected_version)
    held = {aside: -units} if aside else {}
    movement = _movement(
        sku, MovementType.WRITTEN_OFF, audit, location, on_hand=-units, unavailable=held
    )
    return stock_writer.write_movement(movement, before)


def set_safety_stock(
    sku: str,
    safety: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Keep so many units back from sale, to absorb miscounts."""
    if not 0 <= safety <= MAX_UNITS:
        raise InvalidRequest("the safety stock is a number of units, from 0", path="$.safety")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    movement = _movement(sku, MovementType.POLICY, audit, location, safety=safety - before.safety)
    return stock_writer.write_movement(movement, before)


def dispatch_transfer(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    source: str,
    target: str,
    expected_version: int,
    stock_writer: StockWriter,
) -> tuple[StockLevel, StockLevel]:
    """Goods leave one location for another: gone here and in transit there, in one transaction.

    ``expected_version`` is that of the source. Returns both levels.
    """
    if source == target:
        raise InvalidRequest("goods are sent to another location", path="$.target")
    before = _looked_at(sku, units, stock_writer, source, expected_version)
    there = stock_writer.level(sku, target)
    coming = _movement(sku, MovementType.EXPECTED, audit, target, in_transit=units)
    left = stock_writer.write_movement(
        _movement(sku, MovementType.TRANSFERRED, audit, source, on_hand=-units),
        before,
        (coming, there),
    )
    return left, there.with_movements(coming)


def receive_transfer(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    target: str,
    expected_version: int,
    stock_writer: StockWriter,
    lost: int = 0,
) -> StockLevel:
    """Goods sent by another location are here; ``lost`` of them never came and are written off.

    Raises :class:`Conflict` (``nothing_in_transit``) for more than is on its way there: what a
    supplier brings is received, and is no transfer.
    """
    if lost < 0 or units + lost < 1:
        raise InvalidRequest("something arrived or was lost", path="$.units")
    before = _looked_at(sku, units + lost, stock_writer, target, expected_version)
    if units + lost > before.in_transit:
        raise Conflict(
            f"{before.in_transit} of {sku} are on their way to {target}, not {units + lost}",
            code="nothing_in_transit",
            path="$.units",
        )
    came = _movement(
        sku,
        MovementType.TRANSFERRED,
        audit,
        target,
        on_hand=units + lost,
        in_transit=-(units + lost),
        earmarked=min(units, max(0, before.backordered - before.earmarked)),
    )
    if not lost:
        return stock_writer.write_movement(came, before)
    gone = _movement(sku, MovementType.WRITTEN_OFF, audit, target, on_hand=-lost)
    return stock_writer.write_movement(came, before, (gone, before))


def release_backorder_earmarks(
    sku: str, audit: AuditInfo, *, stock_writer: StockWriter, location: str = MAIN_LOCATION
) -> StockLevel:
    """Units put aside for back-orders that were called off meanwhile are for sale again."""
    before = stock_writer.level(sku, location)
    spare = before.earmarked - min(before.earmarked, before.backordered)
    if not spare:
        return before
    return stock_writer.write_movement(
        _movement(sku, MovementType.POLICY, audit, location, earmarked=-spare), before
    )


def record_stock_take(
    counted: Sequence[tuple[str, int, int]],
    audit: AuditInfo,
    *,
    write: Callable[[int, Callable[[StockWriter], StockLevel]], T],
    location: str = MAIN_LOCATION,
) -> Sequence[T | ShopError]:
    """Many shelves were counted: ``(sku, units, version looked at)`` each.

    Good lines are kept and the others reported, so that only these are counted again: Stale where
    goods moved meanwhile, Conflict where fewer are there than are promised. ``write`` is given each
    line's number and its entry in the stock book.
    """

    def line(sku: str, units: int, version: int) -> Callable[[StockWriter], StockLevel]:
        return lambda book: set_on_hand(
            sku,
            units,
            expected_version=version,
            reason=audit.reason or "stock count",
            actor=audit.actor,
            at=audit.at,
            reference=audit.reference,
            stock_writer=book,
            location=location,
        )

    done: list[T | ShopError] = []
    for number, one in enumerate(counted):
        try:
            done.append(write(number, line(*one)))
        except ShopError as refusal:
            done.append(refusal)
    return done


def _looked_at(
    sku: str, units: int, stock_writer: StockWriter, location: str, expected_version: int
) -> StockLevel:
    if units < 1:
        raise InvalidRequest("at least one unit moves", path="$.units")
    _sensible(units, "$.units")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    return before


def _movement(
    sku: str,
    kind: MovementType,
    audit: AuditInfo,
    location: str,
    *,
    on_hand: int = 0,
    unavailable: Mapping[str, int] | None = None,
    safety: int = 0,
    incoming: int = 0,
    in_transit: int = 0,
    earmarked: int = 0,
) -> StockMovement:
    return StockMovement(
        sku,
        kind,
        audit.at,
        audit.actor,
        audit.reason,
        audit.reference,
        location,
        on_hand=on_hand,
        unavailable=unavailable or {},
        safety=safety,
        incoming=incoming,
        in_transit=in_transit,
        earmarked=earmarked,
    )


def _said(audit: AuditInfo) -> None:
    if not audit.reason.strip():
        raise InvalidRequest("this needs its reason", path="$.reason")
