"""Validation of promotions that staff write."""

import re
from collections.abc import Callable
from typing import Any

from shop.kernel.errors import Problem
from shop.kernel.money import Money
from shop.kernel.text_folding import is_blank
from shop.kernel.text_validation import LINE_MESSAGE, MARKUP_MESSAGE, TAG, has_line_break
from shop.pricing.model.effects import (
    GIFT_VARIANT_MESSAGE,
    MILLION,
    AmountOff,
    Bundle,
    BuyGet,
    EverySpend,
    FlashSale,
    FreeGift,
    GroupPrice,
    LimitedPrice,
    OrderAmount,
    OrderPercent,
    PercentOff,
    ShippingOff,
    SpendSave,
    SpendTier,
)
from shop.pricing.model.promotions import ExpectedLoad, Promotion
from shop.pricing.model.targeting import (
    Selection,
    amount_problems,
    duplicate_currency,
    money_problems,
)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ID_MESSAGE = (
    "Must be 1 to 64 letters, digits, hyphens, underscores or points, and begin with a letter or"
    " digit."
)
MAX_COUNT = 1_000_000
"""The highest quantity, quota or number of repetitions."""
MAX_GROUP_SIZE = 100
MAX_GROUP_HOURS = 72
"""Card authorizations last at least seven days, and the goods must still ship after the group is
complete."""
MAX_PEAK_SKUS = 20
"""SKUs that the shop prepares for one traffic peak."""


def validate_promotion(promotion: Promotion) -> list[Problem]:
    """Return every problem of a promotion that shows without other data, with JSONPaths."""
    validator = _PromotionValidator(promotion)
    validator.check()
    return validator.problems


