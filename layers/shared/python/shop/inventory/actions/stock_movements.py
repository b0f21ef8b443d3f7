"""Stock entries of staff: count, receive, set aside, transfer, return and write off goods.

Each use case reads the level, checks the version that the staff user looked at, and writes the
new level together with its journal entry. Entries of differences check the version as well,
because a difference that is applied twice makes the count wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, MovementType, StockLevel, StockMovement
from shop.inventory.ports import SkuDirectory, StockRepository, StockWriter
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, ShopError, VersionConflict
from shop.kernel.frozen import frozen

T = TypeVar("T")

MAX_REASON_LENGTH = 40
"""Characters of a reason under which units are set aside."""


@frozen
class AuditInfo:
    """The actor, time, reason and reference document of a stock entry."""

    actor: str
    at: datetime
    reason: str = ""
    reference: str = ""


def check_level_version(level: StockLevel, expected_version: int) -> None:
    """Raise VersionConflict if the level changed since the staff user read it."""
    if level.version != expected_version:
        raise VersionConflict(
            f"The stock of {level.sku} at {level.location} is at version {level.version}, "
            f"not {expected_version}. Read it again."
        )


def unknown_sku(sku: str) -> NotFound:
    """Build the error for a SKU that no product sells."""
    return NotFound(
        f"No product sells the SKU {sku}. Check its spelling.", code="sku_unknown", path="sku"
    )


def get_level(
    sku: str,
    *,
    stock: StockRepository,
    skus: SkuDirectory | None = None,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Return the level of a SKU; all zeros for one that a product sells and staff never counted.

    Raises NotFound (``sku_unknown``) for a SKU that has no stock and, according to ``skus``, no
    product: a misspelt SKU must not get stock.
    """
    level = stock.level(sku, location)
    if level.version == 0 and skus is not None and skus.product_id_for(sku) is None:
        # A deleted product may have stock at another location, which keeps the SKU known.
        list_levels(sku, stock=stock, skus=skus)
    return level


def list_levels(sku: str, *, stock: StockRepository, skus: SkuDirectory) -> Sequence[StockLevel]:
    """Return the levels of a SKU at all locations that ever had it.

    Raises NotFound (``sku_unknown``) like :func:`get_level`.
    """
    levels = stock.levels_by_location(sku)
    if not levels and skus.product_id_for(sku) is None:
        raise unknown_sku(sku)
    return levels


