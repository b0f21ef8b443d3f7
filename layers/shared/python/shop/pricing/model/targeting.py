"""Which goods a rule is about, when it runs, and for whom."""

from datetime import datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.kernel.time_bounds import validate_instant
from shop.pricing.model.basket import Basket, BasketLine


@frozen
class Selection:
    """Goods by product, variant or category. Nothing named means everything; what is left out,
    stays out.
    """

    products: tuple[str, ...] = ()
    """Ids of products that are included."""
    variants: tuple[str, ...] = ()
    """Ids of variants that are included."""
    categories: tuple[str, ...] = ()
    """Names of categories that are included."""
    not_products: tuple[str, ...] = ()
    """Ids of products that are excluded."""
    not_variants: tuple[str, ...] = ()
    """Ids of variants that are excluded."""
    not_categories: tuple[str, ...] = ()
    """Names of categories that are excluded."""

    @property
    def everything(self) -> bool:
        return not (self.products or self.variants or self.categories)

    def contains(self, line: BasketLine) -> bool:
        if (
            line.product_id in self.not_products
            or line.variant_id in self.not_variants
            or any(category in self.not_categories for category in line.categories)
        ):
            return False
        return (
            self.everything
            or line.product_id in self.products
            or line.variant_id in self.variants
            or any(category in self.categories for category in line.categories)
        )


ALL_GOODS = Selection()


@frozen
class Window:
    """When something is in force: ``starts`` <= instant < ``ends``, and on these days and hours of
    ``zone``.

    ``weekdays`` counts Monday as 0. ``hours`` is from and to, wall clock in the zone; where "to" is
    not after "from" the hours run past midnight, and belong to the day they began on.
    """

    starts: datetime | None = None
    """First instant in force; absent for no start."""
    ends: datetime | None = None
    """Instant from which it is no longer in force; absent for no end."""
    zone: str = "UTC"
    """IANA time zone of weekdays and hours, such as Europe/Berlin."""
    weekdays: tuple[int, ...] = ()
    """Days of the week from Monday (0) to Sunday (6); none means every day."""
    hours: tuple[time, time] | None = None
    """Start and end of the hours in force, as wall clock time of the zone."""

    def reason_closed(self, at: datetime) -> str:
        """The reason (of :data:`shop.pricing.model.trace.NOT_APPLIED_REASONS`) why not now, or ``""``."""
        if self.starts is not None and at < self.starts:
            return "not_yet"
        if self.ends is not None and at >= self.ends:
            return "over"
        if not self.weekdays and self.hours is None:
            return ""
        local = at.astimezone(zone(self.zone))
        day, clock = local.weekday(), local.time()
        if self.hours is not None:
            begin, end = self.hours
            if begin < end:
                if not begin <= clock < end:
                    return "wrong_hour"
            elif clock < end:
                day = (day - 1) % 7
            elif clock < begin:
                return "wrong_hour"
        if self.weekdays and day not in self.weekdays:
            return "wrong_hour"
        return ""

    def problems(self, path: str) -> list[Problem]:
        """What is wrong with this window, every field of it."""
        problems = []
        for name in ("starts", "ends"):
            at = getattr(self, name)
            try:
                at is None or validate_instant(at)
            except ValueError as error:
                problems.append(Problem("time_invalid", str(error), f"{path}.{name}"))
        if self.starts and self.ends and self.ends <= self.starts:
            problems.append(
                Problem("ends_before_start", "the end is after the start", f"{path}.ends")
            )
        try:
            zone(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(
                Problem("zone_unknown", f"{self.zone!r} is no time zone", f"{path}.zone")
            )
        if any(not 0 <= day <= 6 for day in self.weekdays):
            detail = "weekdays count from Monday, 0, to Sunday, 6"
            problems.append(Problem("weekday_invalid", detail, f"{path}.weekdays"))
        if self.hours is not None and self.hours[0] == self.hours[1]:
            problems.append(
                Problem("hours_empty", "from and to are one and the same", f"{path}.hours")
            )
        return problems

    def overlaps(self, other: "Window") -> bool:
        """Whether some instant lies between start and end of both (days and hours are not looked
        at).
        """
        return (self.ends is None or other.starts is None or other.starts < self.ends) and (
            other.ends is None or self.starts is None or self.starts < other.ends
        )


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name."""
    return ZoneInfo(name)


ALWAYS = Window()


@frozen
class Conditions:
    """When a promotion applies. What is empty or ``None`` asks for nothing.

    ``min_quantity`` and ``min_amount`` look at the goods of ``of`` (without it: at the goods that
    the promotion is about), at what they cost when the promotion's turn comes.
    """

    window: Window = ALWAYS
    """Period in which the promotion applies."""
    channels: tuple[str, ...] = ()
    """Sales channels, such as web, app or agent; none means all."""
    markets: tuple[str, ...] = ()
    """Markets of the shop, such as US or EU; none means all."""
    groups: tuple[str, ...] = ()
    """Customer groups, of which one is required; none means all customers."""
    segments: tuple[str, ...] = ()
    """Customer segments, of which one is required; none means all customers."""
    signed_in: bool = False
    """Whether the customer must be signed in."""
    first_order: bool = False
    """Whether it must be the customer's first order."""
    min_quantity: int = 0
    """Units of the goods that the order must contain; 0 for no minimum."""
    min_amount: tuple[Money, ...] = ()
    """Value of the goods that the order must reach, one amount per currency."""
    of: Selection | None = None
    """Goods that the minimum counts; without it those of the promotion."""

    def customer_mismatch_reason(self, basket: Basket) -> str:
        """The reason why not for this channel, market and customer, or ``""``."""
        if self.channels and basket.channel not in self.channels:
            return "other_channel"
        if self.markets and basket.market not in self.markets:
            return "other_market"
        customer = basket.customer
        if self.signed_in and (customer is None or customer.id is None):
            return "sign_in"
        if self.groups and (
            customer is None or not any(group in self.groups for group in customer.groups)
        ):
            return "other_group"
        if self.segments and (
            customer is None or not any(part in self.segments for part in customer.segments)
        ):
            return "other_segment"
        if self.first_order and (customer is None or customer.orders_before != 0):
            return "not_first_order"
        return ""


def amount_in(amounts: tuple[Money, ...], currency: str) -> int | None:
    """The minor units among ``amounts`` in that currency, or ``None``."""
    for amount in amounts:
        if amount.currency == currency:
            return amount.minor
    return None
