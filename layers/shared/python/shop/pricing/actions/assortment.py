"""What a promotion or price list may name, asked of the catalogue."""

from collections.abc import Iterable, Sequence

from shop.catalog.ports import Catalogue


class InCatalogue:
    """See :class:`shop.pricing.ports.Assortment`.

    Products and variants are known whether or not they are on sale yet. Categories and SKUs are
    not looked up: the catalogue keeps no list of them, and a category may be filled later.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def knows(self, sort: str, id: str) -> bool:
        if sort == "product":
            return id in self._catalogue.products([id])
        if sort == "variant":
            owner = id.rpartition(".")[0]
            product = self._catalogue.products([owner]).get(owner) if owner else None
            return product is not None and any(v.id == id for v in product.variants)
        return True

    def article(self, variant_id: str) -> tuple[str, str] | None:
        owner = variant_id.rpartition(".")[0]
        product = self._catalogue.products([owner]).get(owner) if owner else None
        variant = product.variant(variant_id) if product else None
        if product is None or variant is None:
            return None
        only = len(product.variants) == 1 or variant.title in ("", product.title)
        return variant.sku, product.title if only else f"{product.title} – {variant.title}"

    def unknown(self, articles: Iterable[str]) -> Sequence[str]:
        asked = list(dict.fromkeys(articles))
        owners = {article.rpartition(".")[0] or article for article in asked} | set(asked)
        products = self._catalogue.products(owners)
        known = set(products) | {v.id for p in products.values() for v in p.variants}
        return [article for article in asked if article not in known]
