"""A promotion on the calendar brings its capacity, before it begins and back after it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop.inventory.model.kits import Kit
from shop.kernel.errors import VersionConflict
from shop.kernel.money import Money
from shop.peak.actions.reconcile_capacity import (
    CapacityTargets,
    ReconcileIncomplete,
    ReconcileResult,
    reconcile_capacity,
)
from shop.peak.actions.schedule import PromotionTrafficPeaks
from shop.peak.model.traffic_peaks import (
    MAX_TABLE_THROUGHPUT,
    ProvisionedCapacity,
    TrafficPeak,
    WarmThroughput,
    capacity_demand,
    expected_load,
    traffic_peak_of,
)
from shop.peak.ports import CapacityStateStore
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.effects import FlashSale, LimitedPrice
from shop.pricing.model.promotions import ExpectedLoad, Promotion
from shop.pricing.model.targeting import Conditions, Selection, Window
from tests.doubles.catalog import MemoryProductCatalog
from tests.doubles.peak import MemoryKitLookup, OutOfOrder, RecordingCloud
from tests.doubles.pricing import MemoryCoupons, MemoryPromotions
from tests.kit.products import mug

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PRICE = (Money(999, "USD"),)
BUSY = {"complete": 1.0, "search": 0.1}


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def sale(id_: str = "friday", **more: Any) -> Promotion:
    """A published flash sale of the red mug, from noon to two."""
    known: dict[str, Any] = {
        "goods": Selection(variants=("mug.1",)),
        "capacity": ExpectedLoad(1000),
        "conditions": Conditions(window=Window(NOON, NOON + minutes(120))),
        "published": True,
        "published_at": NOON - timedelta(days=2),
    }
    return Promotion(id_, "Friday", FlashSale(PRICE), **{**known, **more})


@dataclass
class Shop:
    """The keeper with its calendar, its memory and a cloud that writes down what it is asked."""

    memory: CapacityStateStore
    promotions: MemoryPromotions = field(default_factory=MemoryPromotions)
    coupons: MemoryCoupons = field(default_factory=MemoryCoupons)
    cloud: RecordingCloud = field(default_factory=RecordingCloud)
    kits: MemoryKitLookup = field(default_factory=MemoryKitLookup)

    def put(self, *promotions: Promotion) -> None:
        self.promotions.rows.update({promotion.id: promotion for promotion in promotions})

    def keep(self, at: datetime) -> ReconcileResult:
        catalogue = MemoryProductCatalog()
        catalogue.save(mug(), expected_version=0)
        cloud = self.cloud
        return reconcile_capacity(
            peaks=PromotionTrafficPeaks(self.promotions, catalogue, self.coupons, self.kits),
            state_store=self.memory,
            targets=CapacityTargets(cloud, cloud, cloud, cloud, cloud, BUSY),
            faults=(OutOfOrder,),
            at=at,
        )

    def asked(self, at: datetime) -> list[tuple[object, ...]]:
        self.keep(at)
        return self.cloud.taken()


@pytest.fixture
def shop(state_store: CapacityStateStore) -> Shop:
    return Shop(state_store)


BEFORE, AFTER = NOON - minutes(60), NOON + minutes(130)
ALARMS = [("set", "after-friday", AFTER), ("set", "before-friday", BEFORE)]
UP: list[tuple[object, ...]] = [
    ("warm", "orders", {"": (12_000, 13_000)}),
    ("warm", "inventory", {"": (12_000, 7_000)}),
    ("warm", "sessions", {"": (12_000, 24_000)}),
    ("warm", "pricing", {"": (12_000, 8_000)}),
    ("keep", "complete", 1250),
    ("keep", "search", 125),
    ("bins", "MUG-RED", 1000),
]
DOWN = [("let go", "complete"), ("let go", "search"), ("bins", "MUG-RED", 0)]


def test_scheduling_a_sale_schedules_its_capacity_and_touches_nothing_yet(shop: Shop) -> None:
    shop.put(sale())
    assert shop.asked(NOON - timedelta(days=1)) == ALARMS
    assert shop.asked(NOON - timedelta(hours=20)) == []


def test_before_the_start_everything_is_raised_and_after_the_end_taken_back(shop: Shop) -> None:
    shop.put(sale())
    shop.asked(NOON - timedelta(days=1))
    assert shop.asked(BEFORE) == UP
    assert shop.asked(BEFORE) == []
    assert shop.asked(NOON + minutes(30)) == []
    assert shop.asked(AFTER) == DOWN
    assert shop.asked(AFTER) == []
    assert shop.asked(AFTER + timedelta(days=1)) == []


def test_a_sale_that_is_moved_moves_its_alarms_and_what_was_raised_too_early_goes(
    shop: Shop,
) -> None:
    shop.put(sale())
    shop.asked(BEFORE)
    later = Conditions(window=Window(NOON + minutes(600), NOON + minutes(720)))
    shop.put(sale(conditions=later, version=2))
    assert shop.asked(BEFORE + minutes(5)) == [
        *DOWN,
        ("set", "after-friday", NOON + minutes(730)),
        ("set", "before-friday", NOON + minutes(540)),
    ]
    # Warm throughput cannot be given back, so the second time it costs nothing and is not asked.
    assert shop.asked(NOON + minutes(540)) == UP[4:]


def test_a_sale_cancelled_before_it_begins_leaves_nothing_behind(shop: Shop) -> None:
    shop.put(sale())
    shop.asked(NOON - timedelta(days=1))
    shop.put(sale().end(NOON - timedelta(hours=20)))
    assert shop.asked(NOON - timedelta(hours=20)) == [
        ("drop", "after-friday"),
        ("drop", "before-friday"),
    ]
    assert shop.asked(BEFORE) == []


def test_a_sale_ended_early_gives_its_capacity_back_at_once(shop: Shop) -> None:
    shop.put(sale())
    shop.asked(BEFORE)
    shop.put(sale().end(NOON + minutes(10)))
    assert shop.asked(NOON + minutes(10)) == [*DOWN, ("drop", "after-friday")]


def test_the_end_of_one_sale_takes_nothing_from_another(shop: Shop) -> None:
    other = Conditions(window=Window(NOON + minutes(60), NOON + minutes(240)))
    shop.put(
        sale(),
        sale("late", conditions=other, capacity=ExpectedLoad(400, skus=("MUG-BLUE", "MUG-RED"))),
    )
    shop.asked(BEFORE)
    both = shop.asked(NOON)
    assert ("keep", "complete", 1750) in both
    assert ("bins", "MUG-RED", 1400) in both
    assert ("bins", "MUG-BLUE", 400) in both
    assert shop.asked(AFTER) == [
        ("keep", "complete", 500),
        ("keep", "search", 50),
        ("bins", "MUG-RED", 400),
    ]
    assert shop.asked(NOON + minutes(190)) == [
        ("let go", "complete"),
        ("let go", "search"),
        ("bins", "MUG-BLUE", 0),
        ("bins", "MUG-RED", 0),
    ]


def test_a_sale_published_too_late_for_its_lead_is_prepared_at_once(shop: Shop) -> None:
    shop.put(sale(published_at=NOON - minutes(5)))
    assert shop.asked(NOON - minutes(5)) == [*UP, ("set", "after-friday", AFTER)]


def test_what_fails_is_told_and_tried_again_and_does_not_stop_the_rest(shop: Shop) -> None:
    shop.put(sale())
    shop.cloud.broken = {"keep"}
    with pytest.raises(ReconcileIncomplete) as unfinished:
        shop.keep(BEFORE)
    assert set(unfinished.value.failed) == {"function:complete", "function:search"}
    done = [("set", "after-friday", AFTER)]
    assert shop.cloud.taken() == [*UP[:4], *UP[6:], *done]
    shop.cloud.broken = set()
    assert shop.asked(BEFORE + minutes(1)) == UP[4:6]
    assert shop.asked(BEFORE + minutes(2)) == []


def test_whoever_crashed_on_the_way_leaves_nothing_that_nobody_takes_back(shop: Shop) -> None:
    """The process dies after its calls and before it wrote down that they were made."""
    shop.put(sale())

    class Dying:
        load = staticmethod(shop.memory.load)
        writes = 0

        def save(
            self, before: ProvisionedCapacity, after: ProvisionedCapacity
        ) -> ProvisionedCapacity:
            self.writes += 1
            if self.writes == 2:
                raise KeyboardInterrupt
            return shop.memory.save(before, after)

    crashing = replace(shop, memory=Dying())
    with pytest.raises(KeyboardInterrupt):
        crashing.keep(BEFORE)
    assert shop.cloud.taken() == [*UP, ("set", "after-friday", AFTER)]
    shop.put(sale().end(BEFORE + minutes(1)))
    assert shop.asked(BEFORE + minutes(1)) == [*DOWN, ("drop", "after-friday")]
    assert shop.asked(BEFORE + minutes(2)) == []


def test_two_keepers_at_once_do_not_lose_each_others_notes(shop: Shop) -> None:
    seen = shop.memory.load()
    shop.put(sale())
    shop.keep(BEFORE)
    with pytest.raises(VersionConflict):
        shop.memory.save(seen, ProvisionedCapacity())
    assert shop.memory.load().functions == {"complete": 1250, "search": 125}


def test_bins_that_still_hold_promises_are_merged_later(shop: Shop) -> None:
    shop.put(sale())
    shop.asked(BEFORE)
    shop.cloud.promised = {"MUG-RED"}
    assert shop.asked(AFTER) == DOWN
    assert shop.asked(AFTER + minutes(15)) == DOWN[2:]
    shop.cloud.promised = set()
    assert shop.asked(AFTER + minutes(30)) == DOWN[2:]
    assert shop.asked(AFTER + minutes(45)) == []


def test_goods_that_come_during_the_rush_are_shared_out_by_the_next_tick(shop: Shop) -> None:
    shop.put(sale())
    shop.asked(NOON - timedelta(days=1))
    shop.cloud.arrived = {"MUG-RED"}
    assert shop.asked(BEFORE) == UP  # what was there already is shared out only once
    assert shop.keep(NOON).changed == ["sku:MUG-RED"]
    assert shop.cloud.taken() == [("refill", "MUG-RED", 1000)]
    shop.cloud.broken = {"refill"}
    shop.cloud.arrived = {"MUG-RED"}
    with pytest.raises(ReconcileIncomplete, match="sku:MUG-RED"):
        shop.keep(NOON)
    assert shop.asked(AFTER) == DOWN


def test_a_kit_is_prepared_as_its_parts_and_so_they_are_merged(shop: Shop) -> None:
    shop.kits.known = {"MUG-RED": Kit("MUG-RED", {"CUP": 1, "LID": 2, "MUG-BLUE": 3})}
    shop.put(sale(capacity=ExpectedLoad(100, skus=("MUG-RED", "LID"))))
    parts = [("bins", "CUP", 100), ("bins", "LID", 200), ("bins", "MUG-BLUE", 300)]
    assert [call for call in shop.asked(BEFORE) if call[0] == "bins"] == parts
    shop.kits.known = {}
    changed = [("bins", "CUP", 0), ("bins", "LID", 100), ("bins", "MUG-BLUE", 0)]
    assert shop.asked(NOON) == [*changed, ("bins", "MUG-RED", 100)]
    assert shop.asked(AFTER)[2:] == [("bins", "LID", 0), ("bins", "MUG-RED", 0)]


def test_a_table_that_is_warm_already_is_left_alone(shop: Shop) -> None:
    for table in ("orders", "inventory", "sessions", "pricing", "catalog"):
        shop.cloud.warmth[table] = dict.fromkeys(shop.cloud.get(table), MAX_TABLE_THROUGHPUT)
    shop.put(sale())
    assert [call for call in shop.asked(BEFORE) if call[0] == "warm"] == []


# ------------------------------------------------------------------------------ what is expected


def test_a_flash_sale_that_says_nothing_is_expected_to_sell_its_quota_in_a_minute() -> None:
    plain = sale(capacity=None)
    quotas = (None, 60, 60_000, 10**9)
    found = [
        expected_load(replace(plain, effect=FlashSale(PRICE, quota=quota))) for quota in quotas
    ]
    assert [each and each.orders_per_second for each in found] == [200, 50, 1000, 5000]
    assert expected_load(replace(plain, effect=LimitedPrice(PRICE))) is None


def test_the_rush_is_over_two_hours_after_the_start_however_long_the_sale_lasts() -> None:
    week = Conditions(window=Window(NOON, NOON + timedelta(days=7)))
    rush = traffic_peak_of(sale(conditions=week), ())
    assert rush is not None
    assert (rush.begins, rush.over) == (BEFORE, AFTER)
    endless = traffic_peak_of(sale(conditions=Conditions(window=Window(NOON))), ())
    assert endless == rush


def test_drafts_and_promotions_called_off_bring_no_rush() -> None:
    assert traffic_peak_of(sale(published=False), ()) is None
    assert traffic_peak_of(sale(ended_at=NOON), ()) is None
    assert traffic_peak_of(sale(conditions=Conditions(), published_at=None), ()) is None


def test_every_need_is_added_up_over_the_rushes_under_way() -> None:
    rushes = [TrafficPeak(str(n), BEFORE + minutes(n), AFTER, 100, ("A",)) for n in range(5)]

    def total(at: datetime, found: Sequence[TrafficPeak] = tuple(rushes)) -> int:
        return capacity_demand(found, at, BUSY).orders_a_second

    assert [total(BEFORE + minutes(n)) for n in range(-1, 5)] == [0, 100, 200, 300, 400, 500]
    assert total(AFTER - timedelta(seconds=1)) == 500
    assert total(AFTER) == 0
    assert capacity_demand(rushes, NOON, BUSY).skus == {"A": 500}


def test_a_table_is_warmed_up_to_the_quota_that_the_stage_tells() -> None:
    rush = TrafficPeak("big", BEFORE, AFTER, 10_000, ("A",))
    assert capacity_demand([rush], NOON, BUSY).tables["sessions"][""] == MAX_TABLE_THROUGHPUT
    raised = capacity_demand([rush], NOON, BUSY, WarmThroughput(240_000, 240_000)).tables
    assert raised["sessions"][""] == WarmThroughput(50_000, 238_000)
    assert raised["catalog"][""] == WarmThroughput(75_000, 4_000)


def test_what_everybody_uses_up_is_shared_out_and_merged_with_the_sale(shop: Shop) -> None:
    shop.coupons.save(Coupon("ten", "friday", code="ten-off", quantity=900), ())
    shop.put(replace(sale(code_required=True), effect=FlashSale(PRICE, quota=6000)))
    up = [("count", "code#TEN0FF", 1000, 0), ("count", "quota#friday", 1000, 6000)]
    assert [call for call in shop.asked(BEFORE) if call[0] == "count"] == up
    assert shop.asked(BEFORE + minutes(1)) == []
    shop.put(replace(sale(code_required=True), effect=FlashSale(PRICE, quota=7000)))
    assert shop.asked(BEFORE + minutes(2)) == [("count", "quota#friday", 1000, 7000)]
    down = [("count", "code#TEN0FF", 0, 0), ("count", "quota#friday", 0, 7000)]
    assert shop.asked(AFTER) == [*DOWN, *down]
    assert shop.asked(AFTER) == []


def test_uses_that_may_come_back_to_their_row_are_looked_after_for_a_week(shop: Shop) -> None:
    shop.put(replace(sale(), effect=FlashSale(PRICE, quota=6000)))
    shop.cloud.promised = {"quota#friday"}
    shop.asked(BEFORE)
    assert shop.asked(NOON) == [("count", "quota#friday", 1000, 6000)]
    merging = ("count", "quota#friday", 0, 6000)
    assert shop.asked(AFTER) == [*DOWN, merging]
    assert shop.asked(AFTER + timedelta(days=6)) == [merging]
    assert shop.asked(AFTER + timedelta(days=8)) == [merging]
    assert shop.asked(AFTER + timedelta(days=9)) == []
