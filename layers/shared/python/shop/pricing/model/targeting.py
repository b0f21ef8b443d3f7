"""Targeting of promotions: goods, time window and conditions.

Business rules: docs/rules/pricing.md §4.1 to §4.5.

CONTRIBUTING.md ("Change a rule") describes how to add a condition: a field of :class:`Conditions`,
its check, and the text of its reason. Further code changes only if the basket lacks the fact
(:class:`shop.pricing.model.basket.Basket` derives facts from its lines,
:class:`shop.pricing.model.usage_limits.UsageLimits` adds those that a store reads), or if the
values name things of the shop (:mod:`shop.pricing.model.references`).
"""

from collections.abc import Iterable
from datetime import datetime, time

from shop.kernel.errors import Problem
from shop.kernel.frozen import frozen
from shop.kernel.money import CURRENCIES, Money
from shop.kernel.time_bounds import time_zone, validate_instant
from shop.pricing.model.basket import Basket, BasketLine


@frozen
class Selection:
    """Goods by product, variant or category, minus the exclusions.

    A selection without inclusions includes all goods.
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

    def problems(self, path: str) -> list[Problem]:
        """Return a problem for each kind of goods with ids that are both included and excluded."""
        problems = []
        for name in ("products", "variants", "categories"):
            both = set(getattr(self, name)) & set(getattr(self, f"not_{name}"))
            if both:
                detail = f"Include or exclude {', '.join(sorted(both))}, not both."
                problems.append(Problem("value_contradiction", detail, f"{path}.not_{name}"))
        return problems


ALL_GOODS = Selection()


@frozen
class Window:
    """A period: ``starts`` <= instant < ``ends``, on some days and hours.

    ``weekdays`` counts Monday as 0. ``hours`` are begin and end on the wall clock of the zone. If
    the end is before the begin, the hours run past midnight and belong to the day on which they
    began.
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

        The reason is a code of :data:`NOT_APPLIED_REASONS`.
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
        except ValueError:
            problems.append(
                Problem(
                    "time_zone_unknown",
                    "The time zone must be an IANA name, such as Europe/Berlin.",
                    f"{path}.zone",
                )
            )
        if any(not 0 <= day <= 6 for day in self.weekdays):
            detail = "Weekdays must be from 0 (Monday) to 6 (Sunday)."
            problems.append(Problem("out_of_range", detail, f"{path}.weekdays"))
        if self.hours is not None and self.hours[0] == self.hours[1]:
            problems.append(
                Problem("value_contradiction", "Begin and end must be different.", f"{path}.hours")
            )
        return problems

    def overlaps(self, other: "Window") -> bool:
        """Return whether both periods share an instant. Days and hours are ignored."""
        return (self.ends is None or other.starts is None or other.starts < self.ends) and (
            other.ends is None or self.starts is None or self.starts < other.ends
        )


ALWAYS = Window()


@frozen
class Conditions:
    """The conditions of a promotion. A field with its default value restricts nothing.

    All must be met: the window, the facts of the basket, and the minimum of quantity and amount.
    """

    # The calculation checks them at three places: the window in Window.reason_closed, the facts of
    # the basket in mismatch_reason, and the minimums in the engine, at the present cost of the
    # visible goods.

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
    """Units of the visible goods that the basket must contain; 0 for no minimum."""
    min_amount: tuple[Money, ...] = ()
    """Value that the visible goods must reach, one amount per currency."""
    of: Selection | None = None
    """Goods that the minimum counts; without it those of the promotion."""

    def mismatch_reason(self, basket: Basket) -> str:
        """Return why the promotion is not for this basket, or ``""`` if it is.

        The reason is a code of :data:`NOT_APPLIED_REASONS`.
        """
        if self.channels and basket.channel not in self.channels:
            return "channel_mismatch"
        if self.markets and basket.market not in self.markets:
            return "market_mismatch"
        customer = basket.customer
        # Before groups and segments: a guest may belong to them after signing in.
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
        # §4.1: uncounted orders (None) do not prove a first order.
        if self.first_order and (customer is None or customer.previous_orders != 0):
            return "not_first_order"
        return ""

    def problems(self, path: str) -> list[Problem]:
        """Return the problem of every invalid field."""
        from shop.customers.model import invalid_names  # lazy: only staff validate

        problems = self.window.problems(f"{path}.window")
        if self.min_quantity < 0:
            detail = "Quantity must be 0 or more."
            problems.append(Problem("quantity_invalid", detail, f"{path}.min_quantity"))
        problems += amount_problems(self.min_amount, f"{path}.min_amount")
        problems += invalid_names(self.groups, f"{path}.groups")
        problems += invalid_names(self.segments, f"{path}.segments")
        if self.of is not None:
            problems += self.of.problems(f"{path}.of")
            if not (self.min_quantity or self.min_amount):
                detail = "Goods to count require min_quantity or min_amount."
                problems.append(Problem("value_contradiction", detail, f"{path}.of"))
        return problems


