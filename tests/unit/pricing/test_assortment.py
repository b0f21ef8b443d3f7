"""What a promotion names is asked of the catalogue, but not what cannot be a name."""

from collections.abc import Iterable
from typing import Any, cast

from shop.catalog.ports import Catalogue
from shop.pricing.actions.assortment import LONGEST, InCatalogue

LONG = "x" * (LONGEST + 1)


class Strict:
    """Answers as DynamoDB does: a key that is too long is an error, not an answer."""

    def products(self, ids: Iterable[str]) -> dict[str, Any]:
        assert all(len(id) <= LONGEST for id in ids)
        return {}

    def has_category(self, category: str) -> bool:
        assert len(category) <= LONGEST
        return False

    def seller(self, sku: str) -> str | None:
        assert len(sku) <= LONGEST
        return None


def test_what_is_too_long_for_a_name_is_unknown_and_not_looked_up() -> None:
    assortment = InCatalogue(cast(Catalogue, Strict()))
    named = [(sort, LONG) for sort in ("product", "variant", "category", "sku", "method")]
    named += [("variant", f"{LONG}.1"), ("product", "short")]
    assert assortment.strangers(named) == set(named)
    assert assortment.unknown([LONG, f"{LONG}.1", "short"]) == [LONG, f"{LONG}.1", "short"]
    assert assortment.article(f"{LONG}.1") is None
