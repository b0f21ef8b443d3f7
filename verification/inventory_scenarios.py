"""Stories of the stockroom: kits, goods to come, and two locations that share an order."""

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
    ARRIVE,
    BUY,
    CALL_OFF,
    EXPIRE,
    LEAVE,
    RELEASE,
    SEND_BACK,
    SHIP,
    SHIP_ONE,
    SNATCH,
    Action,
    Scenario,
    one_back_at_most,
)

FAR = "far"
"""The second location."""
OPENED_FAR = 9
LIMIT = 3
"""Units of an article that are sold beyond what is here: one is, and two are asked for."""
MINUTES = 3
"""How often the goods that came are shared out before all must have theirs."""


@contextmanager
def a_kit(purchase: Purchase) -> Iterator[None]:
    """The first line is a kit; two of it, and the second line, take all there is of an article."""
    red, blue = purchase.skus
    parts = {red: 1, blue: 2}
    DynamoKitRepository().save(purchase.kit, parts, None, 0)
    first, second = _offer(purchase).lines
    offer = replace(
        _offer(purchase),
        lines=(replace(first, sku=purchase.kit), second),
        kits={purchase.kit: parts},
    )
    _show(purchase, offer)
    yield


@contextmanager
def goods_to_come(purchase: Purchase) -> Iterator[None]:
    """Of the first article one is here, the other is ordered ahead. At the end all who wait must
    have what came, and nothing may be put aside for nobody."""
    sku, now = purchase.skus[0], datetime.now(UTC)
    stock = DynamoStockRepository()
    before = stock.level(sku)
    slip = AuditInfo("proof", now, "sold elsewhere")
    write_off_stock(
        sku, before.on_hand - 1, slip, expected_version=before.version, stock_writer=stock
    )
    day = (now + timedelta(days=30)).date()
    stock.set_backorder_terms(
        BackorderTerms(BackorderKind.BACK_ORDER, LIMIT, day), stock.level(sku)
    )
    _show(purchase, replace(_offer(purchase), ships_from={sku: day.isoformat()}))
    yield
    for _ in range(MINUTES):
        purchase.share_out()
    after = stock.level(sku)
    if waiting := DynamoOrderRepository().list_awaiting_stock():
        purchase.wrong.append(f"{waiting} still wait; {after.available} are for sale")
    if after.earmarked or after.backordered:
        purchase.wrong.append(f"{after.earmarked} put aside, {after.backordered} still awaited")
    TermsRow(TERMS_PARTITION, f"{MAIN_LOCATION}#{sku}").delete()


@contextmanager
def two_locations(purchase: Purchase) -> Iterator[None]:
    """Most of the second article is far away, and the policy wants it taken from there."""
    locations, blue = DynamoLocationRepository(), purchase.skus[1]
    before = locations.get()
    places = [Location(MAIN_LOCATION, GeoPoint("US")), Location(FAR, GeoPoint("US"), priority=2)]
    policy = AllocationPolicy((LocationPreference.HIGHEST_STOCK,))
    after = replace(before, locations={one.name: one for one in places}, policy=policy)
    locations.save(after, before)
    came = StockMovement(
        blue, MovementType.COUNTED, datetime.now(UTC), "proof", "opening", location=FAR
    )
    DynamoStockRepository().write_movement(replace(came, on_hand=OPENED_FAR), StockLevel(blue, FAR))
    yield
    LocationsRow(*LOCATIONS_KEY).delete()
    locations_cache().clear()


def _offer(purchase: Purchase) -> Offer:
    return (
        DynamoCheckoutSessionRepository().get("guest", purchase.session_id, datetime.now(UTC)).offer
    )


def _show(purchase: Purchase, offer: Offer) -> None:
    """Let the checkout have this offer."""
    sessions = DynamoCheckoutSessionRepository()
    before = sessions.get("guest", purchase.session_id, datetime.now(UTC))
    after = replace(before, offer=offer, version=before.version + 1)
    DynamoUnitOfWork(connection()).commit(sessions.update_op(before, after))


GOODS_COME = Action("goods come", lambda p: p.receive(4))
SHARE_OUT = Action("share out", Purchase.share_out)
BE_LATE = Action("be late", Purchase.be_late)
SHIP_NEAR = Action("ship what is near", lambda p: p.ship(location=MAIN_LOCATION))
SHIP_REST = Action("ship the rest", lambda p: p.ship(number="B"))
ARRIVE_TOO = Action("the second arrives", lambda p: p.parcel("delivered", "B"))
SNATCH_FAR = Action("write off what is far", lambda p: p.snatch(FAR))


