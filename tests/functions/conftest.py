"""Handlers over moto, with empty tables and queues for each test."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shop.inventory.store import level_cache, locations_cache
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.shipping.store import shipping_table_cache
from shop.storage.kill_switches import switch_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.shop import create_queues, create_tables


@pytest.fixture
def cloud() -> Iterator[None]:
    """Empty tables and queues in one process."""
    with mock_aws():
        create_tables()
        rule_set_cache(tax_table_cache()).clear()
        switch_cache().clear()
        level_cache().clear()
        locations_cache().clear()
        waiting_rooms().clear()
        shipping_table_cache().forget()
        create_queues()
        yield
    locations_cache().clear()
