"""Scenarios of inventory: kits, back-orders, and two locations that share an order."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shop.checkout.model import Offer
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.inventory.actions import AuditInfo, write_off_stock
from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderKind,
    BackorderTerms,
    MovementType,
    StockLevel,
    StockMovement,
)
from shop.inventory.model.allocation import AllocationPolicy, GeoPoint, Location, LocationPreference
from shop.inventory.store import (
    DynamoKitRepository,
    DynamoLocationRepository,
    DynamoStockRepository,
    locations_cache,
)
from shop.inventory.store.locations import LOCATIONS_KEY, LocationsRow
from shop.inventory.store.movements import TERMS_PARTITION, TermsRow
from shop.orders.model import Order, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from verification.purchase_driver import Purchase
from verification.scenario_steps import (
    BUY,
    CANCEL_CHECKOUT,
    CANCEL_ORDER,
    COMPENSATE_SHIPMENT,
    DELIVER,
    EXPIRE,
    RETURN_ONE,
    SHIP,
    SHIP_ONE,
    WRITE_OFF,
    Action,
    Scenario,
    one_returned_at_most,
)

SECOND_LOCATION = "far"
OPENING_STOCK = 9
"""Units of the second article at the second location."""
BACKORDER_LIMIT = 3
"""Units of an article sold beyond the stock: one is in stock, and two are requested."""
BACKORDER_LEAD_TIME = timedelta(days=30)
ALLOCATION_RUNS = 3
"""Scheduled allocations after which every waiting order must have its stock."""


@contextmanager
def kit_in_order(purchase: Purchase) -> Iterator[None]:
    """Sell a kit in the first line. Two kits and the second line use up one article's stock."""
    red, blue = purchase.skus
    parts = {red: 1, blue: 2}
    DynamoKitRepository().save(purchase.kit, parts, None, 0)
    first, second = _offer(purchase).lines
    offer = replace(
        _offer(purchase),
        lines=(replace(first, sku=purchase.kit), second),
        kits={purchase.kit: parts},
    )
    _replace_offer(purchase, offer)
    yield


@contextmanager
def backorder(purchase: Purchase) -> Iterator[None]:
    """Sell two units of the first article, of which one is on back-order.

    After the scenario every waiting order must have its stock, and no unit may stay reserved
    without an order.
    """
    sku, now = purchase.skus[0], datetime.now(UTC)
    stock = DynamoStockRepository()
    before = stock.level(sku)
    audit = AuditInfo("verification", now, "sold elsewhere")
    write_off_stock(
        sku, before.on_hand - 1, audit, expected_version=before.version, stock_writer=stock
    )
    day = (now + BACKORDER_LEAD_TIME).date()
    stock.set_backorder_terms(
        BackorderTerms(BackorderKind.BACK_ORDER, BACKORDER_LIMIT, day), stock.level(sku)
    )
    _replace_offer(purchase, replace(_offer(purchase), ships_from={sku: day.isoformat()}))
    yield
    for _ in range(ALLOCATION_RUNS):
        purchase.allocate_backorders()
    after = stock.level(sku)
    if waiting := DynamoOrderRepository().list_awaiting_stock():
        purchase.problems.append(f"{waiting} still wait; {after.available} are available")
    if after.earmarked or after.backordered:
        purchase.problems.append(
            f"{after.earmarked} still earmarked, {after.backordered} still on back-order"
        )
    TermsRow(TERMS_PARTITION, f"{MAIN_LOCATION}#{sku}").delete()


@contextmanager
def two_locations(purchase: Purchase) -> Iterator[None]:
    """Store most of the second article at a second location, which the policy prefers."""
    locations, blue = DynamoLocationRepository(), purchase.skus[1]
    before = locations.get()
    places = [
        Location(MAIN_LOCATION, GeoPoint("US")),
        Location(SECOND_LOCATION, GeoPoint("US"), priority=2),
    ]
    policy = AllocationPolicy((LocationPreference.HIGHEST_STOCK,))
    after = replace(before, locations={place.name: place for place in places}, policy=policy)
    locations.save(after, before)
    opening = StockMovement(
        blue,
        MovementType.COUNTED,
        datetime.now(UTC),
        "verification",
        "opening",
        location=SECOND_LOCATION,
        on_hand=OPENING_STOCK,
    )
    DynamoStockRepository().write_movement(opening, StockLevel(blue, SECOND_LOCATION))
    yield
    LocationsRow(*LOCATIONS_KEY).delete()
    locations_cache().clear()


def _offer(purchase: Purchase) -> Offer:
    now = datetime.now(UTC)
    return DynamoCheckoutSessionRepository().get("guest", purchase.session_id, now).offer


def _replace_offer(purchase: Purchase, offer: Offer) -> None:
    sessions = DynamoCheckoutSessionRepository()
    before = sessions.get("guest", purchase.session_id, datetime.now(UTC))
    after = replace(before, offer=offer, version=before.version + 1)
    DynamoUnitOfWork(connection()).commit(sessions.update_op(before, after))


