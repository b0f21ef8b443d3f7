"""Targeting of promotions: goods, time window and audience.

Business rules: docs/rules/pricing.md §4.1 and §4.4.
"""

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
    """Goods by product, variant or category, minus the exclusions.

    A selection that names nothing includes all goods.
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

    @property
    def has_exclusions(self) -> bool:
        return bool(self.not_products or self.not_variants or self.not_categories)

    def contains(self, line: BasketLine) -> bool:
        # An exclusion wins over an inclusion.
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
    """A period: ``starts`` <= instant < ``ends``, on some days and hours.

    ``weekdays`` counts Monday as 0. ``hours`` is from and to on the wall clock of the zone. If "to"
    is not after "from", the hours run past midnight and belong to the day on which they began.
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
        """Return why the window is closed, or ``""`` if it is open.

        The reason is a code of :data:`shop.pricing.model.trace.NOT_APPLIED_REASONS`.
        """
        if self.starts is not None and at < self.starts:
            return "not_started"
        if self.ends is not None and at >= self.ends:
            return "ended"
        # Most windows have neither days nor hours: skip the conversion to local time.
        if not self.weekdays and self.hours is None:
            return ""
        local = at.astimezone(time_zone(self.zone))
        day, clock = local.weekday(), local.time()
        if self.hours is not None:
            begin, end = self.hours
            if begin < end:
                if not begin <= clock < end:
                    return "outside_hours"
            elif clock < end:
                # After midnight: the hours belong to the day before.
                day = (day - 1) % 7
            elif clock < begin:
                return "outside_hours"
        if self.weekdays and day not in self.weekdays:
            return "outside_hours"
        return ""

    def problems(self, path: str) -> list[Problem]:
        """Return the problem of every invalid field."""
        problems = []
        for name in ("starts", "ends"):
            at = getattr(self, name)
            try:
                at is None or validate_instant(at)
            except ValueError as error:
                problems.append(Problem("time_invalid", str(error), f"{path}.{name}"))
        if self.starts and self.ends and self.ends <= self.starts:
            problems.append(
                Problem("ends_before_start", "The end must be after the start.", f"{path}.ends")
            )
        try:
            time_zone(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(
                Problem(
                    "zone_unknown",
                    f"{self.zone!r} must be an IANA time zone such as Europe/Berlin.",
                    f"{path}.zone",
                )
            )
        if any(not 0 <= day <= 6 for day in self.weekdays):
            detail = "Weekdays must be from 0 (Monday) to 6 (Sunday)."
            problems.append(Problem("weekday_invalid", detail, f"{path}.weekdays"))
        if self.hours is not None and self.hours[0] == self.hours[1]:
            problems.append(
                Problem("hours_empty", "The two hours must be different.", f"{path}.hours")
            )
        return problems

    def overlaps(self, other: "Window") -> bool:
        """Return whether both periods share an instant. Days and hours are ignored."""
        return (self.ends is None or other.starts is None or other.starts < self.ends) and (
            other.ends is None or self.starts is None or self.starts < other.ends
        )


@lru_cache(maxsize=64)
def time_zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name."""
    return ZoneInfo(name)


ALWAYS = Window()


@frozen
class Conditions:
    """The conditions of a promotion. An empty or ``None`` field is no condition.

    ``min_quantity`` and ``min_amount`` count the goods of ``of``, or the promotion's own goods if
    ``of`` is ``None``, at their present cost.
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
        """Return why channel, market or customer do not match, or ``""`` if they do."""
        if self.channels and basket.channel not in self.channels:
            return "channel_mismatch"
        if self.markets and basket.market not in self.markets:
            return "market_mismatch"
        customer = basket.customer
        if self.signed_in and (customer is None or customer.id is None):
            return "sign_in_required"
        if self.groups and (
            customer is None or not any(group in self.groups for group in customer.groups)
        ):
            return "customer_group_mismatch"
        if self.segments and (
            customer is None or not any(part in self.segments for part in customer.segments)
        ):
            return "customer_segment_mismatch"
        # A count that is not known (None) is no first order (§4.1).
        if self.first_order and (customer is None or customer.previous_orders != 0):
            return "not_first_order"
        return ""


def amount_in(amounts: tuple[Money, ...], currency: str) -> int | None:
    """Return the minor units of the amount in this currency, or ``None`` (§4.3)."""
    for amount in amounts:
        if amount.currency == currency:
            return amount.minor
    return None
