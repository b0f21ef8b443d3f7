"""Every worked example of docs/rules/orders.md, run."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.manifest import Step
from functions.workflows.manifest import DAY, FEATURE
from shop.kernel.errors import ShopError
from shop.orders.actions.expiry import expire_overdue_orders, reconcile_payments
from shop.orders.model import (
    MAX_RESERVATIONS_PER_BATCH,
    MAX_SHIPPED_PER_BATCH,
    MAX_TRACKING_EVENTS,
    MAY_BECOME,
    Order,
    OrderStatus,
)
from shop.payments.model import STATUS_RANK, PaymentStatus
from tests.kit.orders import SKUS, WINDOW, make_order
from tests.unit.orders.order_simulation import OrderSimulation

LAW = Path(__file__).parents[3] / "docs" / "rules" / "orders.md"
TEXT = LAW.read_text("utf-8")


class Stories(yaml.SafeLoader):
    """YAML in which nothing is read as a date."""


EXAMPLES: list[dict[str, Any]] = [
    yaml.load(text, Loader=Stories)  # noqa: S506  a safe loader
    for text in re.findall(r"```yaml example\n(.*?)```", TEXT, re.DOTALL)
]


class Story:
    """One order and what happens to it."""

    def __init__(self, pieces: list[int]) -> None:
        self.house = OrderSimulation()
        at = self.house.now
        self.house.place(
            make_order(pieces=(pieces[0], pieces[1]), placed_at=at, pay_by=at + WINDOW)
        )
        self.house.come_to_rest()

    @property
    def order(self) -> Order:
        order: Order = self.house.orders.get_by_id("ord_1")
        return order

    def tell(self, verb: str, said: Any) -> None:
        self.house.later(minutes=said if verb in ("sweep", "reconcile") else 1)
        verbs: dict[str, Callable[[Any], Any]] = {
            "pay": lambda token: self.house.pay(self.order, token),
            "settle": self._settle,
            "settle_unheard": lambda good: self.house.provider.settle("pay_ord_1", good),
            "cancel_payment": self._cancel_payment,
            "ship": lambda told: self.house.ship(self.order, **told),
            "hear": self._hear,
            "cancel": lambda why: self.house.cancel(self.order, why, rest=True),
            "deadline": self._deadline,
            "sweep": lambda _: expire_overdue_orders(
                at=self.house.now, provider=self.house.provider, writes=self.house.writes
            ),
            "reconcile": lambda _: reconcile_payments(
                at=self.house.now, provider=self.house.provider, writes=self.house.writes
            ),
            "down": lambda down: setattr(self.house.provider, "down", down),
            "refused": self._refused,
        }
        verbs[verb](said)
        self.house.come_to_rest()

    def _settle(self, good: bool) -> None:
        self.house.provider.settle("pay_ord_1", good)
        self.house.record(self.order, self.house.provider.get_payment("pay_ord_1")[1])

    def _cancel_payment(self, why: str) -> None:
        self.house.record(self.order, self.house.provider.cancel("pay_ord_1", key=why))

    def _hear(self, raw: dict[str, Any]) -> None:
        if "hour" in raw:
            self.house.now = max(self.house.now, self.order.placed_at + timedelta(hours=10))
        at = self.order.placed_at + timedelta(hours=raw["hour"]) if "hour" in raw else None
        self.house.hear(raw["status"], raw["number"], at=at)

    def _deadline(self, state: str) -> None:
        assert self.house.workflow.waiting("ord_1") == state
        self.house.workflow.deadline("ord_1")

    def _refused(self, raw: dict[str, Any]) -> None:
        ((verb, said),) = raw.items()
        with pytest.raises(ShopError):
            self.tell(verb, said)

    def shows(self, what: str) -> Any:
        order, house = self.order, self.house
        report = house.provider.truth("ord_1")
        facts: dict[str, Callable[[], Any]] = {
            "status": lambda: order.status.value,
            "reason": lambda: order.cancel_reason,
            "due": lambda: order.due,
            "kept": lambda: 0 if report is None else report.captured - report.refunded,
            "settled": lambda: order.settled,
            "reserved": lambda: [house.stock.level(sku).reserved for sku in SKUS],
            "shelf": lambda: [house.stock.level(sku).on_hand for sku in SKUS],
            "waiting": lambda: house.workflow.waiting("ord_1"),
            "path": lambda: house.workflow.runs["ord_1"].path,
            "parcels": lambda: [parcel.status.value for parcel in order.shipments],
            "used": house.used,
            "letters": lambda: len(house.mail.letters),
        }
        return facts[what]()


def test_the_law_has_its_worked_examples() -> None:
    assert len(EXAMPLES) >= 20
    assert len({example["title"] for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_example(example: dict[str, Any]) -> None:
    story = Story(example["pieces"])
    for step in example["story"]:
        ((verb, said),) = step.items()
        story.tell(verb, said)
        story.house.check()
    assert {what: story.shows(what) for what in example["expect"]} == example["expect"]


def test_the_table_of_states_is_the_shops() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| ", TEXT, re.MULTILINE)
    told = {(OrderStatus(a), OrderStatus(b)) for a, b in rows if a in set(OrderStatus)}
    assert told == {(a, b) for a, after in MAY_BECOME.items() for b in after}


def test_ranks_and_limits_are_the_shops() -> None:
    ranked = ", ".join(sorted(STATUS_RANK, key=lambda status: STATUS_RANK[PaymentStatus(status)]))
    assert f"merged by rank: {ranked}." in TEXT
    assert f"From more than {MAX_SHIPPED_PER_BATCH} the stock leaves in" in TEXT
    assert f"in batches of at most {MAX_RESERVATIONS_PER_BATCH}," in TEXT
    assert f"A parcel keeps {MAX_TRACKING_EVENTS} events" in TEXT


def test_the_events_named_are_those_the_shop_tells() -> None:
    source = Path(__file__).parents[3] / "layers/shared/python/shop/orders/model/order.py"
    told = set(re.findall(r'_event\(\s*"(\w+)"', source.read_text("utf-8")))
    named = TEXT.split("7.2 Events:")[1].split(".")[0]
    assert set(re.findall(r"`(\w+)`", named)) == told


def test_deadlines_are_the_manifests() -> None:
    days = {
        line.name: line.deadline // DAY
        for line in FEATURE.functions
        if isinstance(line, Step) and isinstance(line.deadline, int)
    }
    assert days == {"AwaitShipment": 14, "AwaitDelivery": 45}
    assert "after 14 days" in TEXT
    assert "for 45 days" in TEXT
