"""GET /staff/customers/{id}: a customer with orders in numbers, groups, store credit and points."""

from datetime import UTC, datetime

from shop.credits.schemas import credits_view
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.webhook import RawSigningSecret
from shop.kernel.text_folding import clean
from shop.orders.schemas.customer_list import CustomerDetailView
from shop.orders.store.customer_finder import DynamoCustomerFinder

secret = RawSigningSecret(required_setting("SECRET_ORDER_INDEX"))
customers = DynamoCustomerFinder(lambda: secret.keys(datetime.now(UTC)))
segments = DynamoCustomerSegmentRepository()
credit_accounts = DynamoCreditAccountRepository()


@endpoint()
def handler(request: Request[None]) -> CustomerDetailView:
    customer = customers.get(clean(request.path["id"]))
    if customer.key.is_guest:
        return CustomerDetailView.with_credits(customer, None, 0, {})
    id_ = customer.key.id
    view = credits_view(id_, credit_accounts, request.received_at)
    store_credit = {name: account.available for name, account in view.store_credit.items()}
    return CustomerDetailView.with_credits(
        customer, segments.get(id_), view.points.available, store_credit
    )
