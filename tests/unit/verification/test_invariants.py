"""Every invariant holds in a consistent state, and is reported when it is violated."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shop.credits.model.accounts import CreditAccount
from shop.inventory.model import Reservation
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderCredit, OrderStatus
from shop.payments.model import Payment, PaymentStatus
from tests.kit.invariants import false_statement, violations
from tests.kit.orders import BLACK_FRIDAY, SKUS, authorized, make_order
from tests.kit.system_state import Charge, Image, StoredAccount, SystemState

RED, BLUE = SKUS
CARD = "card/0123/USD"
CARD_UNITS, PAID_BY_CARD = 1_000, 400
PLACED = (("o.1", "OrderPlaced"),)
CONFIRMED = (("o.2", "OrderConfirmed"),)
SALE = UsageReservation("quota", "spring", 3, 1_000, "spring")
CARD_USAGE = UsageReservation("credit", f"{CARD}|ord_1", PAID_BY_CARD, None, "")


def paid_order() -> Order:
    """An order of two red mugs and a blue one, paid by gift card and money, not yet shipped."""
    order = make_order(
        status=OrderStatus.CONFIRMED,
        version=2,
        usage=(SALE, CARD_USAGE),
        credits=(OrderCredit(CARD, PAID_BY_CARD, "instrument_1"),),
    )
    paid = replace(authorized(order), authorized=order.amount.minor)
    return replace(order, payment=order.payment.with_provider_state(paid, BLACK_FRIDAY))


def level(on_hand: int, reserved: int) -> dict[str, int]:
    quantities = {"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}
    others = ("committed", "safety", "earmarked", "in_transit", "inbound", "lowest")
    return {**dict.fromkeys(others, 0), **quantities}


def charge(order: Order, **changes: Any) -> Charge:
    amount = order.amount.minor
    return replace(Charge(order.id, amount, "authorized", amount, 0, 0), **changes)


def card_account() -> StoredAccount:
    account = CreditAccount(CARD).grant("issue", CARD_UNITS, BLACK_FRIDAY, reference="gift")
    account = account.spend("ord_1:spend", PAID_BY_CARD, BLACK_FRIDAY, reference="ord_1")
    return StoredAccount(account, balance=account.balance, commands=account.commands)


def consistent_state() -> SystemState:
    """Ten of each mug, a gift card, and one order."""
    order = paid_order()
    return SystemState(
        stock={RED: level(10, 2), BLUE: level(10, 1)},
        journal=Counter({RED: 10, BLUE: 10}),
        orders=[order],
        charges={order.id: [charge(order)]},
        history={order.id: [Image("placed", 1, PLACED), Image("confirmed", 2, CONFIRMED)]},
        idempotency_keys={order.checkout_id: 1},
        usage={"QUOTA#spring": {"used": 3}},
        credit_accounts={CARD: card_account()},
    )


def test_consistent_state_has_no_violations() -> None:
    assert violations(consistent_state()) == []


def change_order(state: SystemState, **changes: Any) -> None:
    state.orders[0] = replace(state.orders[0], **changes)


def change_charge(state: SystemState, **changes: Any) -> None:
    state.charges["ord_1"] = [charge(state.orders[0], **changes)]


def change_image(state: SystemState, events: tuple[tuple[str, str], ...]) -> None:
    state.history["ord_1"][1] = Image("confirmed", 2, events)


def change_account(state: SystemState, **changes: Any) -> None:
    state.credit_accounts[CARD] = replace(card_account(), **changes)


def cancel_without_refund(state: SystemState) -> None:
    change_order(state, status=OrderStatus.CANCELLED, reservations=())
    state.stock = {RED: level(10, 0), BLUE: level(10, 0)}
    state.history["ord_1"][1] = Image("cancelled", 2, (("o.2", "OrderCancelled"),))


def add_second_order(state: SystemState) -> None:
    second = replace(state.orders[0], id="ord_2", reservations=(), status=OrderStatus.COMPLETED)
    state.orders.append(second)


def refund_without_capture(state: SystemState) -> None:
    order = state.orders[0]
    refunded = replace(authorized(order), authorized=order.amount.minor, refunded=1)
    change_order(state, payment=order.payment.with_provider_state(refunded, BLACK_FRIDAY))


def spend_without_order(state: SystemState) -> None:
    account = card_account().account.spend("ord_9:spend", 1, BLACK_FRIDAY, reference="ord_9")
    change_account(state, account=account, balance=account.balance, commands=account.commands)


def overspend(state: SystemState) -> None:
    """Two spends of the whole balance: their entries were written without a condition."""
    account = card_account().account
    both = account.spend("a", 600, BLACK_FRIDAY, reference="ord_1").entries[-1:]
    entries = (*account.entries, *both, *both)
    account = replace(account, entries=entries)
    change_account(state, account=account, balance=account.balance, commands=account.commands)


VIOLATIONS: dict[str, tuple[str, Callable[[SystemState], Any]]] = {
    "a negative quantity": ("I1", lambda s: s.stock[RED].update(lowest=-1)),
    "stock that is not in the journal": ("I1", lambda s: s.journal.update({RED: -3})),
    "a shipment without an order": ("I1", lambda s: s.journal_shipped.update({RED: 1})),
    "returned units without a return": ("I1", lambda s: s.journal_returned.update({RED: 1})),
    "units lost between two locations": ("I1", lambda s: s.journal_transferred.update({RED: -2})),
    "available that does not add up": ("I1", lambda s: s.stock[RED].update(available=9)),
    "reserved stock without an order": (
        "I2",
        lambda s: s.stock[RED].update(reserved=3, available=7),
    ),
    "a reservation without reserved stock": (
        "I2",
        lambda s: s.stock[BLUE].update(reserved=0, available=10),
    ),
    "an inbound reservation held as stock on hand": (
        "I2",
        lambda s: s.stock[RED].update(reserved=1, inbound=1, available=9),
    ),
    "an unfinished batch": ("I2", lambda s: s.unfinished_batches.append(("ord_1", "", 0))),
    "a payment that the order does not know": (
        "I3",
        lambda s: change_order(s, payment=Payment("memory")),
    ),
    "a payment state that the order does not know": (
        "I3",
        lambda s: change_charge(s, status="cancelled"),
    ),
    "money held for a cancelled order": ("I3", cancel_without_refund),
    "more refunded than captured": ("I3", refund_without_capture),
    "less captured than due": (
        "I3",
        lambda s: change_charge(s, status="captured", captured=s.orders[0].amount.minor - 1),
    ),
    "two orders for one key": ("I4", add_second_order),
    "a charge without an order": (
        "I4",
        lambda s: s.charges.update({"ord_9": [charge(s.orders[0], order_id="ord_9")]}),
    ),
    "two charges for one order": ("I4", lambda s: s.charges["ord_1"].append(charge(s.orders[0]))),
    "a charge over another amount": ("I4", lambda s: change_charge(s, amount=1)),
    "a charge over what the gift card paid": (
        "I4",
        lambda s: change_charge(s, amount=s.orders[0].total),
    ),
    "an order unpaid forever": ("I5", lambda s: change_order(s, status=OrderStatus.PLACED)),
    "a confirmed order that does not hold its goods": (
        "I5",
        lambda s: change_order(s, reservations=(Reservation(RED, 2),)),
    ),
    "a cancelled order that holds goods": (
        "I5",
        lambda s: change_order(s, status=OrderStatus.CANCELLED),
    ),
    "a confirmed order that is not paid": (
        "I5",
        lambda s: change_order(
            s, payment=replace(s.orders[0].payment, status=PaymentStatus.PROCESSING)
        ),
    ),
    "a write that is not in the stream": ("I6", lambda s: change_order(s, version=3)),
    "a missing version": ("I6", lambda s: s.history["ord_1"].pop(0)),
    "an order that is not in the stream": (
        "I6",
        lambda s: s.history.update(ord_2=s.history.pop("ord_1")),
    ),
    "a change of status without an event": ("I6", lambda s: change_image(s, ())),
    "an event published twice": ("I6", lambda s: change_image(s, CONFIRMED * 2)),
    "the event of another status": ("I6", lambda s: change_image(s, PLACED)),
    "counted usage without an order": (
        "I7",
        lambda s: s.usage.update({"CODE#X": {"used": 1, "remaining": 0}}),
    ),
    "usage that was not counted": ("I7", lambda s: s.usage.clear()),
    "a negative counter": (
        "I7",
        lambda s: s.usage.update({"QUOTA#spring": {"used": 3, "remaining": -1}}),
    ),
    "more usage than the limit": (
        "I7",
        lambda s: change_order(s, usage=(replace(SALE, limit=2), CARD_USAGE)),
    ),
    "usage of a cancelled order": (
        "I7",
        lambda s: change_order(s, status=OrderStatus.CANCELLED, reservations=()),
    ),
    "a balance that differs from the entries": ("I8", lambda s: change_account(s, balance=1)),
    "a lost entry": ("I8", lambda s: change_account(s, commands=3)),
    "a spend without an order": ("I8", spend_without_order),
    "a spend that the account does not know": ("I8", lambda s: change_order(s, usage=(SALE,))),
    "an account that does not exist": ("I8", lambda s: s.credit_accounts.clear()),
    "an overspent account": ("I8", overspend),
    "an order that cannot be read": ("I10", lambda s: s.unreadable.append("ord_7")),
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_violation_is_reported_under_its_invariant(violation: str) -> None:
    state = consistent_state()
    rule, violate = VIOLATIONS[violation]
    violate(state)
    assert rule in {found.rule for found in violations(state)}


def test_overspent_account_is_reported_as_below_zero() -> None:
    state = consistent_state()
    overspend(state)
    assert any("below zero" in found.text for found in violations(state))


def test_false_statements_to_a_buyer_are_found() -> None:
    order = paid_order()
    assert false_statement(order, "completed", ()) is None
    assert false_statement(None, "completed", ()) is not None
    assert false_statement(make_order(), "completed", ()) is not None
    assert false_statement(order, "incomplete", ("payment_failed",)) is not None
    assert false_statement(None, "incomplete", ("out_of_stock",)) is None
