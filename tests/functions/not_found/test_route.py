"""The default route: 404 and 405 as problem documents of the application."""

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
    "route",
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
def test_an_unknown_path_is_a_404_problem_document(handler: Any, route: str) -> None:
    response = call(handler, route)
    assert response.status == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json["status"] == 404
    assert response.json["code"] == "route_unknown"


@pytest.mark.parametrize(
    ("route", "allowed"),
    [
        ("DELETE /carts/cart_1", "GET, PUT"),
        ("GET /carts", "POST"),
        ("HEAD /.well-known/ucp", "GET"),
        ("PATCH /orders/ord_a%2Fb", "GET"),
        ("DELETE /staff/stock/a/b", "GET"),
    ],
)
def test_a_known_path_with_another_method_is_a_405_with_the_allowed_methods(
    handler: Any, route: str, allowed: str
) -> None:
    response = call(handler, route)
    assert response.status == 405
    assert response.headers["Allow"] == allowed
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json["code"] == "method_not_allowed"
    assert allowed in response.json["detail"]
