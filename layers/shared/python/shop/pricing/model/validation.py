"""What makes no sense in a promotion: every contradiction, with its field and the reason."""

import re

from shop.customers.model import invalid_names
from shop.kernel.errors import Problem
from shop.kernel.money import CURRENCIES, Money
from shop.kernel.text_validation import MARKUP_MESSAGE, TAG
from shop.pricing.model.effects import (
    FULL_BASIS_POINTS,
    AmountOff,
    Bundle,
    BuyGet,
    EverySpend,
    FlashSale,
    GiftWith,
    GroupPrice,
    LimitedPrice,
    OrderAmount,
    OrderPercent,
    PercentOff,
    ShippingOff,
    SpendSave,
)
from shop.pricing.model.promotions import ExpectedLoad, Promotion
from shop.pricing.model.targeting import Conditions, Selection

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_AMOUNT = 1_000_000
MAX_GROUP_SIZE = 100
MAX_GROUP_HOURS = 72
"""Card authorisations last for seven days at least; the goods must still leave after the group."""
MAX_PEAK_SKUS = 20
"""SKUs that one rush is prepared for."""


def validate_promotion(promotion: Promotion) -> list[Problem]:
    """Everything that is wrong with this promotion by itself; paths are JSONPaths into its dict."""
    problems = _Found()
    if not _NAME.fullmatch(promotion.id):
        problems.add(
            "id_invalid", "1 to 64 letters, digits, hyphens, underscores or points", "$.id"
        )
    if not 1 <= len(promotion.title.strip()) <= 200:
        problems.add("title_invalid", "a title has 1 to 200 letters", "$.title")
    if TAG.search(promotion.title):
        problems.add("markup_not_allowed", MARKUP_MESSAGE, "$.title")
    if isinstance(promotion.effect, GiftWith) and TAG.search(promotion.effect.title):
        problems.add("markup_not_allowed", MARKUP_MESSAGE, "$.effect.title")
    if not _NAME.fullmatch(promotion.stacking.group):
        problems.add("id_invalid", "a group has a name", "$.stacking.group")
    problems.selection(promotion.goods, "$.goods")
    problems.conditions(promotion.conditions, "$.conditions")
    problems.effect(promotion)
    if promotion.capacity is not None:
        problems.capacity(promotion.capacity)
    return problems.problems


