"""Invariants of the shop's stored state once all work has finished, whatever happened before.

docs/verification.md lists them with the same numbers. They are checked on the state that
:func:`tests.kit.system_state.read_system_state` reads, and never on values that a test stored.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shop.credits.model.loyalty import POINT_VALUE
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.usage import CREDIT
from shop.orders.model import TERMINATED, Order, OrderStatus
from shop.pricing.store.usage_shards import counter_key
from tests.kit.system_state import SystemState
from tests.kit.system_state import read_system_state as read_system_state

EVENT_OF_STATUS: Mapping[str, str] = {
    OrderStatus.PLACED: "OrderPlaced",
    OrderStatus.CONFIRMED: "OrderConfirmed",
    OrderStatus.CANCELLED: "OrderCancelled",
    OrderStatus.RETURNED: "OrderReturned",
    OrderStatus.COMPLETED: "OrderCompleted",
}
"""The event that an order publishes when it enters a status."""
UNCERTAIN_PAYMENTS = frozenset({"created", "requires_action", "processing"})
"""Payment states in which money is neither certain nor lost."""


@dataclass(frozen=True)
class Violation:
    """A violated invariant: ``rule`` is its number, ``subject`` the id of what violates it."""

    rule: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}: {self.text}"


def violations(state: SystemState) -> list[Violation]:
    """Return every violation, in the order of the invariants."""
    checks = (
        _check_stock,
        _check_reservations,
        _check_payments,
        _check_uniqueness,
        _check_order_states,
        _check_events,
        _check_usage,
        _check_credits,
    )
    found = [violation for check in checks for violation in check(state)]
    return found + [Violation("I10", "", f"cannot be read: {each}") for each in state.unreadable]


def _check_stock(state: SystemState) -> Iterator[Violation]:
    """I1: on hand equals the journal, available adds up, no quantity is negative, transfers have
    arrived or are in transit, and the journal ships and restocks what the orders do."""
    shipped: Counter[str] = Counter()
    restocked: Counter[str] = Counter()
    for order in state.orders:
        for line in order.lines:
            shipped.update(line.units_by_sku(line.shipped))
        for returned in order.returns:
            for units in order.restocked_units(returned):
                restocked[units.sku] += units.quantity
    for sku, row in state.stock.items():
        if row["lowest"] < 0:
            yield Violation("I1", sku, f"below zero: {row}")
        on_hand = row["on_hand"]
        if on_hand != state.journal[sku]:
            yield Violation("I1", sku, f"{on_hand} on hand, {state.journal[sku]} by the journal")
        if state.journal_shipped[sku] != shipped[sku]:
            text = f"{state.journal_shipped[sku]} shipped by the journal, {shipped[sku]} by orders"
            yield Violation("I1", sku, text)
        if state.journal_returned[sku] != restocked[sku]:
            units_back = state.journal_returned[sku]
            text = f"{units_back} returned by the journal, {restocked[sku]} by orders"
            yield Violation("I1", sku, text)
        if state.journal_transferred[sku] + row["in_transit"]:
            text = f"{-state.journal_transferred[sku]} sent off, {row['in_transit']} in transit"
            yield Violation("I1", sku, text)
        free = on_hand - row["reserved"] - row["committed"] - row["safety"] - row["earmarked"]
        if row["available"] != free:
            yield Violation("I1", sku, f"{row['available']} available, but {free} are free")


def _check_reservations(state: SystemState) -> Iterator[Violation]:
    """I2: reserved units equal the reservations of open orders, on hand and inbound."""
    reserved: Counter[str] = Counter()
    inbound: Counter[str] = Counter()
    for order in state.orders:
        for reservation in order.reservations:
            reserved[reservation.sku] += reservation.quantity
            if reservation.shard == INBOUND_SHARD:
                inbound[reservation.sku] += reservation.quantity
    for order_id, sku, quantity in state.unfinished_batches:
        reserved[sku] += quantity
        yield Violation("I2", order_id, f"{quantity} of {sku} in an unfinished batch")
    for sku, row in state.stock.items():
        stored = row["reserved"] + row["committed"] + row["inbound"]
        if stored != reserved[sku]:
            yield Violation("I2", sku, f"{stored} reserved, {reserved[sku]} by orders")
        if row["inbound"] != inbound[sku]:
            yield Violation("I2", sku, f"{row['inbound']} inbound, {inbound[sku]} by orders")


def _check_payments(state: SystemState) -> Iterator[Violation]:
    """I3: order and provider agree on the payment, a cancelled order holds no money, and the
    captured amount is the amount due."""
    for order in state.orders:
        paid = order.payment
        ours = {kind: paid.total_of(kind) for kind in ("authorized", "captured", "refunded")}
        if not ours["refunded"] <= ours["captured"] <= order.amount.minor:
            yield Violation("I3", order.id, f"refunded or captured more than was due: {ours}")
        for charge in state.charges.get(order.id, ()):
            theirs = {kind: getattr(charge, kind) for kind in ours}
            if ours != theirs or paid.status.value != charge.status:
                yield Violation(
                    "I3",
                    order.id,
                    f"the order has {paid.status} {ours}, the provider {charge.status} {theirs}",
                )
            if order.status in TERMINATED and charge.held:
                yield Violation("I3", order.id, f"{order.status}, but {charge.held} is still held")
            if charge.captured and charge.held != order.due:
                yield Violation("I3", order.id, f"{charge.held} is held, {order.due} is due")


def _check_uniqueness(state: SystemState) -> Iterator[Violation]:
    """I4: at most one order per key, one open order per checkout, one charge per order over the
    amount that credits do not pay."""
    placed = Counter(order.checkout_id for order in state.orders)
    open_orders = Counter(
        order.checkout_id for order in state.orders if order.status is not OrderStatus.CANCELLED
    )
    for checkout_id, number in placed.items():
        keys = state.idempotency_keys.get(checkout_id, number)
        if number > keys:
            yield Violation("I4", checkout_id, f"{number} orders for {keys} key(s)")
        if open_orders[checkout_id] > 1:
            yield Violation("I4", checkout_id, f"{open_orders[checkout_id]} open orders")
    known = {order.id: order for order in state.orders}
    for order_id, charges in state.charges.items():
        order = known.get(order_id)
        if order is None:
            yield Violation("I4", order_id, f"{len(charges)} charge(s) without an order")
            continue
        if len(charges) > 1:
            yield Violation("I4", order_id, f"{len(charges)} charges")
        for charge in charges:
            if charge.amount != order.amount.minor:
                text = f"charged {charge.amount} instead of {order.amount.minor}"
                yield Violation("I4", order_id, text)


def _check_order_states(state: SystemState) -> Iterator[Violation]:
    """I5: a confirmed order is paid and reserves its unshipped units; a final order reserves
    nothing; no order stays unpaid."""
    for order in state.orders:
        if order.status in (OrderStatus.PLACING, OrderStatus.PLACED):
            yield Violation("I5", order.id, "unpaid long after its deadline")
        elif order.status is OrderStatus.CONFIRMED:
            if not order.paid:
                yield Violation("I5", order.id, f"confirmed, but the payment is {order.payment}")
            to_ship: Counter[str] = Counter()
            for line in order.lines:
                to_ship.update(line.units_by_sku(line.quantity_to_ship - line.shipped))
            reserved: Counter[str] = Counter()
            for reservation in order.reservations:
                reserved[reservation.sku] += reservation.quantity
            if +to_ship != +reserved:
                text = f"{dict(to_ship)} to ship, {dict(reserved)} reserved"
                yield Violation("I5", order.id, text)
        elif order.reservations:
            yield Violation("I5", order.id, f"{order.status}, but holds {order.reservations}")


def _check_events(state: SystemState) -> Iterator[Violation]:
    """I6: versions are consecutive, and each change of status has exactly one event of its own."""
    for order in state.orders:
        images = state.history.get(order.id)
        if images is None:
            # Without any history, the stream was not read.
            if state.history:
                yield Violation("I6", order.id, "the stream does not contain it")
            continue
        if [image.version for image in images] != list(range(1, len(images) + 1)):
            yield Violation("I6", order.id, f"versions {[image.version for image in images]}")
        if images[-1].version != order.version:
            yield Violation("I6", order.id, "the last change is missing in the stream")
        ids = Counter(id_ for image in images for id_, _ in image.events)
        repeated = [id_ for id_, number in ids.items() if number > 1]
        if repeated:
            yield Violation("I6", order.id, f"published twice: {repeated}")
        before: str | None = None
        for image in images:
            kinds = [kind for _, kind in image.events]
            # A placement that is under way, or abandoned before it was placed, publishes nothing.
            silent = image.status in (before, OrderStatus.PLACING) or (
                (before, image.status) == (OrderStatus.PLACING, OrderStatus.CANCELLED)
            )
            if kinds.count(EVENT_OF_STATUS.get(image.status, "")) != (0 if silent else 1):
                text = f"{before} became {image.status} with events {kinds}"
                yield Violation("I6", order.id, text)
            before = image.status


def _check_usage(state: SystemState) -> Iterator[Violation]:
    """I7: counted usage of a coupon or sale equals the usage of open orders, within its limit."""
    used: Counter[str] = Counter()
    for order in state.orders:
        for usage in order.usage:
            if usage.kind == CREDIT:
                continue
            name = counter_key(usage.kind, usage.name)
            used[name] += usage.units
            if usage.limit is not None and used[name] > usage.limit:
                yield Violation("I7", name, f"{used[name]} of {usage.limit} used")
        if order.status is OrderStatus.CANCELLED and order.usage:
            yield Violation("I7", order.id, f"cancelled, but still uses {order.usage}")
    for name, row in state.usage.items():
        if min(row.values()) < 0:
            yield Violation("I7", name, f"below zero: {row}")
        if row["used"] != used[name]:
            yield Violation("I7", name, f"{row['used']} counted, {used[name]} used by orders")
    for name in set(used) - set(state.usage):
        yield Violation("I7", name, f"{used[name]} used by orders, never counted")


def _check_credits(state: SystemState) -> Iterator[Violation]:
    """I8: a credit account's entries add up to its balance, no grant is overspent, and the
    amounts that orders paid with it equal the amounts that it spent."""
    paid: dict[str, Counter[str]] = {name: Counter() for name in state.credit_accounts}
    for order in state.orders:
        for usage in order.usage:
            if usage.kind == CREDIT:
                name, order_id = usage.name.split("|")
                paid.setdefault(name, Counter())[order_id] += usage.units
        for name, amount in order.excess_credits:
            value = POINT_VALUE[order.currency] if name.startswith("points/") else 1
            paid.setdefault(name, Counter())[order.id] -= amount // value
    for name, orders in paid.items():
        stored = state.credit_accounts.get(name)
        if stored is None:
            yield Violation("I8", name, f"{sum(orders.values())} paid by orders, no such account")
            continue
        account = stored.account
        if account.balance != stored.balance or account.commands != stored.commands:
            text = (
                f"{stored.commands} commands and a balance of {stored.balance}, but the entries "
                f"show {account.commands} and {account.balance}"
            )
            yield Violation("I8", name, text)
        lowest = min([stored.balance, *(lot.remaining for lot in account.lots())])
        if lowest < 0:
            yield Violation("I8", name, f"below zero: {lowest}")
        references = {entry.reference for entry in account.entries if entry.reference}
        for order_id in sorted({*orders, *references}):
            if account.spent_total(order_id) != orders[order_id]:
                text = f"{account.spent_total(order_id)} spent on it, {orders[order_id]} by orders"
                yield Violation("I8", f"{name} {order_id}", text)


def false_statement(order: Order | None, status: str, codes: Iterable[str]) -> str | None:
    """Return the false statement in a response to a buyer, or ``None``. ``completed`` is final."""
    if status == "completed" and (
        order is None or order.payment.status.value in UNCERTAIN_PAYMENTS
    ):
        return f"reported completed, but the payment is {order and order.payment.status}"
    if (
        "payment_failed" in set(codes)
        and order is not None
        and order.status is OrderStatus.CONFIRMED
    ):
        return "reported a failed payment, but the order is confirmed"
    return None
