"""Packages that load their names when they are asked for: every name they show is there."""

import pytest

import shop.peak.store
import shop.pricing.model
import shop.pricing.store
from shop.kernel.on_demand import on_demand


@pytest.mark.parametrize("package", [shop.peak.store, shop.pricing.model, shop.pricing.store])
def test_whatever_a_package_shows_can_be_had(package: object) -> None:
    shown = package.__all__  # type: ignore[attr-defined]
    assert [name for name in shown if not hasattr(package, name)] == []


def test_a_name_is_looked_for_where_it_lives_and_nowhere_else() -> None:
    ask = on_demand("shop.kernel", {"money": "Money Rounding", "ids": "new_id"})
    assert ask("Rounding").HALF_EVEN
    assert ask("new_id")("cart").startswith("cart_")
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        ask("Nothing")
