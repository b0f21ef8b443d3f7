"""What is left of limited things when a basket is priced: uses of codes, quotas, gifts."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from shop.kernel.frozen import frozen
from shop.pricing.model.basket import Basket
from shop.pricing.model.group_buy import GroupStatus


@frozen
class CodeStatus:
    """A code that was looked up: what it opens, and what is left of it. ``None`` means no limit.

    ``coupon_id`` and ``per_customer`` say under which name, and up to where, a customer's uses are
    counted, ``bins`` in how many bins the code's uses are (0: in its row). ``group`` is how the
    group stands whose code it is, if it is one's.
    """

    promotion_id: str
    starts: datetime | None = None
    ends: datetime | None = None
    uses_remaining: int | None = None
    customer_uses_remaining: int | None = None
    coupon_id: str | None = None
    per_customer: int | None = None
    bins: int = 0
    group: GroupStatus | None = None


@frozen(slots=False)
class UsageLimits:
    """Facts that change with every order, so they travel beside the rules and not in them.

    ``codes`` by normal form (:func:`shop.kernel.codes.normalize_code`), ``quota_left`` units by
    promotion, ``customer_had`` units that this customer already bought by promotion, ``gifts_left``
    units by SKU. What is not in here is untouched: full quota, nothing had, gifts in stock.
    ``quota_bins`` tells of quotas that are kept in several bins how many these are.

    ``groups``, ``segments`` and ``orders_before`` are what is known of the customer beside the
    basket, looked up where a rule asks for it (``None``: nobody counted).
    """

    codes: Mapping[str, CodeStatus] = field(default_factory=dict)
    quota_remaining: Mapping[str, int] = field(default_factory=dict)
    quota_bins: Mapping[str, int] = field(default_factory=dict)
    customer_used: Mapping[str, int] = field(default_factory=dict)
    gifts_remaining: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    orders_before: int | None = None

    def enrich(self, basket: Basket) -> Basket:
        """The basket with all that is known of its customer."""
        customer = basket.customer
        if customer is None or not (self.groups or self.segments or self.orders_before is not None):
            return basket
        counted = customer.orders_before if self.orders_before is None else self.orders_before
        customer = replace(
            customer,
            groups=tuple(dict.fromkeys((*customer.groups, *self.groups))),
            segments=tuple(dict.fromkeys((*customer.segments, *self.segments))),
            orders_before=counted,
        )
        return replace(basket, customer=customer)


NO_USAGE = UsageLimits()
