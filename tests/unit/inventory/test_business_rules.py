"""Every worked example of docs/rules/stock.md, run."""

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

LAW = Path(__file__).parents[3] / "docs" / "rules" / "stock.md"
EXAMPLES: list[dict[str, Any]] = [
    yaml.safe_load(text)
    for text in re.findall(r"```yaml example\n(.*?)```", LAW.read_text("utf-8"), re.DOTALL)
]


class Story:
    """The steps of an example, told to a stock book in memory."""

    def __init__(self) -> None:
        self.room = StockFixture(MemoryStockRepository(), MemoryUnitOfWork())
        self.stock = self.room.stock
        self.alarms = MemoryLowStockAlerts(self.stock)
        self.holds: dict[str, tuple[Reservation, ...]] = {}
        self.claims: dict[str, ReservationState] = {}
        self.looked: dict[str, int] = {}
        self.minutes = 0
        self.short: dict[str, list[int]] = {}

    def slip(self) -> AuditInfo:
        self.minutes += 1
        at = datetime(2026, 11, 27, 8, tzinfo=UTC) + timedelta(minutes=self.minutes)
        return AuditInfo("wanda", at, "as the law says")

    def version(self, location: str = MAIN_LOCATION, sku: str = "A") -> int:
        version: int = self.stock.level(sku, location).version
        return version

    def keep(
        self, verb: Any, *args: Any, sku: str = "A", location: str = MAIN_LOCATION, **more: Any
    ) -> None:
        at = {"location": location, "expected_version": self.version(location, sku)}
        verb(sku, *args, self.slip(), stock_writer=self.stock, **at, **more)

    def receive(self, raw: Any) -> None:
        for sku, came in (raw if isinstance(raw, dict) else {"A": raw}).items():
            units, where = came if isinstance(came, list) else (came, MAIN_LOCATION)
            self.keep(actions.receive_stock, units, sku=sku, location=where)

    def expect(self, raw: Any) -> None:
        units, where = raw if isinstance(raw, list) else (raw, MAIN_LOCATION)
        self.keep(actions.expect_inbound, units, location=where)

    def aside(self, raw: list[Any]) -> None:
        self.keep(actions.set_aside, *raw)

    def back(self, raw: list[Any]) -> None:
        units, why = raw
        self.keep(actions.set_aside, -units, why)

    def safety(self, units: int) -> None:
        self.keep(actions.set_safety_stock, units)

    def write_off(self, raw: Any) -> None:
        units, aside = raw if isinstance(raw, list) else (raw, None)
        self.keep(actions.write_off_stock, units, aside=aside)

    def return_(self, raw: Any) -> None:
        units, damaged = raw if isinstance(raw, list) else (raw, None)
        self.keep(actions.restock_return, units, damaged=damaged)

    def adjust(self, units: int) -> None:
        self.keep(actions.adjust_stock, units)

    def look(self, who: str) -> None:
        self.looked[who] = self.version()

    def count(self, units: int, who: str = "") -> None:
        slip = self.slip()
        actions.set_on_hand(
            "A",
            units,
            expected_version=self.looked.get(who, self.version()),
            reason=slip.reason,
            actor=slip.actor,
            at=slip.at,
            stock_writer=self.stock,
        )

    def send(self, raw: list[Any]) -> None:
        units, target = raw
        actions.dispatch_transfer(
            "A",
            units,
            self.slip(),
            source=MAIN_LOCATION,
            target=target,
            expected_version=self.version(),
            stock_writer=self.stock,
        )

    def arrive(self, raw: list[Any]) -> None:
        units, target, lost = raw
        actions.receive_transfer(
            "A",
            units,
            self.slip(),
            target=target,
            expected_version=self.version(target),
            stock_writer=self.stock,
            lost=lost,
        )

    def hold(self, raw: dict[str, Any]) -> None:
        for order, wanted in raw.items():
            lines = wanted if isinstance(wanted, dict) else {"A": wanted}
            got = self.room.buy(*(Demand(sku, units) for sku, units in lines.items()))
            if not isinstance(got[0], Reservation):
                self.short = {one.sku: [one.wanted, one.available] for one in got}
                raise out_of_stock_error(got)
            self.holds[order], self.claims[order] = got, ReservationState.RESERVED

    def pay(self, order: str) -> None:
        self.room.commit(self.holds[order])
        self.claims[order] = ReservationState.COMMITTED

    def cancel(self, order: str) -> None:
        self.room.release(self.holds[order], self.claims[order])

    def ship(self, order: str) -> None:
        slip = self.slip()
        self.room.ship(
            self.holds[order],
            order=order,
            actor=slip.actor,
            at=slip.at,
            state=self.claims[order],
        )

    def cover(self, order: str) -> None:
        kept: list[tuple[Reservation, ...]] = []
        self.room.ledger.commit(
            lambda w: kept.append(
                self.stock.cover_backorder(w, self.holds[order], self.claims[order])
            )
        )
        self.holds[order] = kept[0]

    def terms(self, limit: int) -> None:
        terms = BackorderTerms(BackorderKind.BACK_ORDER, limit, date(2027, 1, 1))
        self.stock.set_backorder_terms(terms, self.stock.level("A"))

    def sweep(self, _: None) -> None:
        actions.release_backorder_earmarks("A", self.slip(), stock_writer=self.stock)

    def alarm(self, low_at: int) -> None:
        actions.set_low_stock_threshold(
            "A", low_at, expected_version=self.version(), stock=self.stock, alarms=self.alarms
        )

    def watch(self, expected: list[int]) -> None:
        told = actions.check_low_stock(
            [("A", MAIN_LOCATION)], at=self.slip().at, stock=self.stock, alarms=self.alarms
        )
        assert [one.available for one in told] == expected

    def split(self, bins: int) -> None:
        self.stock.reshard("A", bins)


