"""The default route: 404 and 405 as problem documents of the application."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.route_table import write_routes
from tests.kit.shop import call


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Return the handler with the routes of the manifests, as its package contains them."""
    from functions.not_found import handler

    write_routes(tmp_path)
    monkeypatch.setenv("ACCESS", "public")
    monkeypatch.setattr(handler, "FILES", tmp_path)
    handler.routes_of_stage.cache_clear()
    yield handler.handler
    handler.routes_of_stage.cache_clear()


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
        ("DELETE /staff/stock/a/b", "GET, PUT"),
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


def test_a_route_of_other_stages_is_unknown(handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.not_found import handler as module

    assert call(handler, "DELETE /webhooks/payments/sandbox").status == 405
    monkeypatch.setattr(module, "STAGE", "prod")
    module.routes_of_stage.cache_clear()
    assert call(handler, "DELETE /webhooks/payments/sandbox").status == 404
