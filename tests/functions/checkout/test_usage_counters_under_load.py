"""A sale's quota and a code's uses in bins: more pass at once, and the limit holds as before."""

import time
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


@pytest.fixture(autouse=True)
def _open(cloud: None) -> None:
    publish_with_stock(mug(), pieces=500)


def run(**more: Any) -> None:
    promotion = Promotion.from_dict({"title": more["id"], **more})
    calendar = DynamoPromotionRepository()
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=NOW)
    publish_promotion(promotion.id, promotions=calendar, at=NOW)
    rule_set_cache(tax_table_cache()).clear()


def sale(id_: str, quota: int) -> None:
    price = [{"amount": 500, "currency": "USD"}]
    run(id=id_, effect={"kind": "flash_sale", "price": price, "quota": quota})


def share(kind: str, name: str, limit: int, orders_per_second: int) -> bool:
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


def look_again() -> None:
    """What was seen of the bins is shown for a moment, and renewed four times a second."""
    time.sleep(0.3)
    counter_level_cache().clear()


def begin(pieces: int, *codes: str) -> dict[str, Any]:
    more: dict[str, Any] = {"discounts": {"codes": list(codes)}} if codes else {}
    answer = call(
        create_checkout.handler, "POST /checkout-sessions", checkout_body(("mug.1", pieces), **more)
    )
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def pay(checkout: dict[str, Any], token: str = "tok_success") -> ApiResponse:
    return call(complete_checkout.handler, COMPLETE, payment_body(token), id=checkout["id"])


def shops_own(calls: Calls) -> int:
    """The sandbox keeps its payments where a provider of one's own would."""
    return sum("sandbox" not in name for name in calls.names)


def goods(checkout: dict[str, Any]) -> int:
    return int(next(t["amount"] for t in checkout["totals"] if t["type"] == "total")) - 599


def uses(checkout: dict[str, Any]) -> list[tuple[str, int, int | None]]:
    order = DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))
    return [(count.name, count.units, count.shard) for count in order.usage]


def test_a_quota_in_bins_is_sold_to_the_last_unit_and_the_loser_is_told() -> None:
    sale("rush-a", 64)
    assert share("quota", "rush-a", 64, 100)
    assert (level("QUOTA#rush-a").shard_count, level("QUOTA#rush-a").available) == (4, 64)
    early = begin(2)
    first = begin(10)
    assert goods(first) == 5000
    with count_calls() as calls:
        assert pay(first).json["status"] == "completed"
    assert shops_own(calls) == 3, calls.names
    for _ in range(5):
        assert pay(begin(10)).json["status"] == "completed"
    look_again()
    last = begin(4)
    assert goods(last) == 2000
    assert pay(last).json["status"] == "completed"
    assert level("QUOTA#rush-a").available == 0
    assert sum(units for _, units, _ in uses(last)) == 4
    answer = pay(early)
    told = [message["code"] for message in answer.json["messages"]]
    assert told == ["discount_exhausted", "price_changed"]
    assert goods(answer.json) == 2 * 1299
    look_again()
    assert goods(begin(1)) == 1299


def test_units_of_a_quota_come_back_to_their_bins_and_are_found_there() -> None:
    sale("rush-b", 40)
    share("quota", "rush-b", 40, 50)
    sold = [begin(20), begin(20)]
    assert [pay(one).json["status"] for one in sold] == ["completed", "completed"]
    assert {shard for one in sold for _, _, shard in uses(one)} == {0, 1}
    look_again()
    assert goods(begin(1)) == 1299
    order = DynamoOrderRepository().get("guest", derived_id("ord", sold[0]["id"], "1"))
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
    assert (level("QUOTA#rush-b").available, level("QUOTA#rush-b").reserved) == (20, 20)
    look_again()
    again = begin(20)
    assert goods(again) + 599 == 20 * 500  # so much is sent for nothing
    assert pay(again).json["status"] == "completed"