def test_the_law_has_its_worked_examples() -> None:
    assert len(EXAMPLES) >= 25
    assert len({example["title"] for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_example(example: dict[str, Any]) -> None:
    if "story" in example:
        tell(example)
    elif "kit" in example:
        unpack(example)
    else:
        serve(example)


def tell(example: Mapping[str, Any]) -> None:
    story = Story()
    for step in example["story"]:
        verb = next(iter(step))
        do = getattr(story, {"return": "return_"}.get(verb, verb))
        args = [step[verb], *([step["as"]] if "as" in step else [])]
        if "refused" not in step:
            do(*args)
            continue
        with pytest.raises((ShopError, ConditionFailed)) as refused:
            do(*args)
        assert getattr(refused.value, "code", "clash") == step["refused"]
        if "short" in step:
            assert story.short == step["short"]
    then = example["then"]
    if not isinstance(next(iter(then.values())), dict):
        then = {"A": then}
    for name, counts in then.items():
        sku, location = ("A", name) if name in (MAIN_LOCATION, "shop") else (name, MAIN_LOCATION)
        level: StockLevel = story.stock.level(sku, location)
        assert {
            count: getattr(level, {"awaited": "backordered"}.get(count, count)) for count in counts
        } == counts
    sums = reconcile(story.stock.list_movements("A", limit=500).items)
    assert sums.holds
    on_its_way = sum(level.in_transit for level in story.stock.levels_by_location("A"))
    assert sums.transferred + on_its_way == 0
    for name, units in example.get("balance", {}).items():
        assert getattr(sums, name) == units, name


def unpack(example: Mapping[str, Any]) -> None:
    kit = Kit("KIT", example["kit"])
    if "kits" in example:
        levels = {sku: StockLevel(sku, on_hand=n) for sku, n in example["levels"].items()}
        assert kit_availability(kit, levels) == example["kits"]
    else:
        wanted = [Demand(sku, units) for sku, units in example["order"].items()]
        taken = expand_kits(wanted, {"KIT": kit})
        assert {one.sku: one.quantity for one in taken} == example["takes"]


def serve(example: Mapping[str, Any]) -> None:
    locations = [
        Location("near", GeoPoint("DE", 52.5, 13.4)),
        Location("far", GeoPoint("DE", 48.1, 11.6)),
    ]
    policy = AllocationPolicy(
        tuple(map(LocationPreference, example["policy"])),
        splits_lines=not example.get("whole", False),
        max_parcels=example.get("most"),
    )
    wanted = [Demand(sku, units) for sku, units in example["order"].items()]
    done = allocate(wanted, example["stock"], locations, policy, GeoPoint("DE", 52.4, 13.1))
    assert done.parcels == example["parcels"]
    short = {one.sku: [one.wanted, one.available] for one in done.short}
    assert short == example.get("short", {})
