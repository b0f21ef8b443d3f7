"""Handlers over moto, with empty tables and queues for each test."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from moto import mock_aws

from shop.inventory.store import counter_level_cache, level_cache, locations_cache
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.shipping.store import shipping_table_cache
from shop.storage.kill_switches import switch_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.shop import create_queues, create_tables

LONG = timedelta(hours=1)
FRESHNESS = {
    "shop.inventory.store.locations.LOCATIONS_CACHE_SECONDS": LONG.total_seconds(),
    "shop.peak.store.waiting_rooms.ROOMS_CACHE_TTL": LONG,
    "shop.pricing.store.rule_set_cache.RULES_CACHE_TTL": LONG,
    "shop.pricing.store.usage_counters.SHARDED_ROW_CACHE_SECONDS": LONG.total_seconds(),
    "shop.storage.kill_switches.SWITCH_CACHE_SECONDS": LONG.total_seconds(),
}
"""How long the caches of a process are fresh in these tests: longer than any test takes."""


def keep_caches_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test count calls on a machine of any speed: no cache expires while it runs."""
    for name, value in FRESHNESS.items():
        monkeypatch.setattr(name, value)
    for cache in (level_cache(), counter_level_cache()):
        monkeypatch.setattr(cache, "_fresh_for", LONG.total_seconds())


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables and queues in one process, whose caches expire only when a test clears them."""
    keep_caches_fresh(monkeypatch)
    with mock_aws():
        create_tables()
        rule_set_cache(tax_table_cache()).clear()
        switch_cache().clear()
        level_cache().clear()
        counter_level_cache().clear()
        locations_cache().clear()
        waiting_rooms().clear()
        shipping_table_cache().forget()
        create_queues()
        yield
    locations_cache().clear()
