"""The dependencies of completing a checkout."""

from datetime import timedelta

from shop.checkout.actions.dependencies import CheckoutDependencies, PlacementWrites
from shop.checkout.store import ClaimingCheckoutSessionRepository
from shop.composition import claim_session
from shop.composition.checkout import checkout_pricing_context
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import required_setting
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.factory import create_payment_provider
from shop.pricing.store.usage_counters import DynamoUsageCounters
from shop.storage.idempotency import DynamoIdempotencyStore
from shop.storage.transactions import DynamoUnitOfWork


def checkout_dependencies() -> CheckoutDependencies:
    """Build them. A missing setting raises here and stops the cold start."""
    return CheckoutDependencies(
        sessions=ClaimingCheckoutSessionRepository(claim_session),
        writes=PlacementWrites(
            orders=DynamoOrderRepository(),
            stock=DynamoStockRepository(),
            usage=DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
            uow=DynamoUnitOfWork(),
            placement_uow=DynamoUnitOfWork(retry_throttled=False),
        ),
        idempotency=DynamoIdempotencyStore(),
        provider=create_payment_provider(),
        pricing=checkout_pricing_context(),
        credit_accounts=DynamoCreditAccountRepository(),
        code_attempts=DynamoCodeAttemptLimiter(),
        payment_window=timedelta(seconds=int(required_setting("PAYMENT_WINDOW_SECONDS"))),
    )
