"""References are looked up in the catalog, unless they are too long for a key."""

from collections.abc import Iterable
from typing import Any, cast

from shop.catalog.ports import ProductCatalog
from shop.pricing.actions.catalog_references import MAX_REFERENCE_LENGTH, CatalogReferences

LONG = "x" * (MAX_REFERENCE_LENGTH + 1)


class StrictCatalog:
    """A catalog that rejects keys as DynamoDB does: a key that is too long is an error."""

    def get_many(self, ids: Iterable[str]) -> dict[str, Any]:
        assert all(len(id) <= MAX_REFERENCE_LENGTH for id in ids)
        return {}

    def has_category(self, category: str) -> bool:
        assert len(category) <= MAX_REFERENCE_LENGTH
        return False

    def product_id_for(self, sku: str) -> str | None:
        assert len(sku) <= MAX_REFERENCE_LENGTH
        return None


def test_reference_longer_than_a_key_is_unknown_without_a_lookup() -> None:
    assortment = CatalogReferences(cast(ProductCatalog, StrictCatalog()))
    references = [(kind, LONG) for kind in ("product", "variant", "category", "sku", "method")]
    references += [("variant", f"{LONG}.1"), ("product", "short")]
    assert assortment.find_unknown(references) == set(references)
    assert assortment.find_unknown_articles([LONG, f"{LONG}.1", "short"]) == [
        LONG,
        f"{LONG}.1",
        "short",
    ]
    assert assortment.sku_and_title(f"{LONG}.1") is None
