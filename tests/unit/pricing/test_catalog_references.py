"""What a promotion names is asked of the catalogue, but not what cannot be a name."""

from collections.abc import Iterable
from typing import Any, cast

from shop.catalog.ports import ProductCatalog
from shop.pricing.actions.catalog_references import MAX_REFERENCE_LENGTH, CatalogReferences

LONG = "x" * (MAX_REFERENCE_LENGTH + 1)


class Strict:
    """Answers as DynamoDB does: a key that is too long is an error, not an answer."""

    def get_many(self, ids: Iterable[str]) -> dict[str, Any]:
        assert all(len(id) <= MAX_REFERENCE_LENGTH for id in ids)
        return {}

    def has_category(self, category: str) -> bool:
        assert len(category) <= MAX_REFERENCE_LENGTH
        return False

    def product_id_for(self, sku: str) -> str | None:
        assert len(sku) <= MAX_REFERENCE_LENGTH
        return None


def test_what_is_too_long_for_a_name_is_unknown_and_not_looked_up() -> None:
    assortment = CatalogReferences(cast(ProductCatalog, Strict()))
    named = [(sort, LONG) for sort in ("product", "variant", "category", "sku", "method")]
    named += [("variant", f"{LONG}.1"), ("product", "short")]
    assert assortment.find_unknown(named) == set(named)
    assert assortment.find_unknown_articles([LONG, f"{LONG}.1", "short"]) == [
        LONG,
        f"{LONG}.1",
        "short",
    ]
    assert assortment.sku_and_title(f"{LONG}.1") is None
