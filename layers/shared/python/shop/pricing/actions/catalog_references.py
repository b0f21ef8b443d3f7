"""What a promotion or price list may name, asked of the catalogue."""

from collections.abc import Callable, Collection, Iterable, Sequence

from shop.catalog.ports import ProductCatalog

CatalogReference = tuple[str, str]

MAX_NAME_LENGTH = 200
"""Characters that a name in the catalogue has at most. What is longer names nothing, and is not
looked up: a key of DynamoDB's holds 2 KB, and a longer one is an error instead of an answer."""


class CatalogReferences:
    """See :class:`shop.pricing.ports.ReferenceChecker`. ``methods`` tells the ways of shipping there are.

    Products, variants and SKUs are known whether or not they are on sale yet; a category is known
    while something on sale is in it, or in one below it.
    """

    def __init__(
        self, catalogue: ProductCatalog, *, methods: Callable[[], Collection[str]] = tuple
    ) -> None:
        self._catalogue = catalogue
        self._methods = methods

    def find_unknown(self, named: Iterable[CatalogReference]) -> Collection[CatalogReference]:
        requested_ids: dict[str, set[str]] = {}
        long = set()
        for sort, id in named:
            if len(id) > MAX_NAME_LENGTH:
                long.add((sort, id))
            else:
                requested_ids.setdefault(sort, set()).add(id)
        owners = {v.rpartition(".")[0] for v in requested_ids.get("variant", ())} - {""}
        products = requested_ids.get("product", set())
        found = self._catalogue.get_many(products | owners) if products or owners else {}
        known = {
            "product": products & found.keys(),
            "variant": {v.id for product in found.values() for v in product.variants},
            "category": {
                c for c in requested_ids.get("category", ()) if self._catalogue.has_category(c)
            },
            "sku": {
                s
                for s in requested_ids.get("sku", ())
                if self._catalogue.product_id_for(s) is not None
            },
            "method": set(self._methods()) if "method" in requested_ids else set(),
        }
        return long | {
            (sort, id) for sort, ids in requested_ids.items() for id in ids - known[sort]
        }

    def sku_and_title(self, variant_id: str) -> tuple[str, str] | None:
        owner = variant_id.rpartition(".")[0] if len(variant_id) <= MAX_NAME_LENGTH else ""
        product = self._catalogue.get_many([owner]).get(owner) if owner else None
        variant = product.variant(variant_id) if product else None
        if product is None or variant is None:
            return None
        only = len(product.variants) == 1 or variant.title in ("", product.title)
        return variant.sku, product.title if only else f"{product.title} – {variant.title}"

    def find_unknown_articles(self, articles: Iterable[str]) -> Sequence[str]:
        requested_ids = list(dict.fromkeys(articles))
        short = [article for article in requested_ids if len(article) <= MAX_NAME_LENGTH]
        owners = {article.rpartition(".")[0] or article for article in short} | set(short)
        products = self._catalogue.get_many(owners)
        known = set(products) | {v.id for p in products.values() for v in p.variants}
        return [article for article in requested_ids if article not in known]
