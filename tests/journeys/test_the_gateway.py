"""What the gateway itself takes care of: no token and no address makes a fault."""

import base64

import pytest

from local.cloud import Cloud
from local.people import Visitor

pytestmark = pytest.mark.journey

LIST = base64.urlsafe_b64encode(b"[]").decode().rstrip("=")
NULL = base64.urlsafe_b64encode(b"null").decode()
GARBLED = [f"{LIST}.{LIST}.eA", f"{NULL}.e30.eA", "no-token", "a.b.c", ".." * 2_000]


@pytest.mark.parametrize("token", GARBLED, ids=["list", "null", "word", "letters", "dots"])
@pytest.mark.parametrize("route", ["GET /account/orders", "GET /staff/orders", "GET /orders/ord_x"])
def test_a_garbled_token_is_a_401(cloud: Cloud, route: str, token: str) -> None:
    reply = Visitor(cloud.url).ask(route, headers={"Authorization": f"Bearer {token}"})
    assert reply.status == 401


@pytest.mark.parametrize(
    ("route", "status", "code"),
    [
        ("GET /nothing", 404, "route_unknown"),
        ("POST /_ministack/reset", 404, "route_unknown"),
        ("DELETE /carts/cart_1", 405, "method_not_allowed"),
        ("GET /carts", 405, "method_not_allowed"),
    ],
)
def test_an_address_without_a_route_is_answered_by_the_shop(
    cloud: Cloud, route: str, status: int, code: str
) -> None:
    reply = Visitor(cloud.url).ask(route)
    assert reply.status == status
    assert reply.body["code"] == code
    assert reply.headers["Content-Type"] == "application/problem+json"
