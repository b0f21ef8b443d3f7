"""The effects of promotions: one type per kind, each with its step."""

from typing import ClassVar, TypeAlias

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.targeting import Selection
from shop.pricing.model.trace import PricingStep

MILLION = 1_000_000
"""100 %, in parts per million: the unit of every percentage in the API."""
GIFT_VARIANT_MESSAGE = "A variant is required: the gift is taken from its stock."


@frozen
class PercentOff:
    """A percentage off each line, rounded per line; ``up_to`` caps the sum."""

    kind: ClassVar[str] = "percent_off"
    step: ClassVar[PricingStep] = PricingStep.LINES
    off_ppm: int
    """Percentage in parts per million; 100000 is 10 %."""
    up_to: tuple[Money, ...] = ()
    """Highest discount, one amount per currency; none for no limit."""


@frozen
class AmountOff:
    """An amount off each unit (``per`` is "unit", the default) or once off each line ("line").

    For an amount off the whole order, use ``order_amount``.
    """

    kind: ClassVar[str] = "amount_off"
    step: ClassVar[PricingStep] = PricingStep.LINES
    amount: tuple[Money, ...]
    """Amount off each unit, or off each line with ``per: line``; one per currency. Three units
    cost three amounts less. For one amount off the order, use the kind ``order_amount``."""
    per: str = "unit"
    """Whether the amount is off each unit (``unit``, the default) or once off each line (``line``).
    """


@frozen
class LimitedPrice:
    """A temporary unit price. Units that already cost less keep their cost."""

    kind: ClassVar[str] = "limited_price"
    step: ClassVar[PricingStep] = PricingStep.LINES
    price: tuple[Money, ...]
    """Price of a unit, one amount per currency."""


@frozen
class FlashSale:
    """A price or a percentage off for a limited number of units.

    ``quota`` limits the units of all customers, ``per_customer`` the units of one customer.
    """

    kind: ClassVar[str] = "flash_sale"
    step: ClassVar[PricingStep] = PricingStep.LINES
    price: tuple[Money, ...] = ()
    """Price of a unit, one amount per currency."""
    off_ppm: int | None = None
    """Percentage in parts per million; 100000 is 10 %."""
    quota: int | None = None
    """Units sold at this price in total; absent for no limit."""
    per_customer: int | None = None
    """Units sold at this price to one customer; absent for no limit."""


@frozen
class GroupPrice:
    """The unit price for members of a group buy (:mod:`.group_buy`).

    The group's code opens it. A group has ``size`` members and must fill within ``hours``.
    """

    kind: ClassVar[str] = "group_price"
    step: ClassVar[PricingStep] = PricingStep.LINES
    price: tuple[Money, ...]
    """Price of a unit, one amount per currency."""
    size: int = 2
    """Members that a group needs, from 2 to 100."""
    hours: int = 24
    """Hours in which a group must be complete, from 1 to 72."""


@frozen
class BuyGet:
    """Buy ``buy_quantity`` units, get ``get_quantity`` units reduced.

    The units to buy come from the promotion's goods. The units to get come from ``get``, or from
    the same goods if ``get`` is ``None``.
    """

    kind: ClassVar[str] = "buy_get"
    step: ClassVar[PricingStep] = PricingStep.SETS
    buy_quantity: int
    """Units to buy."""
    get_quantity: int
    """Units that are reduced."""
    get: Selection | None = None
    """Goods that are reduced; without it the goods of the promotion."""
    off_ppm: int = MILLION
    """Reduction in parts per million; 1000000 makes the units free."""
    times: int | None = None
    """How often the effect applies in one order at most; absent for no limit."""


@frozen
class BundleComponent:
    """A part of a bundle: a number of units of some goods."""

    goods: Selection
    """Goods of the part."""
    quantity: int = 1
    """Units of these goods in one bundle."""


@frozen
class Bundle:
    """A price for a combination of parts, at most ``times`` per basket."""

    kind: ClassVar[str] = "bundle"
    step: ClassVar[PricingStep] = PricingStep.SETS
    parts: tuple[BundleComponent, ...]
    """Parts of the bundle."""
    price: tuple[Money, ...]
    """Price of the whole bundle, one amount per currency."""
    times: int | None = None
    """How often the effect applies in one order at most; absent for no limit."""


@frozen
class OrderPercent:
    """A percentage off the sum of the goods, rounded once; ``up_to`` caps it."""

    kind: ClassVar[str] = "order_percent"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    off_ppm: int
    """Percentage in parts per million; 100000 is 10 %."""
    up_to: tuple[Money, ...] = ()
    """Highest discount, one amount per currency; none for no limit."""


@frozen
class OrderAmount:
    """An amount off the sum of the goods, once per order, however many units it has."""

    kind: ClassVar[str] = "order_amount"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    amount: tuple[Money, ...]
    """Amount off the order, once, one per currency."""


@frozen
class SpendTier:
    """A tier: from ``spend`` on, save an amount or a percentage."""

    spend: Money
    """Amount of goods from which the tier applies."""
    save: Money | None = None
    """Amount off; either this or a percentage."""
    off_ppm: int | None = None
    """Percentage off in parts per million; either this or an amount."""


@frozen
class SpendSave:
    """A saving by tiers of the amount spent ("300 − 50, 500 − 100").

    Only the highest tier reached counts.
    """

    kind: ClassVar[str] = "spend_save"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    tiers: tuple[SpendTier, ...]
    """Tiers, ascending in each currency."""


@frozen
class SpendStep:
    """A saving of ``save`` for every full ``spend``."""

    spend: Money
    """Amount of goods that is rewarded each time it is reached in full."""
    save: Money
    """Amount off each time, in the same currency."""


@frozen
class EverySpend:
    """A repeated saving ("every 300 minus 50"), at most ``times``."""

    kind: ClassVar[str] = "every_spend"
    step: ClassVar[PricingStep] = PricingStep.ORDER
    every: tuple[SpendStep, ...]
    """Steps, one per currency."""
    times: int | None = None
    """How often the effect applies in one order at most; absent for no limit."""


@frozen
class FreeGift:
    """A free gift of ``quantity`` units of ``variant``, as long as it is in stock.

    The shop copies ``sku`` and ``title`` from the variant.
    """

    kind: ClassVar[str] = "gift"
    step: ClassVar[PricingStep] = PricingStep.GIFTS
    sku: str = ""
    """Stock keeping unit of the gift; the shop takes it from the variant."""
    title: str = ""
    """Name of the gift; the shop takes it from the variant."""
    quantity: int = 1
    """Units of the gift."""
    value: tuple[Money, ...] = ()
    """Value of the gift for display, one amount per currency."""
    variant: str = ""
    """Id of the variant that is the gift."""


@frozen
class ShippingOff:
    """A reduction of shipping: exactly one of a percentage, an amount or a price.

    ``methods`` are ids of shipping methods; an empty tuple means all.
    """

    kind: ClassVar[str] = "shipping_off"
    step: ClassVar[PricingStep] = PricingStep.SHIPPING
    off_ppm: int | None = None
    """Percentage off shipping in parts per million; 1000000 makes it free."""
    amount: tuple[Money, ...] = ()
    """Amount off shipping, one per currency."""
    price: tuple[Money, ...] = ()
    """Reduced price of shipping, one amount per currency."""
    methods: tuple[str, ...] = ()
    """Ids of shipping methods; none means all."""


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
