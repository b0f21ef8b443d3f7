"""Sharded usage counters: quotas and code uses for traffic peaks, with the same limits."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from functions.checkout import cancel_checkout, complete_checkout, create_checkout
from functions.staff_orders import cancel_order
from shop.inventory.model import USAGE_LOCATION, StockLevel
from shop.inventory.store import counter_level_cache, counter_shards
from shop.inventory.store.shard_cache import MIN_REFRESH_INTERVAL
from shop.kernel.ids import derived_id
from shop.orders.store import DynamoOrderRepository
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.actions.usage_sharding import reshard_counter
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_shards import DynamoUsageCounterRepository
from shop.tax.store.cache import tax_table_cache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.aws_call_counter import Calls, count_calls
from tests.kit.order_fixtures import signed_in
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

COMPLETE = "POST /checkout-sessions/{id}/complete"
NOW = datetime.now(UTC)


class ShardClock:
    """The clock of this process's cached shards: each reading of it takes a tenth of a second.

    So a purchase that tries again meets refreshed shards, however fast the machine is.
    """

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        self.now += 0.1
        return self.now

    def expire_caches(self) -> None:
        """Expire the cached shards, which are refreshed at most every 0.25 s, and their levels."""
        self.now += 2 * MIN_REFRESH_INTERVAL
        counter_level_cache().clear()


@pytest.fixture(autouse=True)
def clock(cloud: None, monkeypatch: pytest.MonkeyPatch) -> ShardClock:
    publish_with_stock(mug(), pieces=500)
    clock, shards = ShardClock(), counter_shards()
    monkeypatch.setattr(shards, "_clock", clock)
    monkeypatch.setattr(shards._shard_cache, "_clock", clock)
    return clock


def run(**more: Any) -> None:
    promotion = Promotion.from_dict({"title": more["id"], **more})
    calendar = DynamoPromotionRepository()
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=NOW)
    publish_promotion(promotion.id, promotions=calendar, at=NOW)
    rule_set_cache(tax_table_cache()).clear()


def sale(id_: str, quota: int) -> None:
    price = [{"amount": 500, "currency": "USD"}]
    run(id=id_, effect={"kind": "flash_sale", "price": price, "quota": quota})


def reshard(kind: str, name: str, limit: int, orders_per_second: int) -> bool:
    return reshard_counter(
        kind,
        name,
        limit,
        orders_per_second,
        rows=DynamoUsageCounterRepository(),
        stock=counter_shards(),
        at=NOW,
    )


def level(article: str) -> StockLevel:
    return counter_shards().level(article, USAGE_LOCATION)


def create(pieces: int, *codes: str) -> dict[str, Any]:
    more: dict[str, Any] = {"discounts": {"codes": list(codes)}} if codes else {}
    answer = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", pieces), **more)
    )
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def complete(checkout: dict[str, Any], token: str = "tok_success") -> ApiResponse:
    return call(complete_checkout.handler, COMPLETE, payment_body(token), id=checkout["id"])


def shop_calls(calls: Calls) -> int:
    """Count all calls but those of the sandbox provider, which stands for an external one."""
    return sum("sandbox" not in name for name in calls.names)


def goods_total(checkout: dict[str, Any]) -> int:
    return int(next(t["amount"] for t in checkout["totals"] if t["type"] == "total")) - 599


def usage_of_order(checkout: dict[str, Any]) -> list[tuple[str, int, int | None]]:
    order = DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))
    return [(count.name, count.units, count.shard) for count in order.usage]


def test_sharded_quota_sells_to_the_last_unit(clock: ShardClock) -> None:
    # Given a quota of 64 units in four shards
    sale("rush-a", 64)
    assert reshard("quota", "rush-a", 64, 100)
    assert (level("QUOTA#rush-a").shard_count, level("QUOTA#rush-a").available) == (4, 64)
    early = create(2)
    first = create(10)
    assert goods_total(first) == 5000

    # When 64 units are sold
    with count_calls() as calls:
        assert complete(first).json["status"] == "completed"
    assert shop_calls(calls) == 4, calls.names
    for _ in range(5):
        assert complete(create(10)).json["status"] == "completed"
    clock.expire_caches()
    last = create(4)
    assert goods_total(last) == 2000
    assert complete(last).json["status"] == "completed"
    assert level("QUOTA#rush-a").available == 0
    assert sum(units for _, units, _ in usage_of_order(last)) == 4

    # Then an earlier offer is no longer sold at the price of the sale
    answer = complete(early)
    codes = [message["code"] for message in answer.json["messages"]]
    assert codes == ["discount_exhausted", "price_changed"]
    assert goods_total(answer.json) == 2 * 1299
    clock.expire_caches()
    assert goods_total(create(1)) == 1299


def test_released_quota_units_return_to_their_shards(clock: ShardClock) -> None:
    # Given a quota in two shards that is sold out
    sale("rush-b", 40)
    reshard("quota", "rush-b", 40, 50)
    checkouts = [create(20), create(20)]
    assert [complete(checkout).json["status"] for checkout in checkouts] == [
        "completed",
        "completed",
    ]
    assert {shard for checkout in checkouts for _, _, shard in usage_of_order(checkout)} == {0, 1}
    clock.expire_caches()
    assert goods_total(create(1)) == 1299
    # When one of its orders is cancelled, twice
    order = DynamoOrderRepository().get("guest", derived_id("ord", checkouts[0]["id"], "1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff")
        for _ in range(2):
            call(
                cancel_order.handler,
                "POST /staff/orders/{id}/cancel",
                {"reason": "broken"},
                claims=signed_in("wanda", "staff"),
                id=order.id,
            )
    # Then its units are available once, and sold at the price of the sale
    assert (level("QUOTA#rush-b").available, level("QUOTA#rush-b").reserved) == (20, 20)
    clock.expire_caches()
    after_release = create(20)
    assert goods_total(after_release) + 599 == 20 * 500  # orders of this value ship for free
    assert complete(after_release).json["status"] == "completed"


def test_quote_from_before_resharding_still_holds() -> None:
    sale("rush-c", 64)
    before, pending = create(3), create(5)
    complete(pending, "tok_never")
    assert not reshard("quota", "rush-c", 64, 100)  # pending usage may return to it
    assert level("QUOTA#rush-c").available == 59
    assert complete(before).json["status"] == "completed"
    assert [name for name, _, shard in usage_of_order(before) if shard is None] == []
    call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=pending["id"])
    assert reshard("quota", "rush-c", 64, 100)
    assert level("QUOTA#rush-c").available == 61
    assert reshard("quota", "rush-c", 64, 0)
    assert [b for b in (level("QUOTA#rush-c"),) if b.available != 61] == []
    assert complete(create(30)).json["status"] == "completed"


def test_changed_quota_limit_applies_to_shards() -> None:
    sale("rush-d", 64)
    reshard("quota", "rush-d", 64, 100)
    assert complete(create(10)).json["status"] == "completed"
    reshard("quota", "rush-d", 40, 100)
    assert level("QUOTA#rush-d").available == 30
    reshard("quota", "rush-d", 5, 100)
    assert level("QUOTA#rush-d").available == 0
    reshard("quota", "rush-d", 100, 100)
    assert level("QUOTA#rush-d").available == 90


def test_code_usage_is_sharded_like_a_quota() -> None:
    effect = {"kind": "order_percent", "off_ppm": 100_000}
    run(id="rush-e", code_required=True, effect=effect)
    coupons = DynamoCouponRepository()
    created = Coupon("ten-e", "rush-e", code="RUSH-E", quantity=33)
    create_coupon(created, coupons=coupons, promotions=DynamoPromotionRepository(), at=NOW)
    (code,) = coupons.list_limited_codes("rush-e")
    before = create(1, "RUSH-E")
    reshard("code", code, 0, 1000)
    assert (level(f"CODE#{code}").shard_count, level(f"CODE#{code}").available) == (2, 33)
    assert complete(before).json["status"] == "completed"
    checkout = create(1, "RUSH-E")
    assert goods_total(checkout) == 1299 - 130
    with count_calls() as calls:
        assert complete(checkout).json["status"] == "completed"
    assert shop_calls(calls) == 4, calls.names
    assert level(f"CODE#{code}").available == 31
    row = PricingRow.get(f"CODE#{code}", "CODE")
    assert (int(row.remaining), int(row.used), int(row.in_shards)) == (0, 0, 33)


def test_counter_with_little_contention_stays_unsharded() -> None:
    sale("rush-f", 64)
    assert reshard("quota", "rush-f", 64, 20)
    sale("rush-g", 20)
    assert reshard("quota", "rush-g", 20, 5000)
    assert (level("QUOTA#rush-f").version, level("QUOTA#rush-g").version) == (0, 0)
    assert complete(create(1)).json["status"] == "completed"


def test_throttled_shard_is_avoided() -> None:
    sale("rush-h", 64)
    reshard("quota", "rush-h", 64, 100)
    checkout = create(1)
    send, picked_shards = BaseClient._make_api_call, []  # type: ignore[attr-defined]

    def throttle_first_shard(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "TransactWriteItems":
            return send(client, operation, parameters)
        items = [next(iter(item.values())) for item in parameters["TransactItems"]]
        keys = [(item.get("Key") or item.get("Item"))["PK"]["S"] for item in items]
        (shard_key,) = (key for key in keys if "QUOTA#rush-h" in key)
        picked_shards.append(shard_key)
        if shard_key != picked_shards[0] or len(picked_shards) > 6:
            return send(client, operation, parameters)
        reasons = [{"Code": "ThrottlingError" if key == shard_key else "None"} for key in keys]
        error = {"Error": {"Code": "TransactionCanceledException", "Message": "crowded"}}
        cancelled: Any = {**error, "CancellationReasons": reasons}
        raise ClientError(cancelled, operation)

    with patch.object(BaseClient, "_make_api_call", throttle_first_shard):
        assert complete(checkout).json["status"] == "completed"
    assert len(picked_shards) > 1
    assert level("QUOTA#rush-h").available == 63
