"""Every worked example of docs/rules/stock.md runs as a test."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.inventory import actions
from shop.inventory.actions import AuditInfo
from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderKind,
    BackorderTerms,
    Demand,
    Reservation,
    ReservationState,
    StockLevel,
    out_of_stock_error,
    reconcile,
)
from shop.inventory.model.allocation import (
    AllocationPolicy,
    GeoPoint,
    Location,
    LocationPreference,
    allocate,
)
from shop.inventory.model.kits import Kit, expand_kits, kit_availability
from shop.kernel.errors import ShopError
from shop.kernel.unit_of_work import ConditionFailed
from tests.doubles.inventory import MemoryLowStockAlerts, MemoryStockRepository, MemoryUnitOfWork
from tests.unit.inventory.stock_fixture import StockFixture

RULES = Path(__file__).parents[3] / "docs" / "rules" / "stock.md"
EXAMPLES: list[dict[str, Any]] = [
    yaml.load(text, Loader=yaml.CSafeLoader)
    for text in re.findall(r"```yaml example\n(.*?)```", RULES.read_text("utf-8"), re.DOTALL)
]


class StoryRunner:
    """Runs the steps of an example on stock in memory; each method is a step."""

    def __init__(self) -> None:
        self.fixture = StockFixture(MemoryStockRepository(), MemoryUnitOfWork())
        self.stock = self.fixture.stock
        self.alerts = MemoryLowStockAlerts(self.stock)
        self.reservations: dict[str, tuple[Reservation, ...]] = {}
        self.states: dict[str, ReservationState] = {}
        self.read_versions: dict[str, int] = {}
        self.minutes = 0
        self.shortages: dict[str, list[int]] = {}

    def next_audit(self) -> AuditInfo:
        self.minutes += 1
        at = datetime(2026, 11, 27, 8, tzinfo=UTC) + timedelta(minutes=self.minutes)
        return AuditInfo("wanda", at, "example of the rules")

    def version(self, location: str = MAIN_LOCATION, sku: str = "A") -> int:
        version: int = self.stock.level(sku, location).version
        return version

    def enter(
        self, action: Any, *args: Any, sku: str = "A", location: str = MAIN_LOCATION, **options: Any
    ) -> None:
        """Make a stock entry from the current version."""
        action(
            sku,
            *args,
            self.next_audit(),
            stock_writer=self.stock,
            location=location,
            expected_version=self.version(location, sku),
            **options,
        )

    def receive(self, step: Any) -> None:
        for sku, value in (step if isinstance(step, dict) else {"A": step}).items():
            units, location = value if isinstance(value, list) else (value, MAIN_LOCATION)
            self.enter(actions.receive_stock, units, sku=sku, location=location)

    def expect(self, step: Any) -> None:
        units, location = step if isinstance(step, list) else (step, MAIN_LOCATION)
        self.enter(actions.expect_inbound, units, location=location)

    def set_aside(self, step: list[Any]) -> None:
        self.enter(actions.set_aside, *step)

    def release(self, step: list[Any]) -> None:
        units, unavailable_reason = step
        self.enter(actions.set_aside, -units, unavailable_reason)

    def safety(self, units: int) -> None:
        self.enter(actions.set_safety_stock, units)

    def write_off(self, step: Any) -> None:
        units, unavailable_reason = step if isinstance(step, list) else (step, None)
        self.enter(actions.write_off_stock, units, unavailable_reason=unavailable_reason)

    def return_(self, step: Any) -> None:
        units, damage_reason = step if isinstance(step, list) else (step, None)
        self.enter(actions.restock_return, units, damage_reason=damage_reason)

    def adjust(self, units: int) -> None:
        self.enter(actions.adjust_stock, units)

    def read(self, user: str) -> None:
        self.read_versions[user] = self.version()

    def count(self, units: int, user: str = "") -> None:
        actions.set_on_hand(
            "A",
            units,
            self.next_audit(),
            expected_version=self.read_versions.get(user, self.version()),
            stock_writer=self.stock,
        )

    def dispatch(self, step: list[Any]) -> None:
        units, target = step
        actions.dispatch_transfer(
            "A",
            units,
            self.next_audit(),
            source=MAIN_LOCATION,
            target=target,
            expected_version=self.version(),
            stock_writer=self.stock,
        )

    def receive_transfer(self, step: list[Any]) -> None:
        units, target, lost = step
        actions.receive_transfer(
            "A",
            units,
            self.next_audit(),
            target=target,
            expected_version=self.version(target),
            stock_writer=self.stock,
            lost=lost,
        )

    def reserve(self, step: dict[str, Any]) -> None:
        for order, value in step.items():
            lines = value if isinstance(value, dict) else {"A": value}
            result = self.fixture.buy(*(Demand(sku, units) for sku, units in lines.items()))
            if not isinstance(result[0], Reservation):
                self.shortages = {one.sku: [one.requested, one.available] for one in result}
                raise out_of_stock_error(result)
            self.reservations[order], self.states[order] = result, ReservationState.RESERVED

    def pay(self, order: str) -> None:
        self.fixture.commit(self.reservations[order])
        self.states[order] = ReservationState.COMMITTED

    def cancel(self, order: str) -> None:
        self.fixture.release(self.reservations[order], self.states[order])

    def ship(self, order: str) -> None:
        audit = self.next_audit()
        self.fixture.ship(
            self.reservations[order],
            order=order,
            actor=audit.actor,
            at=audit.at,
            state=self.states[order],
        )

    def cover(self, order: str) -> None:
        covered: list[tuple[Reservation, ...]] = []
        reservations, state = self.reservations[order], self.states[order]
        self.fixture.uow.commit(
            lambda transaction: covered.append(
                self.stock.cover_backorder(transaction, reservations, state)
            )
        )
        self.reservations[order] = covered[0]

    def terms(self, limit: int) -> None:
        terms = BackorderTerms(BackorderKind.BACK_ORDER, limit, date(2027, 1, 1))
        self.stock.set_backorder_terms(terms, self.stock.level("A"))

    def release_earmarks(self, _: None) -> None:
        actions.release_backorder_earmarks("A", self.next_audit(), stock_writer=self.stock)

    def set_threshold(self, threshold: int) -> None:
        actions.set_low_stock_threshold(
            "A", threshold, expected_version=self.version(), stock=self.stock, alerts=self.alerts
        )

    def check_threshold(self, expected: list[int]) -> None:
        at = self.next_audit().at
        crossings = actions.check_low_stock(
            [("A", MAIN_LOCATION)], at=at, stock=self.stock, alerts=self.alerts
        )
        assert [crossing.available for crossing in crossings] == expected

    def reshard(self, shard_count: int) -> None:
        self.stock.reshard("A", shard_count)


def test_rules_have_at_least_25_examples_with_distinct_titles() -> None:
    assert len(EXAMPLES) >= 25
    assert len({example["title"] for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_example(example: dict[str, Any]) -> None:
    if "story" in example:
        check_story(example)
    elif "kit" in example:
        check_kit(example)
    else:
        check_allocation(example)


def check_story(example: Mapping[str, Any]) -> None:
    runner = StoryRunner()
    for step in example["story"]:
        run_step(runner, step)
    then = example["then"]
    if not isinstance(next(iter(then.values())), dict):
        then = {"A": then}
    for name, counts in then.items():
        sku, location = ("A", name) if name in (MAIN_LOCATION, "shop") else (name, MAIN_LOCATION)
        level: StockLevel = runner.stock.level(sku, location)
        assert {count: getattr(level, count) for count in counts} == counts
    # The journal balances after every story, whatever its steps.
    sums = reconcile(runner.stock.list_movements("A", limit=500).items)
    assert sums.is_balanced
    in_transit = sum(level.in_transit for level in runner.stock.levels_by_location("A"))
    assert sums.transferred + in_transit == 0
    for name, units in example.get("balance", {}).items():
        assert getattr(sums, name) == units, name


def run_step(runner: StoryRunner, step: Mapping[str, Any]) -> None:
    verb = next(iter(step))
    method = getattr(runner, {"return": "return_"}.get(verb, verb))
    args = [step[verb], *([step["as"]] if "as" in step else [])]
    if "error" not in step:
        method(*args)
        return
    with pytest.raises((ShopError, ConditionFailed)) as raised:
        method(*args)
    assert getattr(raised.value, "code", "condition_failed") == step["error"]
    if "short" in step:
        assert runner.shortages == step["short"]


def check_kit(example: Mapping[str, Any]) -> None:
    kit = Kit("KIT", example["kit"])
    if "kits" in example:
        levels = {sku: StockLevel(sku, on_hand=n) for sku, n in example["levels"].items()}
        assert kit_availability(kit, levels) == example["kits"]
    else:
        demands = [Demand(sku, units) for sku, units in example["order"].items()]
        expanded = expand_kits(demands, {"KIT": kit})
        assert {one.sku: one.quantity for one in expanded} == example["takes"]


def check_allocation(example: Mapping[str, Any]) -> None:
    locations = [
        Location("near", GeoPoint("DE", 52.5, 13.4)),
        Location("far", GeoPoint("DE", 48.1, 11.6)),
    ]
    policy = AllocationPolicy(
        tuple(map(LocationPreference, example["policy"])),
        splits_lines=not example.get("whole", False),
        max_parcels=example.get("most"),
    )
    demands = [Demand(sku, units) for sku, units in example["order"].items()]
    destination = GeoPoint("DE", 52.4, 13.1)
    allocation = allocate(demands, example["stock"], locations, policy, destination)
    assert allocation.parcels == example["parcels"]
    short = {one.sku: [one.requested, one.available] for one in allocation.short}
    assert short == example.get("short", {})
