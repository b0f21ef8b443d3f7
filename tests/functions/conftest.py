"""The shop's doors over moto."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shop.inventory.store import known_network, recent_levels
from shop.peak.store.rooms import waiting_rooms
from shop.pricing.store.book import rule_book
from shop.shipping.store import shipping_tables
from shop.storage.switchboard import switchboard
from tests.kit.shop import create_queues, create_tables


@pytest.fixture
def cloud() -> Iterator[None]:
    """Empty tables and queues in one process."""
    with mock_aws():
        create_tables()
        rule_book().forget()
        switchboard().forget()
        recent_levels().forget()
        known_network().forget()
        waiting_rooms().forget()
        shipping_tables().forget()
        create_queues()
        yield
    known_network().forget()
