"""Stock entries of staff: count, receive, set aside, transfer, return and write off goods.

Each use case reads the level and checks the version that the staff user read. Then it writes the
new level together with its journal entry. Entries of differences check the version as well,
because a difference that is applied twice makes the count wrong.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shop.inventory.model import MAIN_LOCATION, MAX_UNITS, MovementType, StockLevel, StockMovement
from shop.inventory.ports import SkuDirectory, StockRepository, StockWriter
from shop.kernel.errors import Conflict, InvalidRequest, NotFound, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.text_folding import is_blank

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
    """Raise VersionConflict unless the level has the version that the staff user read."""
    if level.version != expected_version:
        raise VersionConflict(
            f"The stock of {level.sku} at {level.location} is at version {level.version}, "
            f"not {expected_version}. Read it again and repeat the change."
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
    """Return the level of a SKU; all zeros if a product sells it and staff never counted it.

    Raises NotFound (``sku_unknown``) for a SKU that has neither stock nor, according to ``skus``, a
    product. So a misspelt SKU gets no stock.
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

    Raises VersionConflict if goods moved since the count, and Conflict (``stock_promised``) if
    fewer units were counted than are promised.
    """
    _require_units(on_hand, minimum=0, path="$.on_hand")
    before = _read_level(sku, location, expected_version, stock_writer)
    difference = on_hand - before.on_hand
    movement = _movement(sku, MovementType.COUNTED, audit, location, on_hand=difference)
    return stock_writer.write_movement(movement, before)


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
    _require_difference(delta, "$.delta")
    _require_reason(audit)
    before = _read_level(sku, location, expected_version, stock_writer)
    movement = _movement(sku, MovementType.ADJUSTED, audit, location, on_hand=delta)
    return stock_writer.write_movement(movement, before)


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
    """Receive goods of a supplier, and earmark units for open back-orders.

    ``announced`` goods were counted as incoming before; more may arrive than were announced.
    """
    _require_units(units)
    before = _read_level(sku, location, expected_version, stock_writer)
    movement = _movement(
        sku,
        MovementType.RECEIVED,
        audit,
        location,
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

    Units in transit between locations are a separate count.
    """
    _require_difference(units, "$.units")
    before = _read_level(sku, location, expected_version, stock_writer)
    movement = _movement(sku, MovementType.EXPECTED, audit, location, incoming=units)
    return stock_writer.write_movement(movement, before)


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
    """Add goods that a customer returned; with a ``damage_reason`` they are set aside at once."""
    _require_units(units)
    before = _read_level(sku, location, expected_version, stock_writer)
    unavailable = {damage_reason: units} if damage_reason else {}
    movement = _movement(
        sku, MovementType.RETURNED, audit, location, on_hand=units, unavailable=unavailable
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

    Units are counted by ``unavailable_reason``. A release takes at most the units of its reason.
    """
    if is_blank(unavailable_reason) or len(unavailable_reason) > MAX_REASON_LENGTH:
        raise InvalidRequest(
            f"The reason must have 1 to {MAX_REASON_LENGTH} characters.",
            code="text_invalid",
            path="$.unavailable_reason",
        )
    _require_units(abs(units))
    before = _read_level(sku, location, expected_version, stock_writer)
    unavailable = {unavailable_reason: units}
    movement = _movement(sku, MovementType.SET_ASIDE, audit, location, unavailable=unavailable)
    return stock_writer.write_movement(movement, before)


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
    """Write off lost or discarded goods: available units, or units set aside for a reason."""
    _require_reason(audit)
    _require_units(units)
    before = _read_level(sku, location, expected_version, stock_writer)
    unavailable = {unavailable_reason: -units} if unavailable_reason else {}
    movement = _movement(
        sku, MovementType.WRITTEN_OFF, audit, location, on_hand=-units, unavailable=unavailable
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
    _require_units(safety, minimum=0)
    before = _read_level(sku, location, expected_version, stock_writer)
    difference = safety - before.safety
    movement = _movement(sku, MovementType.POLICY, audit, location, safety=difference)
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
    """Send goods to another location; one transaction moves them from on hand to in transit.

    ``expected_version`` is that of the source. Returns the levels of source and target.
    """
    if source == target:
        raise InvalidRequest(
            "Source and target must be different locations.",
            code="value_contradiction",
            path="$.target",
        )
    _require_units(units)
    before = _read_level(sku, source, expected_version, stock_writer)
    target_before = stock_writer.level(sku, target)
    outgoing = _movement(sku, MovementType.TRANSFERRED, audit, source, on_hand=-units)
    incoming = _movement(sku, MovementType.EXPECTED, audit, target, in_transit=units)
    after = stock_writer.write_movement(outgoing, before, (incoming, target_before))
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
        raise InvalidRequest(
            "At least one unit must arrive or be lost.", code="out_of_range", path="$.units"
        )
    _require_units(units + lost)
    before = _read_level(sku, target, expected_version, stock_writer)
    if units + lost > before.in_transit:
        raise Conflict(
            f"{before.in_transit} units of {sku} are in transit to {target}, not {units + lost}. "
            "Receive goods of a supplier as a stock movement.",
            code="nothing_in_transit",
            path="$.units",
        )
    arrival = _movement(
        sku,
        MovementType.TRANSFERRED,
        audit,
        target,
        on_hand=units + lost,
        in_transit=-(units + lost),
        earmarked=min(units, _unearmarked_backorders(before)),
    )
    if not lost:
        return stock_writer.write_movement(arrival, before)
    # Lost units count as arrived first, so that the transfers of all locations add up to zero.
    loss = _movement(sku, MovementType.WRITTEN_OFF, audit, target, on_hand=-lost)
    return stock_writer.write_movement(arrival, before, (loss, before))


def release_backorder_earmarks(
    sku: str, audit: AuditInfo, *, stock_writer: StockWriter, location: str = MAIN_LOCATION
) -> StockLevel:
    """Make units available again whose back-orders were cancelled after they were earmarked."""
    before = stock_writer.level(sku, location)
    surplus = max(0, before.earmarked - before.backordered)
    if not surplus:
        return before
    movement = _movement(sku, MovementType.POLICY, audit, location, earmarked=-surplus)
    return stock_writer.write_movement(movement, before)


def _unearmarked_backorders(level: StockLevel) -> int:
    """Return the back-ordered units without an earmarked unit."""
    return max(0, level.backordered - level.earmarked)


def _read_level(
    sku: str, location: str, expected_version: int, stock_writer: StockWriter
) -> StockLevel:
    """Return the level at the expected version. Raises VersionConflict."""
    level = stock_writer.level(sku, location)
    check_level_version(level, expected_version)
    return level


def _movement(
    sku: str, kind: MovementType, audit: AuditInfo, location: str, **differences: Any
) -> StockMovement:
    fields = (audit.at, audit.actor, audit.reason, audit.reference, location)
    return StockMovement(sku, kind, *fields, **differences)


def _require_units(units: int, *, minimum: int = 1, path: str = "$.units") -> None:
    if not minimum <= units <= MAX_UNITS:
        raise InvalidRequest(
            f"The units must be from {minimum} to {MAX_UNITS}.", code="out_of_range", path=path
        )


def _require_difference(units: int, path: str) -> None:
    if not 1 <= abs(units) <= MAX_UNITS:
        raise InvalidRequest(
            f"The difference must be from 1 to {MAX_UNITS}, or from -1 to -{MAX_UNITS}.",
            code="out_of_range",
            path=path,
        )


def _require_reason(audit: AuditInfo) -> None:
    if is_blank(audit.reason):
        raise InvalidRequest("This entry needs a reason.", code="missing", path="$.reason")
