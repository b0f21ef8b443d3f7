"""What a promotion or price list may name, asked of the catalogue."""

from collections.abc import Callable, Collection, Iterable, Sequence

from shop.catalog.ports import Catalogue

Named = tuple[str, str]

LONGEST = 200
"""Characters that a name in the catalogue has at most. What is longer names nothing, and is not
looked up: a key of DynamoDB's holds 2 KB, and a longer one is an error instead of an answer."""


class InCatalogue:
    """See :class:`shop.pricing.ports.Assortment`. ``methods`` tells the ways of shipping there are.

    Products, variants and SKUs are known whether or not they are on sale yet; a category is known
    while something on sale is in it, or in one below it.
    """

    def __init__(
        self, catalogue: Catalogue, *, methods: Callable[[], Collection[str]] = tuple
    ) -> None:
        self._catalogue = catalogue
        self._methods = methods

    def strangers(self, named: Iterable[Named]) -> Collection[Named]:
        asked: dict[str, set[str]] = {}
        long = set()
        for sort, id in named:
            if len(id) > LONGEST:
                long.add((sort, id))
            else:
                asked.setdefault(sort, set()).add(id)
        owners = {v.rpartition(".")[0] for v in asked.get("variant", ())} - {""}
        products = asked.get("product", set())
        found = self._catalogue.products(products | owners) if products or owners else {}
        known = {
            "product": products & found.keys(),
            "variant": {v.id for product in found.values() for v in product.variants},
            "category": {c for c in asked.get("category", ()) if self._catalogue.has_category(c)},
            "sku": {s for s in asked.get("sku", ()) if self._catalogue.seller(s) is not None},
            "method": set(self._methods()) if "method" in asked else set(),
        }
        return long | {(sort, id) for sort, ids in asked.items() for id in ids - known[sort]}

    def article(self, variant_id: str) -> tuple[str, str] | None:
        owner = variant_id.rpartition(".")[0] if len(variant_id) <= LONGEST else ""
        product = self._catalogue.products([owner]).get(owner) if owner else None
        variant = product.variant(variant_id) if product else None
        if product is None or variant is None:
            return None
        only = len(product.variants) == 1 or variant.title in ("", product.title)
        return variant.sku, product.title if only else f"{product.title} – {variant.title}"

    def unknown(self, articles: Iterable[str]) -> Sequence[str]:
        asked = list(dict.fromkeys(articles))
        short = [article for article in asked if len(article) <= LONGEST]
        owners = {article.rpartition(".")[0] or article for article in short} | set(short)
        products = self._catalogue.products(owners)
        known = set(products) | {v.id for p in products.values() for v in p.variants}
        return [article for article in asked if article not in known]
