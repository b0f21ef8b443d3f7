"""What a promotion does: each kind a small frozen type, each with the step in which it works."""

from typing import ClassVar, TypeAlias

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.targeting import Selection
from shop.pricing.model.trace import PricingStage

FULL_BASIS_POINTS = 10_000
"""All of it, in basis points: 100 %."""


@frozen
class PercentOff:
    """A percentage off each line, rounded per line; ``up_to`` caps the sum."""

    kind: ClassVar[str] = "percent_off"
    step: ClassVar[PricingStage] = PricingStage.LINES
    basis_points: int
    """Percentage in basis points; 1000 is 10 %."""
    up_to: tuple[Money, ...] = ()
    """Highest discount, one amount per currency; none for no limit."""


@frozen
class AmountOff:
    """An amount off each unit (``per`` "unit") or once off each line ("line")."""

    kind: ClassVar[str] = "amount_off"
    step: ClassVar[PricingStage] = PricingStage.LINES
    amount: tuple[Money, ...]
    """Amount off, one per currency."""
    per: str = "unit"
    """Whether the amount is off each unit or once off each line: unit or line."""


@frozen
class LimitedPrice:
    """A unit costs this while it runs, where that is less than what it costs otherwise."""

    kind: ClassVar[str] = "limited_price"
    step: ClassVar[PricingStage] = PricingStage.LINES
    price: tuple[Money, ...]
    """Price of a unit, one amount per currency."""


@frozen
class FlashSale:
    """A price (or a percentage off) for the first ``quota`` units sold, ``per_customer`` at most to
    each.
    """

    kind: ClassVar[str] = "flash_sale"
    step: ClassVar[PricingStage] = PricingStage.LINES
    price: tuple[Money, ...] = ()
    """Price of a unit, one amount per currency."""
    basis_points: int | None = None
    """Percentage in basis points; 1000 is 10 %."""
    quota: int | None = None
    """Units sold at this price in total; absent for no limit."""
    per_customer: int | None = None
    """Units sold at this price to one customer; absent for no limit."""


@frozen
class GroupPrice:
    """What a unit costs to the members of a group that buys together (:mod:`.group_buy`).

    A group has ``size`` members and ``hours`` to find them; its code opens the price.
    """

    kind: ClassVar[str] = "group_price"
    step: ClassVar[PricingStage] = PricingStage.LINES
    price: tuple[Money, ...]
    """Price of a unit, one amount per currency."""
    size: int = 2
    """Members that a group needs, from 2 to 100."""
    hours: int = 24
    """Hours in which a group must be complete, from 1 to 72."""


@frozen
class BuyGet:
    """For every ``buy_quantity`` bought, ``get_quantity`` of the goods of ``get`` are reduced
    (10,000: free).

    The goods to buy are those the promotion is about; without ``get``, so are the goods to get.
    """

    kind: ClassVar[str] = "buy_get"
    step: ClassVar[PricingStage] = PricingStage.SETS
    buy_quantity: int
    """Units to buy."""
    get_quantity: int
    """Units that are reduced for them."""
    get: Selection | None = None
    """Goods that are reduced; without it those of the promotion."""
    basis_points: int = FULL_BASIS_POINTS
    """Reduction in basis points; 10000 makes the units free."""
    times: int | None = None
    """How often the effect applies in one order at most; absent for no limit."""


@frozen
class BundleComponent:
    """A part of a bundle: so many units of these goods."""

    goods: Selection
    """Goods of the part."""
    quantity: int = 1
    """Units of these goods in one bundle."""


@frozen
class Bundle:
    """These parts together cost this."""

    kind: ClassVar[str] = "bundle"
    step: ClassVar[PricingStage] = PricingStage.SETS
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
    step: ClassVar[PricingStage] = PricingStage.ORDER
    basis_points: int
    """Percentage in basis points; 1000 is 10 %."""
    up_to: tuple[Money, ...] = ()
    """Highest discount, one amount per currency; none for no limit."""


@frozen
class OrderAmount:
    """An amount off the sum of the goods."""

    kind: ClassVar[str] = "order_amount"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    amount: tuple[Money, ...]
    """Amount off the order, one per currency."""


@frozen
class Tier:
    """From ``spend`` on, save this amount or this percentage."""

    spend: Money
    """Amount of goods from which the tier applies."""
    save: Money | None = None
    """Amount off; either this or a percentage."""
    basis_points: int | None = None
    """Percentage off in basis points; either this or an amount."""


@frozen
class SpendSave:
    """Save by tiers of what is spent ("300 − 50, 500 − 100"): the highest tier reached counts,
    alone.
    """

    kind: ClassVar[str] = "spend_save"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    tiers: tuple[Tier, ...]
    """Tiers, ascending in each currency."""


@frozen
class SpendStep:
    """For every full ``spend``, ``save``."""

    spend: Money
    """Amount of goods that is rewarded each time it is reached in full."""
    save: Money
    """Amount off each time, in the same currency."""


@frozen
class EverySpend:
    """Save again and again ("every 300 minus 50"), ``times`` at most."""

    kind: ClassVar[str] = "every_spend"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    every: tuple[SpendStep, ...]
    """Steps, one per currency."""
    times: int | None = None
    """How often the effect applies in one order at most; absent for no limit."""


@frozen
class GiftWith:
    """Something given along, while its own stock lasts: ``quantity`` units of ``variant``, whose
    ``sku`` and ``title`` come with it.
    """

    kind: ClassVar[str] = "gift"
    step: ClassVar[PricingStage] = PricingStage.GIFTS
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
    """Shipping reduced by a percentage, by an amount or to a price: exactly one of the three.

    ``methods`` are ids of shipping methods; none means all.
    """

    kind: ClassVar[str] = "shipping_off"
    step: ClassVar[PricingStage] = PricingStage.SHIPPING
    basis_points: int | None = None
    """Percentage off shipping in basis points; 10000 makes it free."""
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
    | GiftWith
    | ShippingOff
)

KINDS: dict[str, type[Effect]] = {
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
        GiftWith,
        ShippingOff,
    )
}
