"""The traffic peaks of published promotions, with their hot SKUs."""

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
        catalog: ProductCatalog,
        coupons: CouponRepository,
        kits: KitLookup,
    ) -> None:
        self._promotions = promotions
        self._coupons = coupons
        self._catalog = catalog
        self._kits = kits

    def list_peaks(self) -> Sequence[TrafficPeak]:
        candidates = [p for p in self._promotions.list_published() if expected_load(p) is not None]
        # SKUs and codes cost reads, so only candidates are looked up.
        peaks = [
            peak
            for promotion in candidates
            if (peak := traffic_peak_of(promotion, self._skus(promotion), self._codes(promotion)))
            is not None
        ]
        # One lookup for all peaks.
        kits = self._kits.find({sku for peak in peaks for sku in peak.skus})
        return [peak.with_kits_expanded(kits) for peak in peaks]

    def _codes(self, promotion: Promotion) -> Sequence[str]:
        return self._coupons.list_limited_codes(promotion.id) if promotion.code_required else ()

    def _skus(self, promotion: Promotion) -> tuple[str, ...]:
        """Return the SKUs of the products and variants that the promotion names, in their order.

        A category has too many SKUs for all of them to be hot; its promotion must name them in its
        expected load.
        """
        if promotion.capacity is not None and promotion.capacity.skus:
            return promotion.capacity.skus
        goods = promotion.goods
        owners = [variant.rpartition(".")[0] for variant in goods.variants]
        products = self._catalog.get_many(dict.fromkeys([*goods.products, *owners]))
        hot = [
            variant.sku
            for product in products.values()
            for variant in product.variants
            if product.id in goods.products or variant.id in goods.variants
            if product.id not in goods.not_products and variant.id not in goods.not_variants
        ]
        return tuple(dict.fromkeys(hot))[:MAX_PEAK_SKUS]
