"""Any JSON that staff send is a valid promotion, price list or coupon, or rejected."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.kernel.errors import InvalidRequest
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.price_lists import PriceList
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet

pytestmark = pytest.mark.slow

WORDS = st.sampled_from(
    """kind percent_off order_percent order_amount amount_off buy_get gift_with group_price bundle
    flash_sale limited_price every_spend spend_save shipping_off amount currency USD id title effect
    goods conditions window starts ends zone weekdays hours stacking capacity entries article price
    2026-12-01T00:00:00Z 0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00 10:00 10:00+02:00
    Europe/Berlin ../etc America tenth mug.1""".split()
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
USD = [{"amount": 500, "currency": "USD"}]
WINDOW = {
    "starts": "2026-12-01T00:00:00Z",
    "ends": "2026-12-09T00:00:00+01:00",
    "zone": "Europe/Berlin",
    "weekdays": [0, 6],
    "hours": ["10:00:00", "12:00:00"],
}
EFFECTS: list[dict[str, Any]] = [
    {"kind": "percent_off", "off_ppm": 100_000},
    {"kind": "order_percent", "off_ppm": 100_000},
    {"kind": "order_amount", "amount": USD},
    {"kind": "buy_get", "buy_quantity": 2, "get_quantity": 1},
    {"kind": "gift", "sku": "MUG", "variant": "mug.1", "title": "A mug"},
    {"kind": "spend_save", "tiers": [[USD, USD]]},
    {"kind": "shipping_off"},
]
PROMOTIONS = [
    {
        "id": "tenth",
        "title": "A tenth",
        "effect": effect,
        "goods": {"products": ["mug"], "not_variants": ["mug.2"]},
        "conditions": {"window": WINDOW, "min_amount": USD, "groups": ["vip"]},
        "stacking": {"group": "default", "priority": 1},
        "capacity": {"orders_per_second": 100, "skus": ["MUG"]},
    }
    for effect in EFFECTS
]
PRICE_LIST: dict[str, Any] = {
    "id": "winter",
    "title": "Winter",
    "currency": "USD",
    "entries": [{"article": "mug.1", "price": 1000, "min_quantity": 2, "compare_at": 1200}],
    "markets": ["EU"],
    "window": WINDOW,
}
COUPON: dict[str, Any] = {
    "id": "spring",
    "promotion_id": "tenth",
    "code": "SPRING",
    "quantity": 5,
    "per_customer": 1,
    "starts": "2026-12-01T00:00:00Z",
    "ends": "2026-12-09T00:00:00Z",
}


def _locations(raw: Any) -> Iterator[tuple[Any, Any]]:
    children = raw.items() if isinstance(raw, dict) else enumerate(raw)
    for name, inner in list(children):
        yield raw, name
        if isinstance(inner, (dict, list)):
            yield from _locations(inner)


@st.composite
def corrupted(draw: st.DrawFn, *valid: dict[str, Any]) -> Any:
    """Any JSON; most often a valid body with other JSON in one or two places."""
    if draw(st.integers(0, 4)) == 0:
        return draw(JSON)
    body = copy.deepcopy(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 2))):
        node, name = draw(st.sampled_from(list(_locations(body)) or [({"": 0}, "")]))
        node[name] = draw(JSON)
    return body


many_examples = settings(
    max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def _or_none(read: Callable[[Any], Any], raw: Any) -> Any:
    try:
        return read(raw)
    except InvalidRequest:
        return None


def _line() -> BasketLine:
    return BasketLine("1", "mug", "mug.1", "MUG", "Mug", Money(1299, "USD"), 3)


NOW = datetime(2026, 12, 7, 9, 30, tzinfo=UTC)


@many_examples
@given(corrupted(*PROMOTIONS))
def test_any_json_is_a_valid_promotion_or_rejected(raw: Any) -> None:
    from shop.pricing.actions.quotes import quote

    promotion = _or_none(Promotion.from_dict, raw)
    if promotion is not None:
        assert Promotion.from_dict(json.loads(json.dumps(promotion.to_dict()))) == promotion
        rules = RuleSet().with_promotion(promotion.publish(datetime(2000, 1, 2, tzinfo=UTC)))
        quote(Basket((_line(),), "USD", market="US"), rules=rules, at=NOW)


@many_examples
@given(corrupted(PRICE_LIST))
def test_any_json_is_a_valid_price_list_or_rejected(raw: Any) -> None:
    price_list = _or_none(PriceList.from_dict, raw)
    if price_list is not None:
        assert PriceList.from_dict(json.loads(json.dumps(price_list.to_dict()))) == price_list
        price_list.applies_to(Basket((_line(),), "USD", market="EU"), NOW)


@many_examples
@given(st.sampled_from(["PromotionBody", "PriceListBody", "CouponBody"]), st.data())
def test_any_request_body_is_parsed_or_rejected(name: str, data: st.DataObject) -> None:
    from pydantic import BaseModel

    from shop.entrypoints.request_body import parse_body
    from shop.pricing.schemas.coupons import CouponBody
    from shop.pricing.schemas.price_lists import PriceListBody
    from shop.pricing.schemas.promotions import PromotionBody

    schemas: dict[str, type[BaseModel]]
    schemas = {"PromotionBody": PromotionBody, "PriceListBody": PriceListBody}
    schema = schemas.get(name, CouponBody)
    valid: dict[str, list[dict[str, Any]]]
    valid = {"PromotionBody": PROMOTIONS, "PriceListBody": [PRICE_LIST], "CouponBody": [COUPON]}
    body_json = data.draw(corrupted(*valid[name]))

    def read(raw: Any) -> Any:
        body = parse_body(schema, json.dumps(raw).encode())
        if isinstance(body, PromotionBody):
            return body.promotion()
        if isinstance(body, PriceListBody):
            return body.price_list()
        assert isinstance(body, CouponBody)
        return body.coupon().problems()

    _or_none(read, body_json)
