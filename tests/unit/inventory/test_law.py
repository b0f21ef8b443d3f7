"""Every worked example of docs/rules/stock.md, run."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.inventory import actions
from shop.inventory.actions import Slip
from shop.inventory.model import (
    MAIN,
    Beyond,
    Claim,
    Demand,
    Hold,
    StockLevel,
    Terms,
    balance,
    out_of_stock,
)
from shop.inventory.model.allocation import Location, Place, Policy, Preference, allocate
from shop.inventory.model.kits import Kit, available_kits, unpacked
from shop.kernel.errors import Refusal
from shop.kernel.transactions import Clash
from tests.doubles.inventory import MemoryAlarms, MemoryLedger, MemoryStock
from tests.unit.inventory.room import Room

LAW = Path(__file__).parents[3] / "docs" / "rules" / "stock.md"
EXAMPLES: list[dict[str, Any]] = [
    yaml.safe_load(text)
    for text in re.findall(r"```yaml example\n(.*?)```", LAW.read_text("utf-8"), re.DOTALL)
]


class Story:
    """The steps of an example, told to a stock book in memory."""

    def __init__(self) -> None:
        self.room = Room(MemoryStock(), MemoryLedger())
        self.stock = self.room.stock
        self.alarms = MemoryAlarms(self.stock)
        self.holds: dict[str, tuple[Hold, ...]] = {}
        self.claims: dict[str, Claim] = {}
        self.looked: dict[str, int] = {}
        self.minutes = 0
        self.short: dict[str, list[int]] = {}

    def slip(self) -> Slip:
        self.minutes += 1
        at = datetime(2026, 11, 27, 8, tzinfo=UTC) + timedelta(minutes=self.minutes)
        return Slip("wanda", at, "as the law says")

    def version(self, location: str = MAIN, sku: str = "A") -> int:
        version: int = self.stock.level(sku, location).version
        return version

    def keep(
        self, verb: Any, *args: Any, sku: str = "A", location: str = MAIN, **more: Any
    ) -> None:
        at = {"location": location, "expected_version": self.version(location, sku)}
        verb(sku, *args, self.slip(), stock=self.stock, **at, **more)

    def receive(self, told: Any) -> None:
        for sku, came in (told if isinstance(told, dict) else {"A": told}).items():
            units, where = came if isinstance(came, list) else (came, MAIN)
            self.keep(actions.receive, units, sku=sku, location=where)

    def expect(self, told: Any) -> None:
        units, where = told if isinstance(told, list) else (told, MAIN)
        self.keep(actions.expect, units, location=where)

    def aside(self, told: list[Any]) -> None:
        self.keep(actions.hold_back, *told)

    def back(self, told: list[Any]) -> None:
        units, why = told
        self.keep(actions.hold_back, -units, why)

    def safety(self, units: int) -> None:
        self.keep(actions.keep_safety, units)

    def write_off(self, told: Any) -> None:
        units, aside = told if isinstance(told, list) else (told, None)
        self.keep(actions.write_off, units, aside=aside)

    def return_(self, told: Any) -> None:
        units, damaged = told if isinstance(told, list) else (told, None)
        self.keep(actions.take_back, units, damaged=damaged)

    def adjust(self, units: int) -> None:
        self.keep(actions.adjust, units)

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
            stock=self.stock,
        )

    def send(self, told: list[Any]) -> None:
        units, target = told
        actions.dispatch(
            "A",
            units,
            self.slip(),
            source=MAIN,
            target=target,
            expected_version=self.version(),
            stock=self.stock,
        )

    def arrive(self, told: list[Any]) -> None:
        units, target, lost = told
        actions.arrive(
            "A",
            units,
            self.slip(),
            target=target,
            expected_version=self.version(target),
            stock=self.stock,
            lost=lost,
        )

    def hold(self, told: dict[str, Any]) -> None:
        for order, wanted in told.items():
            lines = wanted if isinstance(wanted, dict) else {"A": wanted}
            got = self.room.buy(*(Demand(sku, units) for sku, units in lines.items()))
            if not isinstance(got[0], Hold):
                self.short = {one.sku: [one.wanted, one.available] for one in got}
                raise out_of_stock(got)
            self.holds[order], self.claims[order] = got, Claim.RESERVED

    def pay(self, order: str) -> None:
        self.room.commit(self.holds[order])
        self.claims[order] = Claim.COMMITTED

    def cancel(self, order: str) -> None:
        self.room.release(self.holds[order], self.claims[order])

    def ship(self, order: str) -> None:
        slip = self.slip()
        self.room.ship(
            self.holds[order],
            order=order,
            actor=slip.actor,
            at=slip.at,
            claim=self.claims[order],
        )

    def cover(self, order: str) -> None:
        kept: list[tuple[Hold, ...]] = []
        self.room.ledger.commit(
            lambda w: kept.append(self.stock.cover(w, self.holds[order], self.claims[order]))
        )
        self.holds[order] = kept[0]

    def terms(self, limit: int) -> None:
        terms = Terms(Beyond.BACK_ORDER, limit, date(2027, 1, 1))
        self.stock.agree(terms, self.stock.level("A"))

    def sweep(self, _: None) -> None:
        actions.free_earmarks("A", self.slip(), stock=self.stock)

    def alarm(self, low_at: int) -> None:
        actions.set_alarm(
            "A", low_at, expected_version=self.version(), stock=self.stock, alarms=self.alarms
        )

    def watch(self, expected: list[int]) -> None:
        told = actions.watch_low_stock(
            [("A", MAIN)], at=self.slip().at, stock=self.stock, alarms=self.alarms
        )
        assert [one.available for one in told] == expected

    def split(self, bins: int) -> None:
        self.stock.spread("A", bins)


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
        with pytest.raises((Refusal, Clash)) as refused:
            do(*args)
        assert getattr(refused.value, "code", "clash") == step["refused"]
        if "short" in step:
            assert story.short == step["short"]
    then = example["then"]
    if not isinstance(next(iter(then.values())), dict):
        then = {"A": then}
    for name, counts in then.items():
        sku, location = ("A", name) if name in (MAIN, "shop") else (name, MAIN)
        level: StockLevel = story.stock.level(sku, location)
        assert {count: getattr(level, count) for count in counts} == counts
    sums = balance(story.stock.journal("A", limit=500).items)
    assert sums.holds
    on_its_way = sum(level.in_transit for level in story.stock.everywhere("A"))
    assert sums.transferred + on_its_way == 0
    for name, units in example.get("balance", {}).items():
        assert getattr(sums, name) == units, name


def unpack(example: Mapping[str, Any]) -> None:
    kit = Kit("KIT", example["kit"])
    if "kits" in example:
        levels = {sku: StockLevel(sku, on_hand=n) for sku, n in example["levels"].items()}
        assert available_kits(kit, levels) == example["kits"]
    else:
        wanted = [Demand(sku, units) for sku, units in example["order"].items()]
        taken = unpacked(wanted, {"KIT": kit})
        assert {one.sku: one.quantity for one in taken} == example["takes"]


def serve(example: Mapping[str, Any]) -> None:
    locations = [
        Location("near", Place("DE", 52.5, 13.4)),
        Location("far", Place("DE", 48.1, 11.6)),
    ]
    policy = Policy(
        tuple(map(Preference, example["policy"])),
        splits_lines=not example.get("whole", False),
        most_parcels=example.get("most"),
    )
    wanted = [Demand(sku, units) for sku, units in example["order"].items()]
    done = allocate(wanted, example["stock"], locations, policy, Place("DE", 52.4, 13.1))
    assert done.parcels == example["parcels"]
    short = {one.sku: [one.wanted, one.available] for one in done.short}
    assert short == example.get("short", {})