NOT_APPLIED_REASONS: dict[str, str] = {
    "not_published": "The promotion is a draft.",
    "not_started": "The promotion has not begun.",
    "ended": "The promotion has ended.",
    "outside_hours": "The promotion runs on other days or hours.",
    "channel_mismatch": "The promotion is for another sales channel.",
    "market_mismatch": "The promotion is for another market.",
    "customer_group_mismatch": "The promotion is for another customer group.",
    "customer_segment_mismatch": "The promotion is for another customer segment.",
    "sign_in_required": "The promotion is for signed-in customers.",
    "not_first_order": "The promotion is for a first order.",
    "code_missing": "The promotion requires a code.",
    "no_amount_in_currency": "The promotion has no amount in this currency.",
    "no_matching_goods": "The basket contains no goods of the promotion.",
    "quantity_too_low": "The basket contains too few units.",
    "amount_too_low": "The amount of the basket is too low.",
    "locked_by_exclusive": "An exclusive promotion already applies to these goods.",
    "already_reduced": "The promotion is exclusive, and these goods are already reduced.",
    "locked_by_stop": "An earlier promotion stops all later ones of this step.",
    "better_discount": "Another promotion of the same group gives a better discount.",
    "earlier_in_group": "An earlier promotion of the same group applies.",
    "no_discount": "The promotion would save nothing.",
    "quota_exhausted": "The quota of the promotion is used up.",
    "customer_limit_reached": "The customer has reached the limit of the promotion.",
    "no_shipping_charge": "No shipping option is selected, or shipping is free.",
    "shipping_method_mismatch": "The promotion is for other shipping methods.",
    "gift_out_of_stock": "The gift is out of stock.",
}
"""Every reason why a promotion does not apply, by code."""


def amount_in(amounts: tuple[Money, ...], currency: str) -> int | None:
    """Return the minor units of the amount in this currency, or ``None`` (§4.3)."""
    for amount in amounts:
        if amount.currency == currency:
            return amount.minor
    return None


def amount_problems(
    amounts: Iterable[Money], path: str, *, zero_allowed: bool = False
) -> list[Problem]:
    """Return the problem of every invalid amount, and of every second amount in one currency."""
    problems: list[Problem] = []
    currencies: set[str] = set()
    for place, amount in enumerate(amounts):
        amount_path = f"{path}[{place}]"
        if amount.currency in currencies:
            problems.append(duplicate_currency(amount.currency, amount_path))
        currencies.add(amount.currency)
        problems += money_problems(amount, amount_path, zero_allowed=zero_allowed)
    return problems


def money_problems(amount: Money, path: str, *, zero_allowed: bool = False) -> list[Problem]:
    """Return the problems of one amount: an unknown currency, or too few minor units."""
    problems = []
    if amount.currency not in CURRENCIES:
        detail = "Currency must be an ISO 4217 code such as USD."
        problems.append(Problem("currency_unknown", detail, f"{path}.currency"))
    minimum = 0 if zero_allowed else 1
    if amount.minor < minimum:
        detail = f"Amount must be {minimum} or more."
        problems.append(Problem("amount_invalid", detail, f"{path}.amount"))
    return problems


def duplicate_currency(currency: str, path: str) -> Problem:
    return Problem("duplicate", f"Send one amount in {currency}.", path)
