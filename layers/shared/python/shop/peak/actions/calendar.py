"""The rushes that promotions bring, with the SKUs that everybody will want."""

from collections.abc import Sequence

from shop.catalog.ports import Catalogue
from shop.peak.model.rushes import Rush, expected, rush_of
from shop.peak.ports import KnownKits
from shop.pricing.model.checks import MOST_HOT
from shop.pricing.model.promotions import Promotion
from shop.pricing.ports import Coupons, Promotions


class PromotedRushes:
    """See :class:`shop.peak.ports.Rushes`."""

    def __init__(
        self, promotions: Promotions, catalogue: Catalogue, coupons: Coupons, kits: KnownKits
    ) -> None:
        self._promotions = promotions
        self._coupons = coupons
        self._catalogue = catalogue
        self._kits = kits

    def rushes(self) -> Sequence[Rush]:
        found = [p for p in self._promotions.published() if expected(p) is not None]
        rushes = (rush_of(one, self._skus(one), self._codes(one)) for one in found)
        known = [rush for rush in rushes if rush is not None]
        kits = self._kits.among({sku for rush in known for sku in rush.skus})
        return [rush.unpacked(kits) for rush in known]

    def _codes(self, promotion: Promotion) -> Sequence[str]:
        return self._coupons.limited(promotion.id) if promotion.code_required else ()

    def _skus(self, promotion: Promotion) -> tuple[str, ...]:
        """Those of the products and variants it names, in their order; a category's are too many
        to be hot each, and have to be named."""
        if promotion.capacity is not None and promotion.capacity.skus:
            return promotion.capacity.skus
        goods = promotion.goods
        owners = [variant.rpartition(".")[0] for variant in goods.variants]
        products = self._catalogue.products(dict.fromkeys([*goods.products, *owners]))
        hot = [
            variant.sku
            for product in products.values()
            for variant in product.variants
            if product.id in goods.products or variant.id in goods.variants
            if product.id not in goods.not_products and variant.id not in goods.not_variants
        ]
        return tuple(dict.fromkeys(hot))[:MOST_HOT]
