"""Capacity of traffic peaks: provisioned before a promotion and removed after it."""

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
from tests.doubles.peak import MemoryKitLookup, RecordingCloud, StepError
from tests.doubles.pricing import MemoryCoupons, MemoryPromotions
from tests.kit.products import mug

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PRICE = (Money(999, "USD"),)
ENVIRONMENTS_PER_ORDER = {"complete": 1.0, "search": 0.1}


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
class CapacityShop:
    """The reconciliation with its promotions, its record and recorded AWS calls."""

    state_store: CapacityStateStore
    promotions: MemoryPromotions = field(default_factory=MemoryPromotions)
    coupons: MemoryCoupons = field(default_factory=MemoryCoupons)
    cloud: RecordingCloud = field(default_factory=RecordingCloud)
    kits: MemoryKitLookup = field(default_factory=MemoryKitLookup)

    def put(self, *promotions: Promotion) -> None:
        self.promotions.rows.update({promotion.id: promotion for promotion in promotions})

    def reconcile(self, at: datetime) -> ReconcileResult:
        catalog = MemoryProductCatalog()
        catalog.save(mug(), expected_version=0)
        cloud = self.cloud
        return reconcile_capacity(
            peaks=PromotionTrafficPeaks(self.promotions, catalog, self.coupons, self.kits),
            state_store=self.state_store,
            targets=CapacityTargets(cloud, cloud, cloud, cloud, cloud, ENVIRONMENTS_PER_ORDER),
            retryable_errors=(StepError,),
            at=at,
        )

    def calls_at(self, at: datetime) -> list[tuple[object, ...]]:
        """Reconcile at this time, and return the AWS calls."""
        self.reconcile(at)
        return self.cloud.take_calls()


@pytest.fixture
def shop(state_store: CapacityStateStore) -> CapacityShop:
    return CapacityShop(state_store)


BEFORE, AFTER = NOON - minutes(60), NOON + minutes(130)
WAKE_UPS = [("set", "after-friday", AFTER), ("set", "before-friday", BEFORE)]
UP: list[tuple[object, ...]] = [
    ("raise_to", "orders", {"": (12_000, 13_000)}),
    ("raise_to", "order_index", {"": (12_000, 15_000)}),
    ("raise_to", "inventory", {"": (12_000, 7_000)}),
    ("raise_to", "sessions", {"": (12_000, 24_000)}),
    ("raise_to", "pricing", {"": (12_000, 8_000)}),
    ("set_environments", "complete", 1250),
    ("set_environments", "search", 125),
    ("reshard", "MUG-RED", 1000),
]
DOWN = [("remove", "complete"), ("remove", "search"), ("reshard", "MUG-RED", 0)]


def test_published_sale_sets_wake_ups_only(shop: CapacityShop) -> None:
    shop.put(sale())
    assert shop.calls_at(NOON - timedelta(days=1)) == WAKE_UPS
    assert shop.calls_at(NOON - timedelta(hours=20)) == []


def test_capacity_is_provisioned_before_a_sale_and_removed_after_it(shop: CapacityShop) -> None:
    shop.put(sale())
    shop.calls_at(NOON - timedelta(days=1))
    assert shop.calls_at(BEFORE) == UP
    assert shop.calls_at(BEFORE) == []
    assert shop.calls_at(NOON + minutes(30)) == []
    assert shop.calls_at(AFTER) == DOWN
    assert shop.calls_at(AFTER) == []
    assert shop.calls_at(AFTER + timedelta(days=1)) == []


def test_moved_sale_moves_its_wake_ups_and_removes_early_capacity(
    shop: CapacityShop,
) -> None:
    shop.put(sale())
    shop.calls_at(BEFORE)
    later = Conditions(window=Window(NOON + minutes(600), NOON + minutes(720)))
    shop.put(sale(conditions=later, version=2))
    assert shop.calls_at(BEFORE + minutes(5)) == [
        *DOWN,
        ("set", "after-friday", NOON + minutes(730)),
        ("set", "before-friday", NOON + minutes(540)),
    ]
    # Warm throughput cannot be lowered, so it is not raised a second time.
    assert shop.calls_at(NOON + minutes(540)) == UP[5:]


