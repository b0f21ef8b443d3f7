"""GET /.well-known/ucp: the business profile, equal for all callers and cacheable."""

from shop.entrypoints.business_profile import business_profile
from shop.entrypoints.caching import cacheable
from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.payments.schemas import payment_handlers

CACHE_SECONDS = 300
"""UCP requires at least 60. A withdrawn payment handler disappears within five minutes."""

profile = business_profile(
    payment_handlers(required_setting("PAYMENT_PROVIDER"), required_setting("SHOP_URL"))
)


@endpoint()
def handler(request: Request[None]) -> Response:
    return cacheable(request, profile, seconds=CACHE_SECONDS)