def test_who_was_quoted_before_the_uses_moved_buys_at_the_quoted_price_all_the_same() -> None:
    sale("rush-c", 64)
    before, leaver = begin(3), begin(5)
    pay(leaver, "tok_never")
    assert not share("quota", "rush-c", 64, 100)  # the leaver's may come back to the row
    assert level("QUOTA#rush-c").available == 59
    assert pay(before).json["status"] == "completed"
    assert [name for name, _, shard in uses(before) if shard is None] == []
    call(cancel_checkout.handler, "POST /checkout-sessions/{id}/cancel", id=leaver["id"])
    assert share("quota", "rush-c", 64, 100)
    assert level("QUOTA#rush-c").available == 61
    assert share("quota", "rush-c", 64, 0)
    assert [b for b in (level("QUOTA#rush-c"),) if b.available != 61] == []
    assert pay(begin(30)).json["status"] == "completed"


def test_a_quota_that_staff_change_holds_in_the_bins_too() -> None:
    sale("rush-d", 64)
    share("quota", "rush-d", 64, 100)
    assert pay(begin(10)).json["status"] == "completed"
    share("quota", "rush-d", 40, 100)
    assert level("QUOTA#rush-d").available == 30
    share("quota", "rush-d", 5, 100)
    assert level("QUOTA#rush-d").available == 0
    share("quota", "rush-d", 100, 100)
    assert level("QUOTA#rush-d").available == 90


def test_the_uses_of_a_code_are_shared_out_like_a_quota() -> None:
    effect = {"kind": "order_percent", "basis_points": 1000}
    run(id="rush-e", code_required=True, effect=effect)
    coupons = DynamoCouponRepository()
    made = Coupon("ten-e", "rush-e", code="RUSH-E", quantity=33)
    create_coupon(made, coupons=coupons, promotions=DynamoPromotionRepository(), at=NOW)
    (code,) = coupons.list_limited_codes("rush-e")
    before = begin(1, "RUSH-E")
    share("code", code, 0, 1000)
    assert (level(f"CODE#{code}").shard_count, level(f"CODE#{code}").available) == (2, 33)
    assert pay(before).json["status"] == "completed"
    checkout = begin(1, "RUSH-E")
    assert goods(checkout) == 1299 - 130
    with count_calls() as calls:
        assert pay(checkout).json["status"] == "completed"
    assert shops_own(calls) == 3, calls.names
    assert level(f"CODE#{code}").available == 31
    row = PricingRow.get(f"CODE#{code}", "CODE")
    assert (int(row.remaining), int(row.used), int(row.in_shards)) == (0, 0, 33)


def test_a_count_that_few_meet_in_stays_a_row() -> None:
    sale("rush-f", 64)
    assert share("quota", "rush-f", 64, 20)
    sale("rush-g", 20)
    assert share("quota", "rush-g", 20, 5000)
    assert (level("QUOTA#rush-f").version, level("QUOTA#rush-g").version) == (0, 0)
    assert pay(begin(1)).json["status"] == "completed"


def test_a_bin_whose_partition_is_crowded_is_left_alone_and_another_is_drawn() -> None:
    sale("rush-h", 64)
    share("quota", "rush-h", 64, 100)
    checkout = begin(1)
    send, drawn = BaseClient._make_api_call, []  # type: ignore[attr-defined]

    def crowded(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "TransactWriteItems":
            return send(client, operation, parameters)
        items = [next(iter(item.values())) for item in parameters["TransactItems"]]
        keys = [(item.get("Key") or item.get("Item"))["PK"]["S"] for item in items]
        (mine,) = (key for key in keys if "QUOTA#rush-h" in key)
        drawn.append(mine)
        if mine != drawn[0] or len(drawn) > 6:
            return send(client, operation, parameters)
        reasons = [{"Code": "ThrottlingError" if key == mine else "None"} for key in keys]
        error = {"Error": {"Code": "TransactionCanceledException", "Message": "crowded"}}
        refusal: Any = {**error, "CancellationReasons": reasons}
        raise ClientError(refusal, operation)

    with patch.object(BaseClient, "_make_api_call", crowded):
        assert pay(checkout).json["status"] == "completed"
    assert len(drawn) > 1
    assert level("QUOTA#rush-h").available == 63
