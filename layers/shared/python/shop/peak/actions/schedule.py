"""The rushes that promotions bring, with the SKUs that everybody will want."""

from collections.abc import Sequence

from shop.catalog.ports import ProductCatalog
from shop.peak.model.traffic_peaks import TrafficPeak, expected_load, traffic_peak_of
from shop.peak.ports import KitLookup
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.validation import MAX_PEAK_SKUS
from shop.pricing.ports import CouponRepository, PromotionRepository


class PromotionTrafficPeaks:
    """See :class:`shop.peak.ports.TrafficPeakCalendar`."""

    def __init__(
        self,
        promotions: PromotionRepository,
        catalogue: ProductCatalog,
        coupons: CouponRepository,
        kits: KitLookup,
    ) -> None:
        self._promotions = promotions
        self._coupons = coupons
        self._catalogue = catalogue
        self._kits = kits

    def list_peaks(self) -> Sequence[TrafficPeak]:
        found = [p for p in self._promotions.list_published() if expected_load(p) is not None]
        rushes = (traffic_peak_of(one, self._skus(one), self._codes(one)) for one in found)
        known = [rush for rush in rushes if rush is not None]
        kits = self._kits.find({sku for rush in known for sku in rush.skus})
        return [rush.with_kits_expanded(kits) for rush in known]

    def _codes(self, promotion: Promotion) -> Sequence[str]:
        return self._coupons.list_limited_codes(promotion.id) if promotion.code_required else ()

    def _skus(self, promotion: Promotion) -> tuple[str, ...]:
        """Those of the products and variants it names, in their order; a category's are too many
        to be hot each, and have to be named."""
        if promotion.capacity is not None and promotion.capacity.skus:
            return promotion.capacity.skus
        goods = promotion.goods
        owners = [variant.rpartition(".")[0] for variant in goods.variants]
        products = self._catalogue.get_many(dict.fromkeys([*goods.products, *owners]))
        hot = [
            variant.sku
            for product in products.values()
            for variant in product.variants
            if product.id in goods.products or variant.id in goods.variants
            if product.id not in goods.not_products and variant.id not in goods.not_variants
        ]
        return tuple(dict.fromkeys(hot))[:MAX_PEAK_SKUS]
