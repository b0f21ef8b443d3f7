"""GET /.well-known/ucp: what the shop speaks. The same for everybody, so anybody may keep it."""

from shop.entrypoints.business_profile import business_profile
from shop.entrypoints.http import Request, Response, cacheable, endpoint, required_setting
from shop.payments.schemas import payment_handlers

KEPT = 300
"""Seconds. UCP asks for 60 at least; a withdrawn way to pay is forgotten in five minutes."""

profile = business_profile(
    payment_handlers(required_setting("PAYMENT_PROVIDER"), required_setting("SHOP_URL"))
)


@endpoint()
def handler(request: Request[None]) -> Response:
    return cacheable(request, profile, seconds=KEPT)
