"""Check references of promotions and price lists against the catalog.

Business rules: docs/rules/pricing.md §15.3.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from shop.catalog.ports import ProductCatalog
from shop.pricing.model.references import Reference

MAX_REFERENCE_LENGTH = 200
"""Longer ids are unknown without a lookup: DynamoDB rejects keys above 2 KB with an error."""


class CatalogReferences:
    """See :class:`shop.pricing.ports.ReferenceChecker`.

    Products, variants and SKUs exist whether or not they are on sale. A category exists while it,
    or a category below it, has a product on sale. ``methods`` returns the ids of the shipping
    methods, ``markets`` those of the markets.
    """

    def __init__(
        self,
        catalog: ProductCatalog,
        *,
        markets: Callable[[], Collection[str]] = tuple,
        methods: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._catalog = catalog
        self._markets = markets
        self._methods = methods

    def find_unknown(self, references: Iterable[Reference]) -> Collection[Reference]:
        ids: dict[str, set[str]] = {}
        too_long = set()
        for kind, id_ in references:
            if len(id_) > MAX_REFERENCE_LENGTH:
                too_long.add((kind, id_))
            else:
                ids.setdefault(kind, set()).add(id_)
        # A variant is stored with its product, so one read of products finds both.
        owners = {variant.rpartition(".")[0] for variant in ids.get("variant", ())} - {""}
        product_ids = ids.get("product", set())
        products = self._catalog.get_many(product_ids | owners) if product_ids or owners else {}
        known = {
            "product": product_ids & products.keys(),
            "variant": {v.id for product in products.values() for v in product.variants},
            "category": {c for c in ids.get("category", ()) if self._catalog.has_category(c)},
            "sku": {
                sku for sku in ids.get("sku", ()) if self._catalog.product_id_for(sku) is not None
            },
            "method": set(self._methods()) if "method" in ids else set(),
            "market": set(self._markets()) if "market" in ids else set(),
        }
        return too_long | {
            (kind, id_) for kind, kind_ids in ids.items() for id_ in kind_ids - known[kind]
        }

    def sku_and_title(self, variant_id: str) -> tuple[str, str] | None:
        owner = variant_id.rpartition(".")[0] if len(variant_id) <= MAX_REFERENCE_LENGTH else ""
        product = self._catalog.get_many([owner]).get(owner) if owner else None
        variant = product.variant(variant_id) if product else None
        if product is None or variant is None:
            return None
        # The title of a single variant repeats the product's title.
        uses_product_title = len(product.variants) == 1 or variant.title in ("", product.title)
        title = product.title if uses_product_title else f"{product.title} – {variant.title}"
        return variant.sku, title

    def find_unknown_articles(self, articles: Iterable[str]) -> Sequence[str]:
        ids = list(dict.fromkeys(articles))
        lookup = [article for article in ids if len(article) <= MAX_REFERENCE_LENGTH]
        # The form of an id does not say whether it is a product or a variant: try both.
        owners = {article.rpartition(".")[0] or article for article in lookup} | set(lookup)
        products = self._catalog.get_many(owners)
        known = set(products) | {v.id for p in products.values() for v in p.variants}
        return [article for article in ids if article not in known]
