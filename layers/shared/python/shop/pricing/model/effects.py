"""The effects of promotions: one type per kind, each with its step."""

from typing import ClassVar, TypeAlias

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.targeting import Selection
from shop.pricing.model.trace import PricingStep

FULL_BASIS_POINTS = 10_000
"""100 %, in basis points."""


@frozen
class PercentOff:
    """A percentage off each line, rounded per line; ``up_to`` caps the sum."""

    kind: ClassVar[str] = "percent_off"
    step: ClassVar[PricingStep] = PricingStep.LINES
    basis_points: int
    up_to: tuple[Money, ...] = ()


@frozen
class AmountOff:
    """An amount off each unit (``per`` is "unit") or once off each line ("line")."""

    kind: ClassVar[str] = "amount_off"
    step: ClassVar[PricingStep] = PricingStep.LINES
    amount: tuple[Money, ...]
    per: str = "unit"


@frozen
class LimitedPrice:
    """A temporary unit price. Units that already cost less keep their cost."""

    kind: ClassVar[str] = "limited_price"
    step: ClassVar[PricingStep] = PricingStep.LINES
    price: tuple[Money, ...]


@frozen
class FlashSale:
    """A price or a percentage off for a limited number of units.

    ``quota`` units in all, and at most ``per_customer`` units for each customer.
    """

    kind: ClassVar[str] = "flash_sale"
    step: ClassVar[PricingStep] = PricingStep.LINES
    price: tuple[Money, ...] = ()
    basis_points: int | None = None
    quota: int | None = None
    per_customer: int | None = None


@frozen
class GroupPrice:
    """The unit price for members of a group buy (:mod:`.group_buy`).

    The group's code opens it.

    A group has ``size`` members and must fill within ``hours``.
    """

    kind: ClassVar[str] = "group_price"
    step: ClassVar[PricingStep] = PricingStep.LINES
    price: tuple[Money, ...]
    size: int = 2
    hours: int = 24


@frozen
class BuyGet:
    """Buy ``buy_quantity`` units, get ``get_quantity`` units reduced (10,000: free).

    The units to buy come from the promotion's goods. The units to get come from ``get``, or from
    the same goods if ``get`` is ``None``.
    """

    kind: ClassVar[str] = "buy_get"
    step: ClassVar[PricingStep] = PricingStep.SETS
    buy_quantity: int
    get_quantity: int
    get: Selection | None = None
    basis_points: int = FULL_BASIS_POINTS
    times: int | None = None


@frozen
class BundleComponent:
    """A part of a bundle: a number of units of some goods."""

    goods: Selection
    quantity: int = 1


@frozen
class Bundle:
    """A price for a combination of parts, at most ``times`` per basket."""

    kind: ClassVar[str] = "bundle"
    step: ClassVar[PricingStep] = PricingStep.SETS
    parts: tuple[BundleComponent, ...]
    price: tuple[Money, ...]
    times: int | None = None


@frozen
class OrderPercent:
    """A percentage off the sum of the goods, rounded once; ``up_to`` caps it."""

    kind: ClassVar[str] = "order_percent"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    basis_points: int
    up_to: tuple[Money, ...] = ()


@frozen
class OrderAmount:
    """An amount off the sum of the goods."""

    kind: ClassVar[str] = "order_amount"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    amount: tuple[Money, ...]


@frozen
class SpendTier:
    """A tier: from ``spend`` on, save an amount or a percentage."""

    spend: Money
    save: Money | None = None
    basis_points: int | None = None


@frozen
class SpendSave:
    """A saving by tiers of the amount spent ("300 − 50, 500 − 100").

    Only the highest tier reached counts.
    """

    kind: ClassVar[str] = "spend_save"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    tiers: tuple[SpendTier, ...]


@frozen
class SpendStep:
    """A saving of ``save`` for every full ``spend``."""

    spend: Money
    save: Money


@frozen
class EverySpend:
    """A repeated saving ("every 300 minus 50"), at most ``times``."""

    kind: ClassVar[str] = "every_spend"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    every: tuple[SpendStep, ...]
    times: int | None = None


@frozen
class FreeGift:
    """A free gift of ``quantity`` units of ``variant``, while its stock lasts.

    ``sku`` and ``title`` are copied from the variant.
    """

    kind: ClassVar[str] = "gift"
    step: ClassVar[PricingStep] = PricingStep.GIFTS
    sku: str = ""
    title: str = ""
    quantity: int = 1
    value: tuple[Money, ...] = ()
    variant: str = ""


@frozen
class ShippingOff:
    """A reduction of shipping: exactly one of a percentage, an amount or a price.

    ``methods`` are ids of shipping methods; an empty tuple means all.
    """

    kind: ClassVar[str] = "shipping_off"
    step: ClassVar[PricingStep] = PricingStep.SHIPPING
    basis_points: int | None = None
    amount: tuple[Money, ...] = ()
    price: tuple[Money, ...] = ()
    methods: tuple[str, ...] = ()


Effect: TypeAlias = (
    PercentOff
    | AmountOff
    | LimitedPrice
    | FlashSale
    | GroupPrice
    | BuyGet
    | Bundle
    | OrderPercent
    | OrderAmount
    | SpendSave
    | EverySpend
    | FreeGift
    | ShippingOff
)

EFFECT_TYPES: dict[str, type[Effect]] = {
    effect.kind: effect
    for effect in (
        PercentOff,
        AmountOff,
        LimitedPrice,
        FlashSale,
        GroupPrice,
        BuyGet,
        Bundle,
        OrderPercent,
        OrderAmount,
        SpendSave,
        EverySpend,
        FreeGift,
        ShippingOff,
    )
}
