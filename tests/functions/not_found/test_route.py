"""What no route takes is answered by the shop, in its own words."""

from typing import Any

import pytest

from tests.kit.shop import call

ROUTES = (
    "GET /orders/{id},PUT /carts/{id},GET /carts/{id},POST /carts,GET /.well-known/ucp,"
    "GET /staff/stock/{sku+}"
)


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    import importlib

    monkeypatch.setenv("ACCESS", "public")
    monkeypatch.setenv("ROUTES", ROUTES)
    import functions.not_found.handler

    return importlib.reload(functions.not_found.handler).handler


@pytest.mark.parametrize(
    "asked",
    [
        "GET /nothing",
        "GET /",
        "POST /orders",
        "GET /orders/",
        "GET /orders/a/b",
        "GET /orders//",
        "GET /xwell-known/ucp",
        "GET /carts/../..",
    ],
)
def test_an_unknown_address_is_a_404_as_problem_json(handler: Any, asked: str) -> None:
    reply = call(handler, asked)
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["status"] == 404
    assert reply.json["code"] == "route_unknown"


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("DELETE /carts/cart_1", "GET, PUT"),
        ("GET /carts", "POST"),
        ("HEAD /.well-known/ucp", "GET"),
        ("PATCH /orders/ord_a%2Fb", "GET"),
        ("DELETE /staff/stock/a/b", "GET"),
    ],
)
def test_a_known_address_with_another_method_is_a_405_that_names_the_allowed_ones(
    handler: Any, asked: str, allowed: str
) -> None:
    reply = call(handler, asked)
    assert reply.status == 405
    assert reply.headers["Allow"] == allowed
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["code"] == "method_not_allowed"
    assert allowed in reply.json["detail"]
