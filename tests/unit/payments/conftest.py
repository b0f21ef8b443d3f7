"""A provider, once in memory and once the sandbox over its table (moto)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from tests.doubles.payments import MemoryProvider
from tests.kit.shop import create_tables


@dataclass
class Counter:
    """A provider, the handler of its credentials, and what it was told to settle later."""

    provider: Any
    handler: str
    told: list[str] = field(default_factory=list)


@pytest.fixture(params=["memory", "sandbox"])
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    if request.param == "memory":
        yield Counter(MemoryProvider(), "memory")
        return
    with mock_aws():
        create_tables()
        from shop.payments.gateway.sandbox import SandboxProvider

        told: list[str] = []
        provider = SandboxProvider(shop_url="http://shop.test", later=told.append)
        yield Counter(provider, "sandbox", told)