class _Is:
    """Whether an order has this status, and this stands in its history."""

    def __init__(self, status: OrderStatus, *what: str) -> None:
        self._status, self._what = status, what

    def __call__(self, order: Order) -> bool:
        past = [moment.event for moment in order.history]
        return order.status is self._status and set(self._what) <= set(past)


def _of_a_kit(order: Order) -> bool:
    return order.status is OrderStatus.COMPLETED and [
        n.returned for n in order.lines if n.parts
    ] == [1]


def _in_two_parcels(order: Order) -> bool:
    return [parcel.location for parcel in order.shipments] == [MAIN_LOCATION, FAR]


KIT = Scenario(
    "a kit delivered, one sent back",
    (BUY, SHIP, ARRIVE, SEND_BACK),
    rivals=(CALL_OFF, SHIP_ONE, SNATCH),
    scene=a_kit,
    becomes=_of_a_kit,
    always=one_back_at_most,
)
KIT_CALLED_OFF = Scenario(
    "a kit called off", (BUY, CALL_OFF), rivals=(SHIP, SHIP_ONE, LEAVE), scene=a_kit
)
KIT_NEVER = Scenario(
    "a kit never paid", (BUY,), "tok_never", rivals=(BUY, LEAVE, EXPIRE, SNATCH), scene=a_kit
)
AHEAD = Scenario(
    "ordered ahead, delivered",
    (BUY, GOODS_COME, SHARE_OUT, SHIP, ARRIVE),
    rivals=(CALL_OFF, SHARE_OUT, RELEASE, SHIP),
    scene=goods_to_come,
    becomes=_Is(OrderStatus.COMPLETED, "arrived"),
)
AHEAD_LATE = Scenario(
    "ordered ahead, waited for again",
    (BUY, BE_LATE, GOODS_COME, SHARE_OUT, SHIP, ARRIVE),
    rivals=(CALL_OFF, SHARE_OUT),
    scene=goods_to_come,
    becomes=_Is(OrderStatus.COMPLETED, "arrived"),
)
AHEAD_CALLED_OFF = Scenario(
    "ordered ahead, called off before the goods came",
    (BUY, CALL_OFF, GOODS_COME, SHARE_OUT),
    rivals=(GOODS_COME, SHARE_OUT),
    scene=goods_to_come,
    becomes=_Is(OrderStatus.CANCELLED, "payment authorised"),
)
AHEAD_COVERED_CALLED_OFF = Scenario(
    "ordered ahead, called off after the goods came",
    (BUY, GOODS_COME, SHARE_OUT, CALL_OFF),
    rivals=(SHARE_OUT, SHIP, LEAVE),
    scene=goods_to_come,
    becomes=_Is(OrderStatus.CANCELLED, "arrived"),
)
AHEAD_NEVER = Scenario(
    "ordered ahead, never paid",
    (BUY, GOODS_COME, SHARE_OUT),
    "tok_never",
    rivals=(LEAVE, EXPIRE, SHARE_OUT),
    scene=goods_to_come,
    becomes=_Is(OrderStatus.CANCELLED, "arrived"),
)
APART = Scenario(
    "two locations, two parcels",
    (BUY, SHIP_NEAR, SHIP_REST, ARRIVE, ARRIVE_TOO),
    rivals=(CALL_OFF, SNATCH_FAR, RELEASE),
    scene=two_locations,
    becomes=_in_two_parcels,
)
APART_CALLED_OFF = Scenario(
    "two locations, called off",
    (BUY, CALL_OFF),
    rivals=(SHIP_NEAR, SNATCH_FAR),
    scene=two_locations,
    becomes=_Is(OrderStatus.CANCELLED, "allocated"),
)

STOCKROOM: tuple[Scenario, ...] = (
    KIT,
    KIT_CALLED_OFF,
    KIT_NEVER,
    AHEAD,
    AHEAD_LATE,
    AHEAD_CALLED_OFF,
    AHEAD_COVERED_CALLED_OFF,
    AHEAD_NEVER,
    APART,
    APART_CALLED_OFF,
    replace(KIT_CALLED_OFF, name="many, a kit among them, called off", in_batches=True),
    replace(AHEAD, name="many, one ordered ahead, delivered", in_batches=True),
)