RECEIVE_STOCK = Action("receive stock", lambda p: p.receive_stock(4))
ALLOCATE = Action("allocate back-orders", Purchase.allocate_backorders)
TIME_OUT_SHIPMENT = Action("time out the wait for the shipment", Purchase.time_out_shipment)
SHIP_FROM_MAIN = Action("ship from the main location", lambda p: p.ship(location=MAIN_LOCATION))
SHIP_REST = Action("ship the rest", lambda p: p.ship(number="B"))
DELIVER_REST = Action("deliver the rest", lambda p: p.report_shipment("delivered", "B"))
WRITE_OFF_FAR = Action("write off at the second location", lambda p: p.write_off(SECOND_LOCATION))


class _HasStatus:
    """Condition: an order has this status, and its history contains these events."""

    def __init__(self, status: OrderStatus, *events: str) -> None:
        self._status, self._events = status, events

    def __call__(self, order: Order) -> bool:
        history = {entry.event for entry in order.history}
        return order.status is self._status and set(self._events) <= history


def _one_kit_returned(order: Order) -> bool:
    returned = [line.returned for line in order.lines if line.parts]
    return order.status is OrderStatus.COMPLETED and returned == [1]


def _two_shipments(order: Order) -> bool:
    locations = [shipment.location for shipment in order.shipments]
    return locations == [MAIN_LOCATION, SECOND_LOCATION]


KIT_RETURNED = Scenario(
    "kit delivered, one returned",
    (BUY, SHIP, DELIVER, RETURN_ONE),
    rivals=(CANCEL_ORDER, SHIP_ONE, WRITE_OFF),
    setup=kit_in_order,
    expected=_one_kit_returned,
    always=one_returned_at_most,
)
KIT_CANCELLED = Scenario(
    "kit cancelled by staff",
    (BUY, CANCEL_ORDER),
    rivals=(SHIP, SHIP_ONE, CANCEL_CHECKOUT),
    setup=kit_in_order,
)
KIT_NEVER_PAID = Scenario(
    "kit never paid",
    (BUY,),
    "tok_never",
    rivals=(BUY, CANCEL_CHECKOUT, EXPIRE, WRITE_OFF),
    setup=kit_in_order,
)
BACKORDER_DELIVERED = Scenario(
    "back-order delivered",
    (BUY, RECEIVE_STOCK, ALLOCATE, SHIP, DELIVER),
    rivals=(CANCEL_ORDER, ALLOCATE, COMPENSATE_SHIPMENT, SHIP),
    setup=backorder,
    expected=_HasStatus(OrderStatus.COMPLETED, "back-order allocated"),
)
BACKORDER_DELAYED = Scenario(
    "back-order allocated again after a delay",
    (BUY, TIME_OUT_SHIPMENT, RECEIVE_STOCK, ALLOCATE, SHIP, DELIVER),
    rivals=(CANCEL_ORDER, ALLOCATE),
    setup=backorder,
    expected=_HasStatus(OrderStatus.COMPLETED, "back-order allocated"),
)
BACKORDER_CANCELLED_EARLY = Scenario(
    "back-order cancelled before the stock arrives",
    (BUY, CANCEL_ORDER, RECEIVE_STOCK, ALLOCATE),
    rivals=(RECEIVE_STOCK, ALLOCATE),
    setup=backorder,
    expected=_HasStatus(OrderStatus.CANCELLED, "payment authorized"),
)
BACKORDER_CANCELLED_LATE = Scenario(
    "back-order cancelled after the stock arrived",
    (BUY, RECEIVE_STOCK, ALLOCATE, CANCEL_ORDER),
    rivals=(ALLOCATE, SHIP, CANCEL_CHECKOUT),
    setup=backorder,
    expected=_HasStatus(OrderStatus.CANCELLED, "back-order allocated"),
)
BACKORDER_NEVER_PAID = Scenario(
    "back-order never paid",
    (BUY, RECEIVE_STOCK, ALLOCATE),
    "tok_never",
    rivals=(CANCEL_CHECKOUT, EXPIRE, ALLOCATE),
    setup=backorder,
    expected=_HasStatus(OrderStatus.CANCELLED, "back-order allocated"),
)
TWO_SHIPMENTS = Scenario(
    "two locations, two shipments",
    (BUY, SHIP_FROM_MAIN, SHIP_REST, DELIVER, DELIVER_REST),
    rivals=(CANCEL_ORDER, WRITE_OFF_FAR, COMPENSATE_SHIPMENT),
    setup=two_locations,
    expected=_two_shipments,
)
TWO_LOCATIONS_CANCELLED = Scenario(
    "two locations, cancelled by staff",
    (BUY, CANCEL_ORDER),
    rivals=(SHIP_FROM_MAIN, WRITE_OFF_FAR),
    setup=two_locations,
    expected=_HasStatus(OrderStatus.CANCELLED, "allocated"),
)

INVENTORY_SCENARIOS: tuple[Scenario, ...] = (
    KIT_RETURNED,
    KIT_CANCELLED,
    KIT_NEVER_PAID,
    BACKORDER_DELIVERED,
    BACKORDER_DELAYED,
    BACKORDER_CANCELLED_EARLY,
    BACKORDER_CANCELLED_LATE,
    BACKORDER_NEVER_PAID,
    TWO_SHIPMENTS,
    TWO_LOCATIONS_CANCELLED,
    replace(KIT_CANCELLED, name="many articles with a kit, cancelled by staff", in_batches=True),
    replace(
        BACKORDER_DELIVERED, name="many articles with a back-order, delivered", in_batches=True
    ),
)
