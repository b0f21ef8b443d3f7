"""The deployed shop and its actors. All journeys share one cloud; each sells its own products."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from functions.all import FEATURES
from local.cloud import Cloud
from local.http_actors import Carrier, HttpClient, sign_in, sign_up
from local.pytest_cloud import cloud

__all__ = ["cloud"]

PASSWORD = "Doorbuster-test-1"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def staff(cloud: Cloud) -> HttpClient:
    """Return a staff user in every group."""
    sign_up(cloud, "staff@doorbuster.example", PASSWORD, "staff", "catalog", "fulfilment", "admin")
    return HttpClient(cloud.url, sign_in(cloud, "staff@doorbuster.example", PASSWORD, staff=True))


@pytest.fixture(scope="session")
def jane(cloud: Cloud) -> HttpClient:
    """Return a signed-in customer."""
    sign_up(cloud, "jane@example.com", PASSWORD)
    return HttpClient(cloud.url, sign_in(cloud, "jane@example.com", PASSWORD))


@pytest.fixture(scope="session")
def mallory(cloud: Cloud) -> HttpClient:
    """Return another customer, who tries to read the data of others."""
    sign_up(cloud, "mallory@example.com", PASSWORD)
    return HttpClient(cloud.url, sign_in(cloud, "mallory@example.com", PASSWORD))


@pytest.fixture
def guest(cloud: Cloud) -> HttpClient:
    """Return a customer who is not signed in."""
    return HttpClient(cloud.url)


@pytest.fixture(scope="session")
def carrier(cloud: Cloud) -> Carrier:
    """Return a carrier that signs its webhooks."""
    return Carrier(cloud)


@pytest.fixture(scope="session")
def sell(staff: HttpClient) -> Callable[..., dict[str, Any]]:
    """Return a function that puts a new product on sale and returns its id, variant and SKU."""

    def put_on_sale(
        *, pieces: int, price: int = 1299, title: str = "Journey Mug"
    ) -> dict[str, Any]:
        number = next(_numbers)
        sku = f"JOURNEY-{number}"
        product = staff.post(
            "/staff/products",
            {
                "title": f"Journey {number}",
                "description": "A mug for a journey.",
                "variants": [
                    {"sku": sku, "title": "One", "price": {"amount": price, "currency": "USD"}}
                ],
            },
        )
        path = f"/staff/products/{product['id']}"
        for status in ("in_review", "published"):
            change = {"status": status, "version": product["version"]}
            product = staff.post(f"{path}/status", change)
        staff.put(f"/staff/stock/{sku}", {"on_hand": pieces, "version": 0, "reason": "opening"})
        return {"id": product["id"], "variant": product["variants"][0]["id"], "sku": sku}

    return put_on_sale


def run_schedule(cloud: Cloud, name: str) -> None:
    """Invoke the Lambda of a schedule, as EventBridge Scheduler does at its next time."""
    module = f"scheduled.{name}"
    assert any(function.module == module for feature in FEATURES for function in feature.functions)
    cloud.client("lambda").invoke(
        FunctionName=f"doorbuster-{cloud.stage}-scheduled-{name}", Payload=b"{}"
    )
