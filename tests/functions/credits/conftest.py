"""What all credits tests need: empty tables, and mugs to buy."""

import pytest

from tests.kit.products import mug, publish_with_stock


@pytest.fixture(autouse=True)
def _mugs_in_stock(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)
