"""Load tests, worker functions before the sale: goods, promotions, gift card, checkout sessions.

The sessions are written by the shop's own store. They lack nothing, so buyers only complete them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from functions.checkout import create_checkout
from functions.credits import issue_gift_card
from shop.cart.model import usage_key
from shop.checkout.model import CheckoutSession
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.inventory.actions.sharding import reshard_for_peak
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.actions.usage_sharding import reshard_counter
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.usage import CUSTOMER_USES, QUOTA
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.usage_shards import DynamoUsageCounterRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.products import checkout_body, mug, publish_with_stock
from tests.kit.shop import call
from verification.emulator import create_shop_tables
from verification.load_test import session_id
from verification.purchase_driver import STAFF, as_staff
from verification.worker_pool import ProgressReporter

SKU = "MUG-RED"
COUPON_CODE = "RACE100"
SALE_ID = "flash"
PEAK_ORDERS_PER_SECOND = 1_000
"""Traffic peak that a flash sale is prepared for."""
SESSIONS_PER_TRANSACTION = 100

Requested = Sequence[tuple[str, int]]
"""Variants and quantities of a checkout."""


def prepare_shop(progress: ProgressReporter, *, pieces: int, uses: int = 0, quota: int = 0) -> None:
    """Create the tables, and put this many pieces of two mugs on sale.

    ``uses`` creates a coupon that takes a tenth off, once per customer. ``quota`` creates a flash
    sale of the red mug that is prepared for a traffic peak, with stock and quota split into shards.
    """
    create_shop_tables()
    publish_with_stock(mug(), pieces=pieces)
    now = datetime.now(UTC)
    if quota:
        _publish_flash_sale(quota, now)
    if uses:
        effect = {"kind": "order_percent", "off_ppm": 100_000}
        promotion = {"id": "tenth", "title": "A tenth", "code_required": True, "effect": effect}
        _publish(promotion, now)
        coupon = Coupon("ten", "tenth", code=COUPON_CODE, quantity=uses, per_customer=1)
        create_coupon(
            coupon,
            coupons=DynamoCouponRepository(),
            promotions=DynamoPromotionRepository(),
            at=now,
        )


def _publish_flash_sale(quota: int, now: datetime) -> None:
    price = [{"amount": 999, "currency": "USD"}]
    effect = {"kind": "flash_sale", "price": price, "quota": quota}
    goods = {"variants": ["mug.1"]}
    _publish({"id": SALE_ID, "title": "Flash", "goods": goods, "effect": effect}, now)
    reshard_for_peak(SKU, PEAK_ORDERS_PER_SECOND, stock=DynamoStockRepository())
    reshard_counter(
        QUOTA,
        SALE_ID,
        quota,
        PEAK_ORDERS_PER_SECOND,
        rows=DynamoUsageCounterRepository(),
        stock=counter_shards(),
        at=now,
    )


def _publish(raw: dict[str, Any], now: datetime) -> None:
    promotion, promotions = Promotion.from_dict(raw), DynamoPromotionRepository()
    create_promotion(promotion, promotions=promotions, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion(promotion.id, promotions=promotions, at=now)


def issue_card(
    progress: ProgressReporter, *, requested: Requested, orders: float
) -> dict[str, Any]:
    """Issue a gift card that holds the totals of so many orders; return code, amount, total."""
    total = _template(tuple(requested)).offer.quote.total.minor
    amount = int(total * orders)
    body = {"amount": amount, "currency": "USD", "reason": "load test"}
    with as_staff("staff"):
        answer = call(issue_gift_card.handler, "POST /staff/gift-cards", body, claims=STAFF)
    assert answer.status == 201, answer.text
    return {"code": answer.json["code"], "amount": amount, "total": total}


def create_sessions(
    progress: ProgressReporter,
    *,
    first: int,
    number: int,
    requested: Requested,
    with_coupon: bool = False,
) -> None:
    """Write sessions that are ready to complete. With the coupon, two belong to each customer."""
    sessions, uow = DynamoCheckoutSessionRepository(), DynamoUnitOfWork(connection())
    template = _template(tuple((item, pieces) for item, pieces in requested), with_coupon)
    created = [
        replace(template, id=session_id(first + n), created_at=datetime.now(UTC))
        for n in range(number)
    ]
    if with_coupon:
        created = [_of_customer(each, (first + n) // 2) for n, each in enumerate(created)]
    for start in range(0, number, SESSIONS_PER_TRANSACTION):
        batch = created[start : start + SESSIONS_PER_TRANSACTION]
        uow.commit(*(sessions.insert_op(session) for session in batch))
        progress(len(batch))


def _of_customer(session: CheckoutSession, number: int) -> CheckoutSession:
    buyer = replace(session.buyer, email=f"client{number}@example.com")
    customer = usage_key(session.owner, buyer.email)
    usage = tuple(
        replace(each, name=f"{each.name.split('#')[0]}#{customer}")
        if each.kind == CUSTOMER_USES
        else each
        for each in session.offer.usage
    )
    return replace(session, buyer=buyer, offer=replace(session.offer, usage=usage))


@lru_cache(maxsize=8)
def _template(requested: tuple[tuple[str, int], ...], with_coupon: bool = False) -> CheckoutSession:
    body = checkout_body(*requested)
    if with_coupon:
        body["discounts"] = {"codes": [COUPON_CODE]}
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    return DynamoCheckoutSessionRepository().get("guest", answer.json["id"], datetime.now(UTC))
