"""Coupons that staff list, read with their uses, change and end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.staff_pricing import (
    create_codes,
    create_coupon,
    create_promotion,
    end_coupon,
    end_promotion,
    get_coupon,
    list_coupons,
    publish_promotion,
    update_coupon,
)
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.inventory.store import counter_shards
from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict
from shop.kernel.unit_of_work import ConditionFailed
from shop.kernel.usage import UsageReservation
from shop.pricing.actions.coupons import create_coupon as save_coupon
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.usage import CODE_USES
from shop.pricing.model.usage_limits import CodeStatus
from shop.pricing.store.coupons import DynamoCouponRepository, code_statuses
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import PricingRow
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.aws_call_counter import count_calls
from tests.kit.order_fixtures import signed_in
from tests.kit.shop import ApiResponse, call

LIST, CREATE = "GET /staff/coupons", "POST /staff/coupons"
GET, PUT, END = "GET /staff/coupons/{id}", "PUT /staff/coupons/{id}", "POST /staff/coupons/{id}/end"
SAVE10 = {"id": "save", "promotion_id": "tenth", "code": "SAVE-10", "quantity": 5}

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
    effect = {"kind": "order_percent", "off_ppm": 100_000}
    promotion = {"id": "tenth", "title": "Tenth", "effect": effect, "code_required": True}
    created = send(create_promotion, "POST /staff/promotions", promotion)
    assert created.status == 201, created.text


def send(handler: Any, route: str, body: Any = None, **options: Any) -> ApiResponse:
    return call(handler.handler, route, body, claims=signed_in("otto", "catalog"), **options)


def create(**fields: Any) -> None:
    created = send(create_coupon, CREATE, {**SAVE10, **fields})
    assert created.status == 201, created.text


def read(id_: str = "save") -> dict[str, Any]:
    response = send(get_coupon, GET, id=id_)
    assert response.status == 200, response.text
    return dict(response.json)


def change(id_: str = "save", **fields: Any) -> ApiResponse:
    """Change fields of the coupon as it was read."""
    body = {name: value for name, value in read(id_).items() if value is not None}
    return send(update_coupon, PUT, {**body, **fields}, id=id_)


def end(id_: str = "save", version: int = 1) -> ApiResponse:
    return send(end_coupon, END, {"version": version}, id=id_)


def use(code: str, orders: int = 1) -> None:
    """Count uses of a code, as orders do."""
    counters = DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository())
    count = UsageReservation(CODE_USES, normalize_code(code), 1, None, "tenth")
    for _ in range(orders):
        DynamoUnitOfWork().commit(counters.consume([count]))


def status_of(code: str, customer: str | None = None) -> CodeStatus:
    form = normalize_code(code)
    return code_statuses({form: None}, customer, consistent=True)[form]


def issue(count: int = 3) -> list[str]:
    """Create a coupon with a batch and return its codes."""
    create(id="batch", code=None, quantity=None)
    issued = send(
        create_codes, "POST /staff/coupons/{id}/codes", {"count": count}, id="batch", key="k"
    )
    assert issued.status == 201, issued.text
    return list(DynamoCouponRepository().list_codes("batch", cursor=None).items)


def test_coupons_are_listed_in_pages() -> None:
    for name in ("c", "a", "b"):
        create(id=name, code=f"CODE{name}")
    page = send(list_coupons, LIST, query="limit=2").json
    assert [each["id"] for each in page["coupons"]] == ["a", "b"]
    rest = send(list_coupons, LIST, query=f"limit=2&cursor={page['cursor']}").json
    assert [each["id"] for each in rest["coupons"]] == ["c"]
    assert "cursor" not in rest


def test_list_takes_two_calls() -> None:
    create()
    with count_calls() as calls:
        send(list_coupons, LIST)
    assert [each.operation for each in calls.made] == ["Query", "BatchGetItem"]


def test_coupon_shows_its_uses_and_status() -> None:
    create()
    use("save 10", orders=2)
    coupon = read()
    assert (coupon["uses"], coupon["uses_complete"], coupon["status"]) == (2, True, "running")
    assert coupon["version"] == 1
    create(id="free", code="FREE", quantity=None)
    use("FREE", orders=3)
    assert read("free")["uses"] == 3


def test_uses_of_all_codes_of_a_batch_are_counted() -> None:
    codes = issue()
    use(codes[0])
    use(codes[2])
    assert (read("batch")["uses"], read("batch")["uses_complete"]) == (2, True)


def test_quantity_changes_by_the_difference() -> None:
    create()
    use("SAVE10", orders=2)
    assert change(quantity=9).status == 200
    assert status_of("SAVE10").uses_remaining == 7
    assert (read()["uses"], read()["version"]) == (2, 2)
    # The lowest quantity is that of the uses so far
    too_low = change(quantity=1)
    assert (too_low.status, too_low.json["code"]) == (409, "quantity_below_uses")
    assert "used 2 times" in too_low.json["detail"]
    assert change(quantity=2).status == 200
    assert status_of("SAVE10").uses_remaining == 0
    with pytest.raises(ConditionFailed):
        use("SAVE10")


def test_limit_is_removed_and_set_again() -> None:
    create()
    use("SAVE10", orders=2)
    coupons = DynamoCouponRepository()
    assert list(coupons.list_limited_codes("tenth")) == ["SAVE10"]
    body = {name: value for name, value in SAVE10.items() if name != "quantity"}
    assert send(update_coupon, PUT, {**body, "version": 1}, id="save").status == 200
    assert status_of("SAVE10").uses_remaining is None
    assert (read()["uses"], list(coupons.list_limited_codes("tenth"))) == (2, [])
    assert change(quantity=3).status == 200
    assert status_of("SAVE10").uses_remaining == 1
    assert list(coupons.list_limited_codes("tenth")) == ["SAVE10"]


def test_window_and_customer_limit_of_a_single_code_change() -> None:
    create()
    ends = "2026-12-24T12:00:00Z"
    assert change(ends=ends, per_customer=2).status == 200
    status = status_of("SAVE10", "jane")
    assert status.ends == datetime(2026, 12, 24, 12, tzinfo=UTC)
    assert (status.customer_uses_remaining, status.uses_remaining) == (2, 5)


def test_changes_apply_to_the_codes_of_batches() -> None:
    codes = issue()
    assert change("batch", ends="2026-12-24T12:00:00Z", per_customer=1).status == 200
    for code in codes:
        assert status_of(code, "jane").ends == datetime(2026, 12, 24, 12, tzinfo=UTC)
        assert status_of(code, "jane").customer_uses_remaining == 1


def test_ended_coupon_accepts_no_code_any_more() -> None:
    create()
    codes = issue()
    before = datetime.now(UTC)
    for id_, code in (("save", "SAVE10"), ("batch", codes[1])):
        assert end(id_).status == 200
        last = status_of(code).ends
        assert last is not None
        assert before - timedelta(seconds=1) <= last <= datetime.now(UTC)
        assert read(id_)["status"] == "ended"
    assert list(DynamoCouponRepository().list_limited_codes("tenth")) == []


def test_ended_coupon_cannot_be_changed_or_ended_again() -> None:
    create()
    end()
    for response in (end(version=2), change(quantity=9)):
        assert (response.status, response.json["code"]) == (409, "coupon_ended")


def test_ended_promotion_gets_no_coupon_that_could_never_work() -> None:
    ended = send(end_promotion, "POST /staff/promotions/{id}/end", {"version": 1}, id="tenth")
    assert ended.status == 200, ended.text
    created = send(create_coupon, CREATE, SAVE10)
    assert (created.status, created.json["code"]) == (409, "promotion_ended")
    assert created.json["errors"][0]["path"] == "$.promotion_id"
    assert send(get_coupon, GET, id="save").status == 404


def test_promotion_whose_end_has_passed_gets_no_coupon() -> None:
    body = {
        "id": "past",
        "title": "Past",
        "effect": {"kind": "order_percent", "off_ppm": 100_000},
        "code_required": True,
        "conditions": {"window": {"ends": (datetime.now(UTC) + HOUR).isoformat()}},
    }
    assert send(create_promotion, "POST /staff/promotions", body).status == 201
    route = "POST /staff/promotions/{id}/schedule"
    assert send(publish_promotion, route, {"version": 1}, id="past").status == 200
    coupon = Coupon("late", "past", code="LATE")
    promotions, coupons = DynamoPromotionRepository(), DynamoCouponRepository()
    later = datetime.now(UTC) + 2 * HOUR
    with pytest.raises(Conflict) as raised:
        save_coupon(coupon, coupons=coupons, promotions=promotions, at=later)
    assert raised.value.code == "promotion_ended"


def test_ended_coupon_gets_no_new_codes_and_repeats_those_of_a_known_key() -> None:
    issue()
    assert end("batch").status == 200
    route = "POST /staff/coupons/{id}/codes"
    more = send(create_codes, route, {"count": 3}, id="batch", key="other")
    assert (more.status, more.json["code"]) == (409, "coupon_ended")
    again = send(create_codes, route, {"count": 3}, id="batch", key="k")
    assert again.status == 201
    assert len(list(DynamoCouponRepository().list_codes("batch", cursor=None).items)) == 3


def test_end_keeps_an_earlier_end() -> None:
    create()
    assert change(ends="2026-01-01T00:00:00Z").status == 200
    assert end(version=2).json["ended_at"] == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"code": "OTHER"}, "$.code"),
        ({"promotion_id": "other"}, "$.promotion_id"),
        ({"per_code": 2}, "$.per_code"),
    ],
)
def test_fixed_fields_cannot_change(fields: dict[str, Any], path: str) -> None:
    create()
    response = change(**fields)
    assert (response.status, response.json["code"]) == (409, "coupon_field_fixed")
    assert [error["path"] for error in response.json["errors"]] == [path]
    assert read()["version"] == 1


def test_other_spelling_of_the_code_is_the_same_code() -> None:
    create()
    assert change(code="save 1O", quantity=6).json["code"] == "SAVE-10"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"quantity": 0}, "$.quantity"),
        ({"per_customer": 6}, "$.per_customer"),
        ({"starts": "2026-12-02T00:00:00Z", "ends": "2026-12-01T00:00:00Z"}, "$.ends"),
        ({"note": "x"}, "$.note"),
    ],
)
def test_invalid_change_is_rejected_whole(fields: dict[str, Any], path: str) -> None:
    create()
    response = change(**fields)
    assert (response.status, response.json["errors"][0]["path"]) == (400, path)
    assert read()["version"] == 1


def test_change_states_the_version_it_is_based_on() -> None:
    create()
    assert send(update_coupon, PUT, SAVE10, id="save").json["code"] == "version_missing"
    assert send(end_coupon, END, id="save").json["code"] == "version_missing"
    assert send(update_coupon, PUT, {**SAVE10, "version": 2}, id="save").status == 409
    assert end(version=2).status == 409
    response = change(quantity=6)
    assert response.headers["ETag"] == '"2"'


def test_concurrent_change_fails_instead_of_overwriting() -> None:
    create()
    coupons = DynamoCouponRepository()
    stale = coupons.get("save")
    assert change(quantity=6).status == 200
    after = stale.update(stale)
    with pytest.raises(Exception, match="has changed since"):
        coupons.update(stale, after, [])
    assert read()["quantity"] == 6


def test_quantity_of_a_code_in_shards_is_fixed() -> None:
    create()
    PricingRow("CODE#SAVE10", "CODE").update([PricingRow.shard_count.set(2)])
    # A change that keeps the quantity is possible
    body = {**SAVE10, "version": 1, "ends": "2026-12-24T12:00:00Z"}
    assert send(update_coupon, PUT, body, id="save").status == 200
    response = send(update_coupon, PUT, {**body, "version": 2, "quantity": 9}, id="save")
    assert (response.status, response.json["code"]) == (409, "code_sharded")


@pytest.mark.parametrize(
    ("handler", "route"),
    [(get_coupon, GET), (update_coupon, PUT), (end_coupon, END)],
)
def test_unknown_coupon_is_404(handler: Any, route: str) -> None:
    body: Any = None if handler is get_coupon else {"version": 1}
    if handler is update_coupon:
        body = {**SAVE10, "version": 1}
    assert send(handler, route, body, id="nothing").status == 404


@pytest.mark.parametrize(
    ("handler", "route"),
    [(list_coupons, LIST), (get_coupon, GET), (update_coupon, PUT), (end_coupon, END)],
)
@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane"), 403)])
def test_only_staff_may_use_coupons(handler: Any, route: str, claims: Any, status: int) -> None:
    create()
    path: dict[str, Any] = {"id": "save"} if "{id}" in route else {}
    assert call(handler.handler, route, {}, claims=claims, **path).status == status
    assert read()["version"] == 1
