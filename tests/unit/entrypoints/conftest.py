"""A platform to negotiate with, and an empty profile cache for each test."""

from collections.abc import Iterator

import pytest

from shop.entrypoints import ucp
from tests.kit.platform import Platform, platform


@pytest.fixture
def agent() -> Iterator[Platform]:
    with platform() as running:
        yield running


@pytest.fixture(autouse=True)
def _empty_profile_cache() -> Iterator[None]:
    ucp._profiles.cache_clear()
    yield
    ucp._profiles.cache_clear()
