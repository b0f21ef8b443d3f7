"""GET /checkout-sessions/{id}: look at a checkout."""

from collections.abc import Mapping
from typing import Any

from shop.cart.actions import PricingContext
from shop.catalog.store import DynamoProductCatalog
from shop.checkout.actions import get_checkout
from shop.checkout.schemas import CheckoutPageSettings, checkout_view
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository, counter_level_cache
from shop.orders.store import DynamoOrderRepository
from shop.peak.actions.room_expiry import ActiveWaitingRooms
from shop.peak.schemas.checkout_notices import with_waiting_room_notice
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.pricing.store.usage_counters import DynamoUsageLimitReader
from shop.shipping.store import shipping_table_cache
from shop.storage.transactions import DynamoUnitOfWork
from shop.tax.store.cache import tax_table_cache

sessions = DynamoCheckoutSessionRepository()
stock = DynamoStockRepository()
orders = DynamoOrderRepository()
ledger = DynamoUnitOfWork()
pricing = PricingContext(
    DynamoProductCatalog(),
    rule_set_cache(tax_table_cache()),
    DynamoUsageLimitReader(counter_level_cache(), DynamoCustomerSegmentRepository()),
    stock,
    orders,
    shipping_table_cache(),
)
front = CheckoutPageSettings.from_environment()
rooms = ActiveWaitingRooms(waiting_rooms(), rule_set_cache(tax_table_cache()))


@endpoint(capability="dev.ucp.shopping.checkout")
def handler(request: Request[None]) -> Mapping[str, Any]:
    result = get_checkout(
        request.caller.owner,
        request.path["id"],
        sessions=sessions,
        orders=orders,
        pricing=pricing,
        stock=stock,
        uow=ledger,
        at=request.received_at,
    )
    view = checkout_view(result, front)
    return with_waiting_room_notice(view, rooms.list_open(request.received_at), front.shop_url)
