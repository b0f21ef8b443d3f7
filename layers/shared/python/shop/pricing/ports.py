"""Ports of pricing: protocols of the stores and readers that its use cases need.

Writes are conditional: each states the state that it is based on, and raises ``VersionConflict``
if another write came first. Writes that repeat themselves raise ``Contention`` after the last
attempt. A method that ends in ``_op`` returns a write operation for the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # annotations only: every Lambda imports the ports, few need these modules
    from shop.kernel.events import Event
    from shop.kernel.pagination import Page
    from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled, WriteOperation
    from shop.kernel.usage import UsageReservation
    from shop.pricing.model.basket import Basket
    from shop.pricing.model.coupons import CodeBatch, Coupon, CouponUses
    from shop.pricing.model.group_buy import GroupBuy
    from shop.pricing.model.markets import MarketSettings
    from shop.pricing.model.policy import PricingPolicy
    from shop.pricing.model.price_lists import PriceList
    from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
    from shop.pricing.model.rule_set import RuleSet
    from shop.pricing.model.usage import UsageCounter
    from shop.pricing.model.usage_limits import UsageLimits


class RuleSetSource(Protocol):
    """The rule set in force, cached in memory."""

    def rules(self, at: datetime) -> RuleSet:
        """Return the rules, at most five seconds behind the last change.

        Most calls read nothing. The same object is returned until the rule set changes.
        """


class UsageLimitReader(Protocol):
    """The remaining uses of codes, quotas and customer limits, for quotes."""

    def limits_for(
        self, basket: Basket, rules: RuleSet, customer_key: str | None, *, consistent: bool = False
    ) -> UsageLimits:
        """Return the limits that the basket's codes and goods can meet.

        ``customer_key`` is the name under which the customer's uses are counted. The result
        reserves nothing and may be some milliseconds old; ``consistent`` reads the last written
        state. A basket without limits costs no read. Other baskets cost one read, and a second one
        for a code with a limit per customer.
        """


class PurchaseHistory(Protocol):
    """The earlier orders of a customer."""

    def has_ordered(self, customer_id: str) -> bool:
        """Return whether the customer has an order that was not cancelled."""


class UsageCounterRepository(Protocol):
    """The rows of shared usage counters, whose uses may move to shards."""

    def get(self, kind: str, name: str, limit: int) -> UsageCounter:
        """Return the row as last written.

        A missing row has ``limit`` remaining uses.
        """

    def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
        """Return the write that moves uses out of an unchanged row.

        A negative number moves them back.
        """

    def set_shard_count(self, row: UsageCounter, shard_count: int) -> None:
        """Store the number of shards in the row, as a hint for its readers."""


class UsageCounters(Protocol):
    """The usage counters that orders change; each limit is a condition of the write."""

    def pick_shards(self, counts: Sequence[UsageReservation]) -> Sequence[UsageReservation]:
        """Choose shards for the reservations of sharded counters.

        The order stores the result. The choice reads nothing and reserves nothing.
        """

    def consume(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        """Return the write that counts the uses of an order, if they are available."""

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        """Return the write that releases the uses of an order.

        The transaction that cancels an order contains it, so it runs once for each order.
        """

    def exhausted(
        self, error: ConditionFailed | PartitionThrottled, counts: Sequence[UsageReservation]
    ) -> Sequence[UsageReservation]:
        """Return the reservations that were exhausted when a transaction failed.

        ``counts`` are the reservations before :meth:`pick_shards`. If none is exhausted, the caller
        picks shards again.
        """


class PromotionRepository(Protocol):
    """Promotions, drafts and published ones."""

    def get(self, promotion_id: str) -> Promotion:
        """Return the promotion of this id. Raises NotFound."""

    def list_published(self) -> Sequence[Promotion]:
        """Return the published promotions that staff have not ended, past ones included."""

    def list_all(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: PromotionStatus | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        """Return a page of all promotions, in the order of their ids.

        With ``status``, only promotions that have this status ``at`` the instant. Such a page may
        have fewer than ``limit`` promotions although more follow.
        """

    def list_revisions(self, promotion_id: str) -> Sequence[PromotionRevision]:
        """Return the versions of a promotion, newest first, at most 50."""

    def save(
        self,
        before: Promotion | None,
        after: Promotion,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None] | None = None,
    ) -> Promotion:
        """Write a promotion; a new one if ``before`` is ``None``.

        If the promotion is published, ``check`` is called with :meth:`list_published` and may
        raise. The write fails and is repeated if that list changes in between.

        Raises VersionConflict, Contention, and Conflict (``id_taken``, ``too_many_promotions``).
        """


class PriceListRepository(Protocol):
    """Price lists."""

    def get(self, list_id: str) -> PriceList:
        """Return the list of this id. Raises NotFound."""

    def list_all(self) -> Sequence[PriceList]:
        """Return every list, ended ones included."""

    def save(
        self,
        before: PriceList | None,
        after: PriceList,
        events: Sequence[Event],
        check: Callable[[Sequence[PriceList]], None] | None = None,
    ) -> PriceList:
        """Write a list and put it in force; a new one if ``before`` is ``None``.

        ``check`` is called with all lists and may raise. The write fails and is repeated if the
        lists change in between.

        Raises VersionConflict, Contention, and Conflict (``id_taken``, ``too_large``).
        """


class CouponRepository(Protocol):
    """Coupons and their codes. Codes are stored in normal form (§4.2)."""

    def get(self, coupon_id: str) -> Coupon:
        """Return the coupon of this id. Raises NotFound."""

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        """Write a new coupon, and its code if it has one.

        Raises Conflict (``id_taken``, ``code_taken``).
        """

    def update(self, before: Coupon, after: Coupon, events: Sequence[Event]) -> Coupon:
        """Replace ``before`` with ``after``, and the terms of its code in the same write.

        Raises VersionConflict, and Conflict: ``quantity_below_uses`` if its code has more uses than
        the new quantity, ``code_sharded`` if its uses were split for a traffic peak.
        """

    def list_all(self, *, cursor: str | None, limit: int) -> Page[Coupon]:
        """Return all coupons, sorted by id."""

    def count_uses(self, coupon: Coupon, in_shards: Callable[[str], int]) -> CouponUses:
        """Count the uses of a coupon's codes, of 1,000 codes at most.

        ``in_shards`` returns the remaining uses in the shards of a counter.
        """

    def list_limited_codes(self, promotion_id: str) -> Sequence[str]:
        """Return the codes of a promotion that many customers share, 20 at most."""

    def has_batch(self, coupon: Coupon, batch: CodeBatch) -> bool:
        """Return whether a batch of this id is stored."""

    def begin_batch(self, coupon: Coupon, batch: CodeBatch, at: datetime) -> CodeBatch:
        """Store a batch before its codes are issued.

        A repeated call returns the stored batch.

        Raises IdempotencyKeyReused if the stored batch has another count or prefix, and Conflict
        (``batch_in_progress``) while another call issues it.
        """

    def write_codes(self, coupon: Coupon, batch: CodeBatch, codes: Sequence[str]) -> Sequence[str]:
        """Write the codes of a batch that do not exist yet.

        Return the normal forms of the codes that belong to another batch or coupon; these were not
        written.
        """

    def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
        """Mark a batch as complete: all its codes are stored."""

    def list_codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        """Return a page of the codes of all batches, as they were issued.

        A page has about a thousand codes.
        """


class PricingPolicyRepository(Protocol):
    """The pricing policy that staff set, and its versions."""

    def get(self) -> PricingPolicy:
        """Return the policy in force; version 0 before the first change."""

    def get_version(self, version: int) -> PricingPolicy:
        """Return the policy at a version. Raises NotFound."""

    def save(
        self,
        after: PricingPolicy,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None],
    ) -> PricingPolicy:
        """Write the next version and put it in force.

        ``check`` is called with the published promotions and may raise. The write fails and is
        repeated if these promotions change in between.

        Raises VersionConflict if ``after`` is not the next version, Contention, and Conflict
        (``too_large``).
        """


class MarketRepository(Protocol):
    """The markets that staff define, and their versions."""

    def get(self) -> MarketSettings:
        """Return the markets in force; the bundled ones before the first change."""

    def get_version(self, version: int) -> MarketSettings:
        """Return the markets at a version. Raises NotFound."""

    def save(
        self,
        after: MarketSettings,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion], Sequence[PriceList]], None],
    ) -> MarketSettings:
        """Write the next version and put it in force.

        ``check`` is called with the published promotions and all price lists, and may raise. The
        write fails and is repeated if they change in between.

        Raises VersionConflict if ``after`` is not the next version, and Contention.
        """


class GroupBuyRepository(Protocol):
    """Group buys."""

    def get(self, group_id: str) -> GroupBuy:
        """Return the group of this id. Raises NotFound."""

    def insert_op(self, group: GroupBuy, events: Sequence[Event]) -> WriteOperation:
        """Return the write of a new group and of its code, which has one use per member."""

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        """Write a changed group; the code of a decided group opens nothing from then on.

        Raises VersionConflict.
        """

    def list_due(self, at: datetime, max_results: int) -> Iterable[GroupBuy]:
        """Return groups past their deadline with unsettled orders, oldest first."""

    def mark_settled(self, group: GroupBuy) -> None:
        """Remove a decided group from :meth:`list_due`: all its orders are settled.

        The operation is idempotent.
        """


class ReferenceChecker(Protocol):
    """Checks references of promotions and price lists to goods and shipping methods (§15.3)."""

    def find_unknown(self, references: Iterable[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Return the references (kind, id) without an object.

        Kinds are ``product``, ``variant``, ``category``, ``sku``, ``method`` (of shipping) and
        ``market``.
        References are looked up in batches.
        """

    def sku_and_title(self, variant_id: str) -> tuple[str, str] | None:
        """Return SKU and title of a variant, as orders show them, or ``None``."""

    def find_unknown_articles(self, articles: Iterable[str]) -> Sequence[str]:
        """Return the ids that are neither a product nor a variant.

        Ids are looked up in batches.
        """