def test_sale_ended_before_its_start_deletes_its_wake_ups(shop: CapacityShop) -> None:
    shop.put(sale())
    shop.calls_at(NOON - timedelta(days=1))
    shop.put(sale().end(NOON - timedelta(hours=20)))
    assert shop.calls_at(NOON - timedelta(hours=20)) == [
        ("delete", "after-friday"),
        ("delete", "before-friday"),
    ]
    assert shop.calls_at(BEFORE) == []


def test_sale_ended_early_removes_its_capacity_at_once(shop: CapacityShop) -> None:
    shop.put(sale())
    shop.calls_at(BEFORE)
    shop.put(sale().end(NOON + minutes(10)))
    assert shop.calls_at(NOON + minutes(10)) == [*DOWN, ("delete", "after-friday")]


def test_end_of_one_sale_keeps_the_capacity_of_another(shop: CapacityShop) -> None:
    other = Conditions(window=Window(NOON + minutes(60), NOON + minutes(240)))
    shop.put(
        sale(),
        sale("late", conditions=other, capacity=ExpectedLoad(400, skus=("MUG-BLUE", "MUG-RED"))),
    )
    shop.calls_at(BEFORE)
    both = shop.calls_at(NOON)
    assert ("set_environments", "complete", 1750) in both
    assert ("reshard", "MUG-RED", 1400) in both
    assert ("reshard", "MUG-BLUE", 400) in both
    assert shop.calls_at(AFTER) == [
        ("set_environments", "complete", 500),
        ("set_environments", "search", 50),
        ("reshard", "MUG-RED", 400),
    ]
    assert shop.calls_at(NOON + minutes(190)) == [
        ("remove", "complete"),
        ("remove", "search"),
        ("reshard", "MUG-BLUE", 0),
        ("reshard", "MUG-RED", 0),
    ]


def test_sale_published_within_its_lead_time_is_prepared_at_once(shop: CapacityShop) -> None:
    shop.put(sale(published_at=NOON - minutes(5)))
    assert shop.calls_at(NOON - minutes(5)) == [*UP, ("set", "after-friday", AFTER)]


def test_failed_step_is_reported_and_retried_without_stopping_others(shop: CapacityShop) -> None:
    shop.put(sale())
    shop.cloud.failing = {"set_environments"}
    with pytest.raises(ReconcileIncomplete) as error:
        shop.reconcile(BEFORE)
    assert set(error.value.failed) == {"function:complete", "function:search"}
    others = [*UP[:5], *UP[7:], ("set", "after-friday", AFTER)]
    assert shop.cloud.take_calls() == others
    shop.cloud.failing = set()
    assert shop.calls_at(BEFORE + minutes(1)) == UP[5:7]
    assert shop.calls_at(BEFORE + minutes(2)) == []


def test_steps_recorded_before_a_crash_are_repeated(shop: CapacityShop) -> None:
    """The process crashes after its calls and before it records their result."""
    shop.put(sale())

    class CrashingStore:
        load = staticmethod(shop.state_store.load)
        writes = 0

        def save(
            self, before: ProvisionedCapacity, after: ProvisionedCapacity
        ) -> ProvisionedCapacity:
            self.writes += 1
            if self.writes == 2:
                raise KeyboardInterrupt
            return shop.state_store.save(before, after)

    crashing = replace(shop, state_store=CrashingStore())
    with pytest.raises(KeyboardInterrupt):
        crashing.reconcile(BEFORE)
    assert shop.cloud.take_calls() == [*UP, ("set", "after-friday", AFTER)]
    shop.put(sale().end(BEFORE + minutes(1)))
    assert shop.calls_at(BEFORE + minutes(1)) == [*DOWN, ("delete", "after-friday")]
    assert shop.calls_at(BEFORE + minutes(2)) == []


