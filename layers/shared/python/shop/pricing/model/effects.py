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
    up_to: tuple[Money, ...] = ()


@frozen
class AmountOff:
    """An amount off each unit (``per`` "unit") or once off each line ("line")."""

    kind: ClassVar[str] = "amount_off"
    step: ClassVar[PricingStage] = PricingStage.LINES
    amount: tuple[Money, ...]
    per: str = "unit"


@frozen
class LimitedPrice:
    """A unit costs this while it runs, where that is less than what it costs otherwise."""

    kind: ClassVar[str] = "limited_price"
    step: ClassVar[PricingStage] = PricingStage.LINES
    price: tuple[Money, ...]


@frozen
class FlashSale:
    """A price (or a percentage off) for the first ``quota`` units sold, ``per_customer`` at most to
    each.
    """

    kind: ClassVar[str] = "flash_sale"
    step: ClassVar[PricingStage] = PricingStage.LINES
    price: tuple[Money, ...] = ()
    basis_points: int | None = None
    quota: int | None = None
    per_customer: int | None = None


@frozen
class GroupPrice:
    """What a unit costs to the members of a group that buys together (:mod:`.group_buy`).

    A group has ``size`` members and ``hours`` to find them; its code opens the price.
    """

    kind: ClassVar[str] = "group_price"
    step: ClassVar[PricingStage] = PricingStage.LINES
    price: tuple[Money, ...]
    size: int = 2
    hours: int = 24


@frozen
class BuyGet:
    """For every ``buy_quantity`` bought, ``get_quantity`` of the goods of ``get`` are reduced
    (10,000: free).

    The goods to buy are those the promotion is about; without ``get``, so are the goods to get.
    """

    kind: ClassVar[str] = "buy_get"
    step: ClassVar[PricingStage] = PricingStage.SETS
    buy_quantity: int
    get_quantity: int
    get: Selection | None = None
    basis_points: int = FULL_BASIS_POINTS
    times: int | None = None


@frozen
class BundleComponent:
    """A part of a bundle: so many units of these goods."""

    goods: Selection
    quantity: int = 1


@frozen
class Bundle:
    """These parts together cost this."""

    kind: ClassVar[str] = "bundle"
    step: ClassVar[PricingStage] = PricingStage.SETS
    parts: tuple[BundleComponent, ...]
    price: tuple[Money, ...]
    times: int | None = None


@frozen
class OrderPercent:
    """A percentage off the sum of the goods, rounded once; ``up_to`` caps it."""

    kind: ClassVar[str] = "order_percent"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    basis_points: int
    up_to: tuple[Money, ...] = ()


@frozen
class OrderAmount:
    """An amount off the sum of the goods."""

    kind: ClassVar[str] = "order_amount"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    amount: tuple[Money, ...]


@frozen
class Tier:
    """From ``spend`` on, save this amount or this percentage."""

    spend: Money
    save: Money | None = None
    basis_points: int | None = None


@frozen
class SpendSave:
    """Save by tiers of what is spent ("300 − 50, 500 − 100"): the highest tier reached counts,
    alone.
    """

    kind: ClassVar[str] = "spend_save"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    tiers: tuple[Tier, ...]


@frozen
class SpendStep:
    """For every full ``spend``, ``save``."""

    spend: Money
    save: Money


@frozen
class EverySpend:
    """Save again and again ("every 300 minus 50"), ``times`` at most."""

    kind: ClassVar[str] = "every_spend"
    step: ClassVar[PricingStage] = PricingStage.ORDER
    every: tuple[SpendStep, ...]
    times: int | None = None


@frozen
class GiftWith:
    """Something given along, while its own stock lasts: ``quantity`` units of ``variant``, whose
    ``sku`` and ``title`` come with it.
    """

    kind: ClassVar[str] = "gift"
    step: ClassVar[PricingStage] = PricingStage.GIFTS
    sku: str = ""
    title: str = ""
    quantity: int = 1
    value: tuple[Money, ...] = ()
    variant: str = ""


@frozen
class ShippingOff:
    """Shipping reduced by a percentage, by an amount or to a price: exactly one of the three.

    ``methods`` are ids of shipping methods; none means all.
    """

    kind: ClassVar[str] = "shipping_off"
    step: ClassVar[PricingStage] = PricingStage.SHIPPING
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
