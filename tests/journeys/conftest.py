"""The deployed shop, and people around it. One cloud serves all; each brings its own goods."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from local.cloud import Cloud
from local.http_actors import Carrier, HttpClient, sign_in, sign_up
from local.pytest_cloud import cloud

__all__ = ["cloud"]

PASSWORD = "Doorbuster-test-1"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def staff(cloud: Cloud) -> HttpClient:
    """Somebody of the staff who may do everything staff may do."""
    sign_up(
        cloud, "staff@doorbuster.example", PASSWORD, "staff", "catalogue", "fulfilment", "admin"
    )
    return HttpClient(cloud.url, sign_in(cloud, "staff@doorbuster.example", PASSWORD, staff=True))


@pytest.fixture(scope="session")
def jane(cloud: Cloud) -> HttpClient:
    """A customer who is signed in."""
    sign_up(cloud, "jane@example.com", PASSWORD)
    return HttpClient(cloud.url, sign_in(cloud, "jane@example.com", PASSWORD))


@pytest.fixture(scope="session")
def mallory(cloud: Cloud) -> HttpClient:
    """Another customer, who looks at what is not hers."""
    sign_up(cloud, "mallory@example.com", PASSWORD)
    return HttpClient(cloud.url, sign_in(cloud, "mallory@example.com", PASSWORD))


@pytest.fixture
def guest(cloud: Cloud) -> HttpClient:
    """Somebody whom nobody knows."""
    return HttpClient(cloud.url)


@pytest.fixture(scope="session")
def carrier(cloud: Cloud) -> Carrier:
    """A carrier that signs what it says."""
    return Carrier(cloud)


@pytest.fixture
def sell(staff: HttpClient) -> Callable[..., dict[str, Any]]:
    """Put a new product on sale, with a SKU of its own; the fixture gives its id, variant, sku."""

    def put_on_sale(
        *, pieces: int, price: int = 1299, title: str = "Journey Mug"
    ) -> dict[str, Any]:
        number = next(_numbers)
        sku = f"JOURNEY-{number}"
        made = staff.post(
            "/staff/products",
            {
                "title": f"Journey {number}",
                "description": "A mug for a journey.",
                "variants": [
                    {"sku": sku, "title": "One", "price": {"amount": price, "currency": "USD"}}
                ],
            },
        )
        path = f"/staff/products/{made['id']}"
        made = staff.post(f"{path}/status", {"status": "in_review", "version": made["version"]})
        made = staff.post(f"{path}/status", {"status": "published", "version": made["version"]})
        staff.put(f"/staff/stock/{sku}", {"on_hand": pieces, "version": 0, "reason": "opening"})
        return {"id": made["id"], "variant": made["variants"][0]["id"], "sku": sku}

    return put_on_sale