def test_concurrent_runs_do_not_overwrite_each_other(shop: CapacityShop) -> None:
    read_before = shop.state_store.load()
    shop.put(sale())
    shop.reconcile(BEFORE)
    with pytest.raises(VersionConflict):
        shop.state_store.save(read_before, ProvisionedCapacity())
    assert shop.state_store.load().functions == {"complete": 1250, "search": 125}


def test_shards_with_reservations_are_merged_later(shop: CapacityShop) -> None:
    shop.put(sale())
    shop.calls_at(BEFORE)
    shop.cloud.unfinished = {"MUG-RED"}
    assert shop.calls_at(AFTER) == DOWN
    assert shop.calls_at(AFTER + minutes(15)) == DOWN[2:]
    shop.cloud.unfinished = set()
    assert shop.calls_at(AFTER + minutes(30)) == DOWN[2:]
    assert shop.calls_at(AFTER + minutes(45)) == []


def test_stock_received_during_a_peak_is_split_by_the_next_run(shop: CapacityShop) -> None:
    shop.put(sale())
    shop.calls_at(NOON - timedelta(days=1))
    shop.cloud.received = {"MUG-RED"}
    assert shop.calls_at(BEFORE) == UP  # stock of before the preparation is split only once
    assert shop.reconcile(NOON).changed == ["sku:MUG-RED"]
    assert shop.cloud.take_calls() == [("rebalance", "MUG-RED", 1000)]
    shop.cloud.failing = {"rebalance"}
    shop.cloud.received = {"MUG-RED"}
    with pytest.raises(ReconcileIncomplete, match="sku:MUG-RED"):
        shop.reconcile(NOON)
    assert shop.calls_at(AFTER) == DOWN


def test_kit_is_prepared_and_merged_as_its_parts(shop: CapacityShop) -> None:
    shop.kits.kits = {"MUG-RED": Kit("MUG-RED", {"CUP": 1, "LID": 2, "MUG-BLUE": 3})}
    shop.put(sale(capacity=ExpectedLoad(100, skus=("MUG-RED", "LID"))))
    parts = [("reshard", "CUP", 100), ("reshard", "LID", 200), ("reshard", "MUG-BLUE", 300)]
    assert [call for call in shop.calls_at(BEFORE) if call[0] == "reshard"] == parts
    shop.kits.kits = {}
    changed = [("reshard", "CUP", 0), ("reshard", "LID", 100), ("reshard", "MUG-BLUE", 0)]
    assert shop.calls_at(NOON) == [*changed, ("reshard", "MUG-RED", 100)]
    assert shop.calls_at(AFTER)[2:] == [("reshard", "LID", 0), ("reshard", "MUG-RED", 0)]


def test_warm_table_is_not_changed(shop: CapacityShop) -> None:
    for table in ("orders", "order_index", "inventory", "sessions", "pricing", "catalog"):
        shop.cloud.throughput[table] = dict.fromkeys(shop.cloud.get(table), MAX_TABLE_THROUGHPUT)
    shop.put(sale())
    assert [call for call in shop.calls_at(BEFORE) if call[0] == "raise_to"] == []


# Expected load and demand


def test_expected_load_of_a_flash_sale_follows_its_quota() -> None:
    plain = sale(capacity=None)
    quotas = (None, 60, 60_000, 10**9)
    loads = [
        expected_load(replace(plain, effect=FlashSale(PRICE, quota=quota))) for quota in quotas
    ]
    assert [each and each.orders_per_second for each in loads] == [200, 50, 1000, 5000]
    assert expected_load(replace(plain, effect=LimitedPrice(PRICE))) is None


