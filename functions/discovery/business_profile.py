"""GET /.well-known/ucp: what the shop speaks. The same for everybody, so anybody may keep it."""

from shop.edge.http import Answer, Request, cacheable, endpoint, setting
from shop.edge.ucp import business_profile
from shop.payments.wire import payment_handlers

KEPT = 300
"""Seconds. UCP asks for 60 at least; a withdrawn way to pay is forgotten in five minutes."""

profile = business_profile(payment_handlers(setting("PAYMENT_PROVIDER"), setting("SHOP_URL")))


@endpoint()
def handler(request: Request[None]) -> Answer:
    return cacheable(request, profile, seconds=KEPT)
