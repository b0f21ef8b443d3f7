"""The limits that a quote must respect (docs/rules/pricing.md §14)."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from shop.kernel.frozen import frozen
from shop.pricing.model.basket import Basket
from shop.pricing.model.group_buy import GroupStatus


@frozen
class CodeStatus:
    """The status of a discount code: the promotion it opens, and its remaining uses.

    ``None`` means no limit. The uses of a customer are counted under ``coupon_id``, up to
    ``per_customer``. ``shard_count`` is the number of shards of the code's counter (0: one row).
    ``group`` is the status of the group buy, if the code belongs to one.
    """

    promotion_id: str
    starts: datetime | None = None
    ends: datetime | None = None
    uses_remaining: int | None = None
    customer_uses_remaining: int | None = None
    coupon_id: str | None = None
    per_customer: int | None = None
    shard_count: int = 0
    group: GroupStatus | None = None


@frozen(slots=False)
class UsageLimits:
    """Facts that change with every order.

    They are passed beside the rule set, which is cached.

    - ``codes``: status by normalized code (:func:`shop.pricing.model.coupons.normalize_code`)
    - ``quota_remaining``: units by promotion; a promotion that is missing has its full quota
    - ``quota_shard_counts``: number of shards by promotion, for quotas that are sharded
    - ``customer_used``: units that this customer has bought, by promotion; missing: none
    - ``gifts_remaining``: units by SKU; a SKU that is missing is in stock
    - ``groups``, ``segments``, ``previous_orders``: facts about the customer that the basket lacks,
      read only if a rule needs them (``None``: not counted)
    """

    codes: Mapping[str, CodeStatus] = field(default_factory=dict)
    quota_remaining: Mapping[str, int] = field(default_factory=dict)
    quota_shard_counts: Mapping[str, int] = field(default_factory=dict)
    customer_used: Mapping[str, int] = field(default_factory=dict)
    gifts_remaining: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    previous_orders: int | None = None

    def enrich(self, basket: Basket) -> Basket:
        """Return the basket with these facts added to its customer."""
        customer = basket.customer
        if customer is None or not (
            self.groups or self.segments or self.previous_orders is not None
        ):
            return basket
        customer = replace(
            customer,
            groups=tuple(dict.fromkeys((*customer.groups, *self.groups))),
            segments=tuple(dict.fromkeys((*customer.segments, *self.segments))),
            previous_orders=(
                customer.previous_orders if self.previous_orders is None else self.previous_orders
            ),
        )
        return replace(basket, customer=customer)


NO_USAGE = UsageLimits()