def test_peak_ends_two_hours_after_the_start_of_a_long_sale() -> None:
    week = Conditions(window=Window(NOON, NOON + timedelta(days=7)))
    peak = traffic_peak_of(sale(conditions=week), ())
    assert peak is not None
    assert (peak.starts_at, peak.ends_at) == (BEFORE, AFTER)
    endless = traffic_peak_of(sale(conditions=Conditions(window=Window(NOON))), ())
    assert endless == peak


def test_drafts_and_ended_promotions_bring_no_peak() -> None:
    assert traffic_peak_of(sale(published=False), ()) is None
    assert traffic_peak_of(sale(ended_at=NOON), ()) is None
    assert traffic_peak_of(sale(conditions=Conditions(), published_at=None), ()) is None


def test_demand_is_summed_over_active_peaks() -> None:
    peaks = [TrafficPeak(str(n), BEFORE + minutes(n), AFTER, 100, ("A",)) for n in range(5)]

    def total(at: datetime, active: Sequence[TrafficPeak] = tuple(peaks)) -> int:
        return capacity_demand(active, at, ENVIRONMENTS_PER_ORDER).orders_per_second

    assert [total(BEFORE + minutes(n)) for n in range(-1, 5)] == [0, 100, 200, 300, 400, 500]
    assert total(AFTER - timedelta(seconds=1)) == 500
    assert total(AFTER) == 0
    assert capacity_demand(peaks, NOON, ENVIRONMENTS_PER_ORDER).skus == {"A": 500}


def test_table_is_warmed_up_to_the_quota_of_the_stage() -> None:
    peak = TrafficPeak("big", BEFORE, AFTER, 10_000, ("A",))
    assert (
        capacity_demand([peak], NOON, ENVIRONMENTS_PER_ORDER).tables["sessions"][""]
        == MAX_TABLE_THROUGHPUT
    )
    raised = capacity_demand(
        [peak], NOON, ENVIRONMENTS_PER_ORDER, WarmThroughput(240_000, 240_000)
    ).tables
    assert raised["sessions"][""] == WarmThroughput(50_000, 238_000)
    assert raised["catalog"][""] == WarmThroughput(88_000, 4_000)


def test_limited_counters_are_split_and_merged_with_the_sale(shop: CapacityShop) -> None:
    shop.coupons.save(Coupon("ten", "friday", code="ten-off", quantity=900), ())
    shop.put(replace(sale(code_required=True), effect=FlashSale(PRICE, quota=6000)))
    up = [
        ("reshard_counter", "code#TEN0FF", 1000, 0),
        ("reshard_counter", "quota#friday", 1000, 6000),
    ]
    assert [call for call in shop.calls_at(BEFORE) if call[0] == "reshard_counter"] == up
    assert shop.calls_at(BEFORE + minutes(1)) == []
    shop.put(replace(sale(code_required=True), effect=FlashSale(PRICE, quota=7000)))
    assert shop.calls_at(BEFORE + minutes(2)) == [("reshard_counter", "quota#friday", 1000, 7000)]
    down = [("reshard_counter", "code#TEN0FF", 0, 0), ("reshard_counter", "quota#friday", 0, 7000)]
    assert shop.calls_at(AFTER) == [*DOWN, *down]
    assert shop.calls_at(AFTER) == []


def test_counters_are_followed_up_for_a_week(shop: CapacityShop) -> None:
    shop.put(replace(sale(), effect=FlashSale(PRICE, quota=6000)))
    shop.cloud.unfinished = {"quota#friday"}
    shop.calls_at(BEFORE)
    assert shop.calls_at(NOON) == [("reshard_counter", "quota#friday", 1000, 6000)]
    merging = ("reshard_counter", "quota#friday", 0, 6000)
    assert shop.calls_at(AFTER) == [*DOWN, merging]
    assert shop.calls_at(AFTER + timedelta(days=6)) == [merging]
    assert shop.calls_at(AFTER + timedelta(days=8)) == [merging]
    assert shop.calls_at(AFTER + timedelta(days=9)) == []