class _Found:
    """Collects problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, code: str, detail: str, path: str) -> None:
        self.problems.append(Problem(code, detail, path))

    def selection(self, goods: Selection, path: str) -> None:
        for name in ("products", "variants", "categories"):
            both = set(getattr(goods, name)) & set(getattr(goods, f"not_{name}"))
            if both:
                self.add(
                    "selection_contradiction",
                    f"{', '.join(sorted(both))} cannot be both in and out",
                    f"{path}.not_{name}",
                )

    def capacity(self, capacity: ExpectedLoad) -> None:
        for name, most in (
            ("orders_per_second", 20_000),
            ("lead_minutes", 24 * 60),
            ("duration_minutes", 7 * 24 * 60),
        ):
            if not 1 <= getattr(capacity, name) <= most:
                self.add("capacity_invalid", f"1 to {most}", f"$.capacity.{name}")
        if len(capacity.skus) > MAX_PEAK_SKUS or len(set(capacity.skus)) < len(capacity.skus):
            self.add(
                "capacity_invalid", f"up to {MAX_PEAK_SKUS} SKUs, each once", "$.capacity.skus"
            )

    def conditions(self, conditions: Conditions, path: str) -> None:
        self.problems.extend(conditions.window.problems(f"{path}.window"))
        if conditions.min_quantity < 0:
            self.add("quantity_invalid", "a quantity is not negative", f"{path}.min_quantity")
        self.amounts(conditions.min_amount, f"{path}.min_amount", needed=False)
        for name in ("groups", "segments"):
            self.problems.extend(invalid_names(getattr(conditions, name), f"{path}.{name}"))
        if conditions.of is not None:
            self.selection(conditions.of, f"{path}.of")
            if not (conditions.min_quantity or conditions.min_amount):
                self.add(
                    "condition_contradiction",
                    "goods to count without a quantity or amount to reach",
                    f"{path}.of",
                )

    def amounts(
        self, amounts: tuple[Money, ...], path: str, *, needed: bool = True, zero: bool = False
    ) -> None:
        if needed and not amounts:
            self.add("amount_missing", "an amount in at least one currency", path)
        seen: set[str] = set()
        for place, amount in enumerate(amounts):
            here = f"{path}[{place}]"
            if amount.currency in seen:
                self.add("currency_repeated", f"{amount.currency} stands twice", here)
            self.amount(amount, here, zero=zero)
            seen.add(amount.currency)

    def amount(self, amount: Money, path: str, *, zero: bool = False) -> None:
        if amount.currency not in CURRENCIES:
            self.add("currency_unknown", f"{amount.currency!r} is no currency", f"{path}.currency")
        if amount.minor < (0 if zero else 1):
            self.add("amount_invalid", "an amount is above zero", f"{path}.amount")

    def percent(self, points: int | None, path: str) -> None:
        if points is not None and not 1 <= points <= FULL_BASIS_POINTS:
            self.add(
                "percent_invalid",
                f"{points / 100:g} % is not above 0 and up to 100",
                path,
            )

    def count(self, count: int | None, path: str) -> None:
        if count is not None and not 1 <= count <= MAX_AMOUNT:
            self.add("quantity_invalid", f"a number from 1 to {MAX_AMOUNT}", path)

    def effect(self, promotion: Promotion) -> None:
        effect, path = promotion.effect, "$.effect"
        match effect:
            case PercentOff() | OrderPercent():
                self.percent(effect.basis_points, f"{path}.basis_points")
                self.amounts(effect.up_to, f"{path}.up_to", needed=False)
            case AmountOff():
                self.amounts(effect.amount, f"{path}.amount")
                if effect.per not in ("unit", "line"):
                    self.add("value_unknown", 'either "unit" or "line"', f"{path}.per")
            case OrderAmount():
                self.amounts(effect.amount, f"{path}.amount")
            case LimitedPrice():
                self.amounts(effect.price, f"{path}.price", zero=True)
            case GroupPrice():
                self.group(promotion, effect, path)
            case FlashSale():
                self.flash(effect, path)
            case BuyGet():
                self.count(effect.buy_quantity, f"{path}.buy_quantity")
                self.count(effect.get_quantity, f"{path}.get_quantity")
                self.count(effect.times, f"{path}.times")
                self.percent(effect.basis_points, f"{path}.basis_points")
                if effect.get is not None:
                    self.selection(effect.get, f"{path}.get")
            case Bundle():
                self.bundle(promotion, effect, path)
            case SpendSave():
                self.tiers(effect, path)
            case EverySpend():
                self.every(effect, path)
            case GiftWith():
                self.count(effect.quantity, f"{path}.quantity")
                self.amounts(effect.value, f"{path}.value", needed=False, zero=True)
                if not (effect.variant or effect.sku.strip()):
                    self.add("variant_missing", "say which variant is given", f"{path}.variant")
            case ShippingOff():
                self.shipping(effect, path)

    def flash(self, effect: FlashSale, path: str) -> None:
        if bool(effect.price) == (effect.basis_points is not None):
            self.add("effect_contradiction", "either a price or a percentage", path)
        self.amounts(effect.price, f"{path}.price", needed=False, zero=True)
        self.percent(effect.basis_points, f"{path}.basis_points")
        self.count(effect.quota, f"{path}.quota")
        self.count(effect.per_customer, f"{path}.per_customer")
        if (
            effect.quota is not None
            and effect.per_customer is not None
            and effect.per_customer > effect.quota
        ):
            self.add(
                "limit_contradiction",
                "one customer cannot have more than there is",
                f"{path}.per_customer",
            )

    def group(self, promotion: Promotion, effect: GroupPrice, path: str) -> None:
        self.amounts(effect.price, f"{path}.price", zero=True)
        if not 2 <= effect.size <= MAX_GROUP_SIZE:
            self.add("size_invalid", f"a group has 2 to {MAX_GROUP_SIZE} members", f"{path}.size")
        if not 1 <= effect.hours <= MAX_GROUP_HOURS:
            self.add(
                "hours_invalid",
                f"a group has 1 to {MAX_GROUP_HOURS} hours: payments are not held for longer",
                f"{path}.hours",
            )
        if not promotion.code_required:
            self.add(
                "code_required",
                "the price is opened by the code of a group: say true",
                "$.code_required",
            )

    def bundle(self, promotion: Promotion, effect: Bundle, path: str) -> None:
        self.amounts(effect.price, f"{path}.price", zero=True)
        self.count(effect.times, f"{path}.times")
        if not effect.parts:
            self.add("parts_missing", "a bundle has parts", f"{path}.parts")
        for place, part in enumerate(effect.parts):
            self.count(part.quantity, f"{path}.parts[{place}].quantity")
            self.selection(part.goods, f"{path}.parts[{place}].goods")
        if promotion.goods != Selection():
            self.add("effect_contradiction", "a bundle is about the goods of its parts", "$.goods")

    def tiers(self, effect: SpendSave, path: str) -> None:
        if not effect.tiers:
            self.add("tiers_missing", "at least one tier", f"{path}.tiers")
        lower: dict[str, tuple[int, int]] = {}
        for place, tier in enumerate(effect.tiers):
            here = f"{path}.tiers[{place}]"
            self.amount(tier.spend, f"{here}.spend")
            if (tier.save is None) == (tier.basis_points is None):
                self.add("effect_contradiction", "either an amount or a percentage", here)
                continue
            self.percent(tier.basis_points, f"{here}.basis_points")
            saves = tier.spend.minor * (tier.basis_points or 0) // FULL_BASIS_POINTS
            if tier.save is not None:
                if tier.save.currency != tier.spend.currency:
                    self.add(
                        "currency_mismatch", "spend and save are of one currency", f"{here}.save"
                    )
                    continue
                self.amount(tier.save, f"{here}.save")
                if tier.save > tier.spend:
                    self.add("tier_invalid", "a tier saves no more than is spent", f"{here}.save")
                saves = tier.save.minor
            spend, saved = lower.get(tier.spend.currency, (0, 0))
            if tier.spend.minor <= spend:
                self.add("tiers_order", "each tier begins above the one before", f"{here}.spend")
            elif saves <= saved:
                self.add("tiers_order", "each tier saves more than the one before", here)
            lower[tier.spend.currency] = (tier.spend.minor, saves)

    def every(self, effect: EverySpend, path: str) -> None:
        self.count(effect.times, f"{path}.times")
        if not effect.every:
            self.add("amount_missing", "what to spend and what to save", f"{path}.every")
        seen: set[str] = set()
        for place, every in enumerate(effect.every):
            here = f"{path}.every[{place}]"
            self.amount(every.spend, f"{here}.spend")
            self.amount(every.save, f"{here}.save")
            if every.save.currency != every.spend.currency:
                self.add("currency_mismatch", "spend and save are of one currency", f"{here}.save")
            elif every.save > every.spend:
                self.add("tier_invalid", "it saves no more than is spent", f"{here}.save")
            if every.spend.currency in seen:
                self.add("currency_repeated", f"{every.spend.currency} stands twice", here)
            seen.add(every.spend.currency)

    def shipping(self, effect: ShippingOff, path: str) -> None:
        given = [effect.basis_points is not None, bool(effect.amount), bool(effect.price)]
        if sum(given) != 1:
            self.add("effect_contradiction", "exactly one of percentage, amount and price", path)
        self.percent(effect.basis_points, f"{path}.basis_points")
        self.amounts(effect.amount, f"{path}.amount", needed=False)
        self.amounts(effect.price, f"{path}.price", needed=False, zero=True)
