"""The worked examples of docs/rules/orders.md, executed."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.manifest import Step
from functions.workflows.manifest import DAY, FEATURE
from shop.kernel.contacts import mailbox_of
from shop.kernel.errors import ShopError
from shop.kernel.money import Money
from shop.orders.actions.delays import announce_delays
from shop.orders.actions.expiry import expire_overdue_orders, reconcile_payments
from shop.orders.actions.payments import abandon_unanswered_payment
from shop.orders.model import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_RESTOCKED_PER_BATCH,
    MAX_SHIPPED_PER_BATCH,
    MAX_TRACKING_EVENTS,
    MAY_BECOME,
    Order,
    OrderStatus,
)
from shop.payments.model import STATUS_RANK, PaymentStatus
from tests.kit.orders import SKUS, WINDOW, make_order
from tests.unit.orders.order_simulation import OrderSimulation

RULES = Path(__file__).parents[3] / "docs" / "rules" / "orders.md"
TEXT = RULES.read_text("utf-8")


class PlainLoader(yaml.CSafeLoader):
    """A YAML loader that reads no value as a date."""


EXAMPLES: list[dict[str, Any]] = [
    yaml.load(text, Loader=PlainLoader)  # noqa: S506  a safe loader
    for text in re.findall(r"```yaml example\n(.*?)```", TEXT, re.DOTALL)
]


class ExampleRun:
    """One order, and the steps of an example that happen to it."""

    def __init__(self, pieces: list[int]) -> None:
        self.simulation = OrderSimulation()
        at = self.simulation.now
        self.simulation.place(
            make_order(pieces=(pieces[0], pieces[1]), placed_at=at, pay_by=at + WINDOW)
        )
        self.simulation.deliver_all()

    @property
    def order(self) -> Order:
        order: Order = self.simulation.orders.get_by_id("ord_1")
        return order

    def run(self, step: str, argument: Any) -> None:
        """Run a step, and deliver all events that follow from it."""
        simulation = self.simulation
        simulation.advance(minutes=argument if step in ("sweep", "reconcile") else 1)
        simulation.advance(days=argument if step == "delays" else 0)
        steps: dict[str, Callable[[Any], Any]] = {
            "pay": lambda token: simulation.pay(self.order, token),
            "payment_webhook": self._payment_webhook,
            "payment_without_webhook": lambda approved: simulation.provider.settle(
                "pay_ord_1", approved
            ),
            "cancel_payment": self._cancel_payment,
            "ship": lambda details: simulation.ship(self.order, **details),
            "track": self._track,
            "refund": lambda amount: simulation.refund(self.order, amount),
            "refund_outside": self._refund_outside,
            "return": lambda details: simulation.return_goods(self.order, **details),
            "cancel": lambda reason: simulation.cancel(self.order, reason, allow_partial=True),
            "deadline": self._deadline,
            "sweep": lambda _: expire_overdue_orders(
                at=simulation.now, provider=simulation.provider, writes=simulation.writes
            ),
            "reconcile": lambda _: reconcile_payments(
                at=simulation.now, provider=simulation.provider, writes=simulation.writes
            ),
            "other_card": lambda _: abandon_unanswered_payment(
                simulation.orders.get_by_id(self.order.id),
                at=simulation.now,
                writes=simulation.writes,
                provider=simulation.provider,
            ),
            "delays": lambda _: announce_delays(at=simulation.now, orders=simulation.orders),
            "down": lambda down: setattr(simulation.provider, "down", down),
            "rejected": self._rejected,
        }
        steps[step](argument)
        simulation.deliver_all()

    def _payment_webhook(self, approved: bool) -> None:
        provider = self.simulation.provider
        provider.settle("pay_ord_1", approved)
        self.simulation.record(self.order, provider.get_payment("pay_ord_1")[1])

    def _cancel_payment(self, key: str) -> None:
        state = self.simulation.provider.cancel("pay_ord_1", key=key)
        self.simulation.record(self.order, state)

    def _refund_outside(self, amount: int) -> None:
        provider = self.simulation.provider
        amount_of = Money(amount, self.order.currency)
        state = provider.refund("pay_ord_1", amount_of, key=f"by hand {self.simulation.now}")
        self.simulation.record(self.order, state)

    def _track(self, event: dict[str, Any]) -> None:
        at = None
        if "hour" in event:
            placed_at = self.order.placed_at
            # The clock must be past the event: a time in the future counts as the time of receipt.
            self.simulation.now = max(self.simulation.now, placed_at + timedelta(hours=10))
            at = placed_at + timedelta(hours=event["hour"])
        carrier = event.get("carrier", "ups")
        self.simulation.report(event["status"], event["number"], at=at, carrier=carrier)

    def _deadline(self, state: str) -> None:
        assert self.simulation.workflow.waiting("ord_1") == state
        self.simulation.workflow.deadline("ord_1")

    def _rejected(self, rejected: dict[str, Any]) -> None:
        ((step, argument),) = rejected.items()
        with pytest.raises(ShopError):
            self.run(step, argument)

    def result(self, name: str) -> Any:
        """Return a result by the name that the rules use."""
        order, simulation = self.order, self.simulation
        state = simulation.provider.truth("ord_1")
        results: dict[str, Callable[[], Any]] = {
            "status": lambda: order.status.value,
            "reason": lambda: order.cancel_reason,
            "due": lambda: order.due,
            "net_captured": lambda: 0 if state is None else state.captured - state.refunded,
            "settled": lambda: order.settled,
            "reserved": lambda: [simulation.stock.level(sku).reserved for sku in SKUS],
            "on_hand": lambda: [simulation.stock.level(sku).on_hand for sku in SKUS],
            "waiting": lambda: simulation.workflow.waiting("ord_1"),
            "path": lambda: simulation.workflow.executions["ord_1"].path,
            "parcels": lambda: [shipment.status.value for shipment in order.shipments],
            "usage": simulation.usage_counted,
            "emails": lambda: len(simulation.email_sender.sent),
            "notices": lambda: [
                notice
                for _, email in simulation.email_sender.sent
                if (notice := email.subject.partition(" ")[2])
            ],
        }
        return results[name]()


def test_business_rules_have_worked_examples() -> None:
    assert len(EXAMPLES) >= 20
    assert len({example["title"] for example in EXAMPLES}) == len(EXAMPLES)


def test_example_of_email_addresses() -> None:
    (example,) = (each for each in EXAMPLES if "mailboxes" in each)
    for mailbox, spellings in example["mailboxes"].items():
        assert [mailbox_of(spelling) for spelling in spellings] == [mailbox] * len(spellings)
    assert [text for text in example["invalid"] if mailbox_of(text) is not None] == []


ORDER_EXAMPLES = [example for example in EXAMPLES if "steps" in example]


@pytest.mark.parametrize(
    "example", ORDER_EXAMPLES, ids=[example["title"] for example in ORDER_EXAMPLES]
)
def test_example(example: dict[str, Any]) -> None:
    example_run = ExampleRun(example["pieces"])
    for step in example["steps"]:
        ((name, argument),) = step.items()
        example_run.run(name, argument)
        example_run.simulation.check()
    assert {name: example_run.result(name) for name in example["expect"]} == example["expect"]


def test_documented_transitions_match_the_model() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| ", TEXT, re.MULTILINE)
    documented = {(OrderStatus(a), OrderStatus(b)) for a, b in rows if a in set(OrderStatus)}
    assert documented == {(a, b) for a, after in MAY_BECOME.items() for b in after}


def test_documented_ranks_and_limits_match_the_model() -> None:
    ranked = ", ".join(sorted(STATUS_RANK, key=lambda status: STATUS_RANK[PaymentStatus(status)]))
    assert f"merged by rank: {ranked}." in TEXT
    assert f"With more than {MAX_SHIPPED_PER_BATCH} reservations, the stock leaves in" in TEXT
    assert f"in batches of at most {MAX_RESERVATIONS_PER_BATCH}," in TEXT
    assert f"A return of more than {MAX_RESTOCKED_PER_BATCH} SKUs queues batches" in TEXT
    assert f"A parcel keeps {MAX_TRACKING_EVENTS} events" in TEXT


def test_documented_events_match_the_model() -> None:
    model = Path(__file__).parents[3] / "layers/shared/python/shop/orders/model"
    source = "".join(path.read_text("utf-8") for path in model.glob("*.py"))
    published = set(re.findall(r'_event\(\s*"(\w+)"', source))
    documented = TEXT.split("7.2 Events:")[1].split(".")[0]
    assert set(re.findall(r"`(\w+)`", documented)) == published


def test_documented_deadlines_match_the_manifest() -> None:
    days = {
        step.name: step.deadline // DAY
        for step in FEATURE.functions
        if isinstance(step, Step) and isinstance(step.deadline, int)
    }
    assert days == {"AwaitShipment": 14, "AwaitDelivery": 45}
    assert "after 14 days" in TEXT
    assert "for 45 days" in TEXT