class _PromotionValidator:
    """Collects the problems of one promotion."""

    def __init__(self, promotion: Promotion) -> None:
        self.promotion = promotion
        self.problems: list[Problem] = []

    def check(self) -> None:
        promotion = self.promotion
        if not _ID.fullmatch(promotion.id):
            self.add("id_invalid", _ID_MESSAGE, "$.id")
        if is_blank(promotion.title) or len(promotion.title.strip()) > 200:
            self.add("text_invalid", "Title must have 1 to 200 characters.", "$.title")
        if has_line_break(promotion.title):
            self.add("text_invalid", LINE_MESSAGE, "$.title")
        if TAG.search(promotion.title):
            self.add("markup_not_allowed", MARKUP_MESSAGE, "$.title")
        if not _ID.fullmatch(promotion.stacking.group):
            self.add("id_invalid", _ID_MESSAGE, "$.stacking.group")
        self.check_selection(promotion.goods, "$.goods")
        self.problems.extend(promotion.conditions.problems("$.conditions"))
        _EFFECT_CHECKS[type(promotion.effect)](self, promotion.effect, "$.effect")
        if promotion.capacity is not None:
            self.check_capacity(promotion.capacity)

    def add(self, code: str, detail: str, path: str) -> None:
        self.problems.append(Problem(code, detail, path))

    # ---------------------------------------------------------------- parts shared by effects

    def check_selection(self, goods: Selection, path: str) -> None:
        self.problems.extend(goods.problems(path))

    def check_capacity(self, capacity: ExpectedLoad) -> None:
        for name, maximum in (
            ("orders_per_second", 20_000),
            ("lead_minutes", 24 * 60),
            ("duration_minutes", 7 * 24 * 60),
        ):
            if not 1 <= getattr(capacity, name) <= maximum:
                self.add("out_of_range", f"Must be from 1 to {maximum}.", f"$.capacity.{name}")
        if len(capacity.skus) > MAX_PEAK_SKUS:
            self.add("too_many", f"Send {MAX_PEAK_SKUS} SKUs or fewer.", "$.capacity.skus")
        elif len(set(capacity.skus)) < len(capacity.skus):
            self.add("duplicate", "Send each SKU once.", "$.capacity.skus")

    def check_amounts(
        self,
        amounts: tuple[Money, ...],
        path: str,
        *,
        required: bool = True,
        zero_allowed: bool = False,
    ) -> None:
        if required and not amounts:
            self.add("missing", "An amount in at least one currency is required.", path)
        self.problems.extend(amount_problems(amounts, path, zero_allowed=zero_allowed))

    def check_amount(self, amount: Money, path: str) -> None:
        self.problems.extend(money_problems(amount, path))

    def check_percent(self, off_ppm: int | None, path: str) -> None:
        if off_ppm is not None and not 1 <= off_ppm <= MILLION:
            self.add(
                "percent_invalid",
                f"Percentage must be from 1 to {MILLION} parts per million (100 %).",
                path,
            )

    def check_count(self, count: int | None, path: str) -> None:
        if count is not None and not 1 <= count <= MAX_COUNT:
            self.add("quantity_invalid", f"Must be from 1 to {MAX_COUNT}.", path)

    # ---------------------------------------------------------------- one check per effect

    def check_capped_percent(self, effect: PercentOff | OrderPercent, path: str) -> None:
        self.check_percent(effect.off_ppm, f"{path}.off_ppm")
        self.check_amounts(effect.up_to, f"{path}.up_to", required=False)

    def check_amount_off(self, effect: AmountOff, path: str) -> None:
        self.check_amounts(effect.amount, f"{path}.amount")
        if effect.per not in ("unit", "line"):
            self.add("value_unknown", 'Must be "unit" or "line".', f"{path}.per")

    def check_order_amount(self, effect: OrderAmount, path: str) -> None:
        self.check_amounts(effect.amount, f"{path}.amount")

    def check_limited_price(self, effect: LimitedPrice, path: str) -> None:
        self.check_amounts(effect.price, f"{path}.price", zero_allowed=True)

    def check_flash_sale(self, effect: FlashSale, path: str) -> None:
        if bool(effect.price) == (effect.off_ppm is not None):
            self.add("value_contradiction", "Send either a price or a percentage.", path)
        self.check_amounts(effect.price, f"{path}.price", required=False, zero_allowed=True)
        self.check_percent(effect.off_ppm, f"{path}.off_ppm")
        self.check_count(effect.quota, f"{path}.quota")
        self.check_count(effect.per_customer, f"{path}.per_customer")
        if (
            effect.quota is not None
            and effect.per_customer is not None
            and effect.per_customer > effect.quota
        ):
            self.add(
                "value_contradiction",
                "The limit per customer must be at most the quota.",
                f"{path}.per_customer",
            )

    def check_group_price(self, effect: GroupPrice, path: str) -> None:
        self.check_amounts(effect.price, f"{path}.price", zero_allowed=True)
        if not 2 <= effect.size <= MAX_GROUP_SIZE:
            self.add(
                "out_of_range", f"A group must have 2 to {MAX_GROUP_SIZE} members.", f"{path}.size"
            )
        if not 1 <= effect.hours <= MAX_GROUP_HOURS:
            self.add(
                "out_of_range",
                f"Hours must be from 1 to {MAX_GROUP_HOURS}, because payments stay authorized for a"
                " limited time.",
                f"{path}.hours",
            )
        if not self.promotion.code_required:
            self.add(
                "code_required",
                "code_required must be true, because the code of a group opens this price.",
                "$.code_required",
            )

    def check_buy_get(self, effect: BuyGet, path: str) -> None:
        self.check_count(effect.buy_quantity, f"{path}.buy_quantity")
        self.check_count(effect.get_quantity, f"{path}.get_quantity")
        self.check_count(effect.times, f"{path}.times")
        self.check_percent(effect.off_ppm, f"{path}.off_ppm")
        if effect.get is not None:
            self.check_selection(effect.get, f"{path}.get")

    def check_bundle(self, effect: Bundle, path: str) -> None:
        self.check_amounts(effect.price, f"{path}.price", zero_allowed=True)
        self.check_count(effect.times, f"{path}.times")
        if not effect.parts:
            self.add("missing", "A bundle requires at least one part.", f"{path}.parts")
        for place, part in enumerate(effect.parts):
            self.check_count(part.quantity, f"{path}.parts[{place}].quantity")
            self.check_selection(part.goods, f"{path}.parts[{place}].goods")
        if self.promotion.goods != Selection():
            self.add(
                "value_contradiction",
                "The parts of a bundle name its goods. Omit this field.",
                "$.goods",
            )

    def check_spend_save(self, effect: SpendSave, path: str) -> None:
        if not effect.tiers:
            self.add("missing", "At least one tier is required.", f"{path}.tiers")
        previous: dict[str, tuple[int, int]] = {}
        for place, tier in enumerate(effect.tiers):
            tier_path = f"{path}.tiers[{place}]"
            saved = self.check_tier(tier, tier_path)
            if saved is None:
                continue
            # Tiers of one currency must rise, or a higher spend would save less.
            previous_spend, previous_saved = previous.get(tier.spend.currency, (0, 0))
            if tier.spend.minor <= previous_spend:
                detail = "Each tier must begin above the previous one."
                self.add("tiers_order", detail, f"{tier_path}.spend")
            elif saved <= previous_saved:
                self.add(
                    "tiers_order", "Each tier must save more than the previous one.", tier_path
                )
            previous[tier.spend.currency] = (tier.spend.minor, saved)

    def check_tier(self, tier: SpendTier, path: str) -> int | None:
        """Check one tier; return its saving at its threshold, or ``None``."""
        self.check_amount(tier.spend, f"{path}.spend")
        if (tier.save is None) == (tier.off_ppm is None):
            self.add("value_contradiction", "Send either an amount or a percentage.", path)
            return None
        self.check_percent(tier.off_ppm, f"{path}.off_ppm")
        if tier.save is None:
            return tier.spend.minor * (tier.off_ppm or 0) // MILLION
        if tier.save.currency != tier.spend.currency:
            self.add_currency_mismatch(path)
            return None
        self.check_amount(tier.save, f"{path}.save")
        if tier.save > tier.spend:
            self.add_excessive_saving(path)
        return tier.save.minor

    def check_every_spend(self, effect: EverySpend, path: str) -> None:
        self.check_count(effect.times, f"{path}.times")
        if not effect.every:
            detail = "At least one pair of spend and save is required."
            self.add("missing", detail, f"{path}.every")
        currencies: set[str] = set()
        for place, every in enumerate(effect.every):
            every_path = f"{path}.every[{place}]"
            self.check_amount(every.spend, f"{every_path}.spend")
            self.check_amount(every.save, f"{every_path}.save")
            if every.save.currency != every.spend.currency:
                self.add_currency_mismatch(every_path)
            elif every.save > every.spend:
                self.add_excessive_saving(every_path)
            if every.spend.currency in currencies:
                self.problems.append(duplicate_currency(every.spend.currency, every_path))
            currencies.add(every.spend.currency)

    def add_currency_mismatch(self, path: str) -> None:
        self.add("currency_mismatch", "Save must be in the currency of spend.", f"{path}.save")

    def add_excessive_saving(self, path: str) -> None:
        self.add("value_contradiction", "Save must be at most spend.", f"{path}.save")

    def check_gift(self, effect: FreeGift, path: str) -> None:
        if has_line_break(effect.title):
            self.add("text_invalid", LINE_MESSAGE, f"{path}.title")
        if TAG.search(effect.title):
            self.add("markup_not_allowed", MARKUP_MESSAGE, f"{path}.title")
        self.check_count(effect.quantity, f"{path}.quantity")
        self.check_amounts(effect.value, f"{path}.value", required=False, zero_allowed=True)
        if not effect.variant and is_blank(effect.sku):
            self.add("missing", GIFT_VARIANT_MESSAGE, f"{path}.variant")

    def check_shipping_off(self, effect: ShippingOff, path: str) -> None:
        reductions = [effect.off_ppm is not None, bool(effect.amount), bool(effect.price)]
        if sum(reductions) != 1:
            detail = "Send exactly one of percentage, amount and price."
            self.add("value_contradiction", detail, path)
        self.check_percent(effect.off_ppm, f"{path}.off_ppm")
        self.check_amounts(effect.amount, f"{path}.amount", required=False)
        self.check_amounts(effect.price, f"{path}.price", required=False, zero_allowed=True)


_EFFECT_CHECKS: dict[type[Any], Callable[[_PromotionValidator, Any, str], None]] = {
    PercentOff: _PromotionValidator.check_capped_percent,
    OrderPercent: _PromotionValidator.check_capped_percent,
    AmountOff: _PromotionValidator.check_amount_off,
    OrderAmount: _PromotionValidator.check_order_amount,
    LimitedPrice: _PromotionValidator.check_limited_price,
    GroupPrice: _PromotionValidator.check_group_price,
    FlashSale: _PromotionValidator.check_flash_sale,
    BuyGet: _PromotionValidator.check_buy_get,
    Bundle: _PromotionValidator.check_bundle,
    SpendSave: _PromotionValidator.check_spend_save,
    EverySpend: _PromotionValidator.check_every_spend,
    FreeGift: _PromotionValidator.check_gift,
    ShippingOff: _PromotionValidator.check_shipping_off,
}