def set_on_hand(
    sku: str,
    on_hand: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Enter a count of the units on hand; ``expected_version`` is 0 for a new level.

    Raises InvalidRequest for a negative count, VersionConflict if goods moved since the count,
    Conflict (``stock_promised``) if fewer units were counted than are promised.
    """
    if on_hand < 0:
        raise InvalidRequest("The count must be 0 or more.", path="$.on_hand")
    _require_plausible(on_hand, "$.on_hand")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    movement = _movement(sku, MovementType.COUNTED, audit, location)
    return stock_writer.write_movement(replace(movement, on_hand=on_hand - before.on_hand), before)


def adjust_stock(
    sku: str,
    delta: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Correct the units on hand by a difference, with a reason."""
    if delta == 0:
        raise InvalidRequest("The difference must be positive or negative.", path="$.delta")
    _require_reason(audit)
    _require_plausible(delta, "$.delta")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    movement = _movement(sku, MovementType.ADJUSTED, audit, location)
    return stock_writer.write_movement(replace(movement, on_hand=delta), before)


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
    """Receive goods, and earmark the units that back-orders wait for.

    ``announced`` goods were counted as incoming before; more may arrive than were announced.
    """
    before = _read_level(sku, units, stock_writer, location, expected_version)
    movement = replace(
        _movement(sku, MovementType.RECEIVED, audit, location),
        on_hand=units,
        incoming=-min(units, before.incoming) if announced else 0,
        earmarked=min(units, _unearmarked_backorders(before)),
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
    """Announce goods of a supplier, or with negative units cancel an announcement.

    Units in transit are a separate count: a transfer ends by arrival or loss only.
    """
    if units == 0:
        raise InvalidRequest("The units must be positive or negative.", path="$.units")
    _require_plausible(units, "$.units")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    movement = _movement(sku, MovementType.EXPECTED, audit, location)
    return stock_writer.write_movement(replace(movement, incoming=units), before)


def restock_return(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
    damage_reason: str | None = None,
) -> StockLevel:
    """Add goods that a customer returned; with a ``damage_reason`` they are never for sale."""
    before = _read_level(sku, units, stock_writer, location, expected_version)
    movement = replace(
        _movement(sku, MovementType.RETURNED, audit, location),
        on_hand=units,
        unavailable={damage_reason: units} if damage_reason else {},
    )
    return stock_writer.write_movement(movement, before)


def set_aside(
    sku: str,
    units: int,
    unavailable_reason: str,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
) -> StockLevel:
    """Exclude units on hand from sale, or with negative units release them.

    ``unavailable_reason`` names the count; no more units are released from it than it holds.
    """
    if not unavailable_reason.strip() or len(unavailable_reason) > MAX_REASON_LENGTH:
        raise InvalidRequest(
            f"The reason must have 1 to {MAX_REASON_LENGTH} characters.",
            path="$.unavailable_reason",
        )
    before = _read_level(sku, abs(units), stock_writer, location, expected_version)
    movement = _movement(sku, MovementType.SET_ASIDE, audit, location)
    return stock_writer.write_movement(
        replace(movement, unavailable={unavailable_reason: units}), before
    )


def write_off_stock(
    sku: str,
    units: int,
    audit: AuditInfo,
    *,
    expected_version: int,
    stock_writer: StockWriter,
    location: str = MAIN_LOCATION,
    unavailable_reason: str | None = None,
) -> StockLevel:
    """Write off lost or discarded goods: available ones, or ones set aside for a reason."""
    _require_reason(audit)
    before = _read_level(sku, units, stock_writer, location, expected_version)
    movement = replace(
        _movement(sku, MovementType.WRITTEN_OFF, audit, location),
        on_hand=-units,
        unavailable={unavailable_reason: -units} if unavailable_reason else {},
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
    """Set the units that are withheld from sale to absorb counting errors."""
    if not 0 <= safety <= MAX_UNITS:
        raise InvalidRequest(
            f"The safety stock must be between 0 and {MAX_UNITS} units.", path="$.safety"
        )
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    movement = _movement(sku, MovementType.POLICY, audit, location)
    return stock_writer.write_movement(replace(movement, safety=safety - before.safety), before)


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
    """Send goods to another location; one transaction moves them from on hand to in transit.

    ``expected_version`` is that of the source. Returns the levels of source and target.
    """
    if source == target:
        raise InvalidRequest("The target must be another location.", path="$.target")
    before = _read_level(sku, units, stock_writer, source, expected_version)
    target_before = stock_writer.level(sku, target)
    outgoing = _movement(sku, MovementType.TRANSFERRED, audit, source)
    incoming = replace(_movement(sku, MovementType.EXPECTED, audit, target), in_transit=units)
    after = stock_writer.write_movement(
        replace(outgoing, on_hand=-units), before, (incoming, target_before)
    )
    return after, target_before.with_movements(incoming)


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
    """Receive goods of another location; ``lost`` units did not arrive and are written off.

    Raises Conflict (``nothing_in_transit``) for more units than are in transit: goods of a
    supplier are received with :func:`receive_stock`.
    """
    if lost < 0 or units + lost < 1:
        raise InvalidRequest("At least one unit must arrive or be lost.", path="$.units")
    before = _read_level(sku, units + lost, stock_writer, target, expected_version)
    if units + lost > before.in_transit:
        raise Conflict(
            f"{before.in_transit} units of {sku} are in transit to {target}, not {units + lost}. "
            "Receive goods of a supplier as a stock movement.",
            code="nothing_in_transit",
            path="$.units",
        )
    arrival = replace(
        _movement(sku, MovementType.TRANSFERRED, audit, target),
        on_hand=units + lost,
        in_transit=-(units + lost),
        earmarked=min(units, _unearmarked_backorders(before)),
    )
    if not lost:
        return stock_writer.write_movement(arrival, before)
    # Lost units arrive first, so that the transfers of all locations add up to zero.
    loss = replace(_movement(sku, MovementType.WRITTEN_OFF, audit, target), on_hand=-lost)
    return stock_writer.write_movement(arrival, before, (loss, before))


def release_backorder_earmarks(
    sku: str, audit: AuditInfo, *, stock_writer: StockWriter, location: str = MAIN_LOCATION
) -> StockLevel:
    """Make units available again that were earmarked for back-orders cancelled since."""
    before = stock_writer.level(sku, location)
    surplus = max(0, before.earmarked - before.backordered)
    if not surplus:
        return before
    movement = _movement(sku, MovementType.POLICY, audit, location)
    return stock_writer.write_movement(replace(movement, earmarked=-surplus), before)


def record_stock_take(
    counts: Sequence[tuple[str, int, int]],
    audit: AuditInfo,
    *,
    write: Callable[[int, Callable[[StockWriter], StockLevel]], T],
    location: str = MAIN_LOCATION,
) -> Sequence[T | ShopError]:
    """Enter many counts: ``(sku, units, expected version)`` each.

    Returns for every line the result of ``write`` or the error, so that staff repeat only the
    failed lines. ``write`` receives the number of the line and the function that enters its count.
    """
    audit = replace(audit, reason=audit.reason or "stock count")

    def count_entry(sku: str, units: int, version: int) -> Callable[[StockWriter], StockLevel]:
        return lambda stock_writer: set_on_hand(
            sku,
            units,
            audit,
            expected_version=version,
            stock_writer=stock_writer,
            location=location,
        )

    results: list[T | ShopError] = []
    for number, line in enumerate(counts):
        try:
            results.append(write(number, count_entry(*line)))
        except ShopError as error:
            # Each line is a transaction of its own; an error of one leaves the others valid.
            results.append(error)
    return results


def _unearmarked_backorders(level: StockLevel) -> int:
    """Return the back-ordered units that no received unit is earmarked for."""
    return max(0, level.backordered - level.earmarked)


def _read_level(
    sku: str, units: int, stock_writer: StockWriter, location: str, expected_version: int
) -> StockLevel:
    """Check the units of an entry and return the level at the expected version."""
    if units < 1:
        raise InvalidRequest("The units must be 1 or more.", path="$.units")
    _require_plausible(units, "$.units")
    before = stock_writer.level(sku, location)
    check_level_version(before, expected_version)
    return before


def _movement(sku: str, kind: MovementType, audit: AuditInfo, location: str) -> StockMovement:
    """Return a movement without differences; callers add those of their use case."""
    return StockMovement(sku, kind, audit.at, audit.actor, audit.reason, audit.reference, location)


def _require_plausible(units: int, path: str) -> None:
    if abs(units) > MAX_UNITS:
        raise InvalidRequest(f"The units must be at most {MAX_UNITS}.", path=path)


def _require_reason(audit: AuditInfo) -> None:
    if not audit.reason.strip():
        raise InvalidRequest("This entry needs a reason.", path="$.reason")
