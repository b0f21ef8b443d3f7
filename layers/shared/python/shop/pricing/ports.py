"""What pricing needs from the world. Every write names what it was read as, and is refused
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.kernel.events import Event
    from shop.kernel.pagination import Page
    from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled, WriteOperation
    from shop.kernel.usage import UsageReservation
    from shop.pricing.model.basket import Basket
    from shop.pricing.model.coupons import CodeBatch, Coupon
    from shop.pricing.model.group_buy import GroupBuy
    from shop.pricing.model.policy import PricingPolicy
    from shop.pricing.model.price_history import PriceHistory
    from shop.pricing.model.price_lists import PriceList
    from shop.pricing.model.promotions import Promotion, PromotionRevision, PromotionStatus
    from shop.pricing.model.rule_set import RuleSet
    from shop.pricing.model.usage import UsageCounter
    from shop.pricing.model.usage_limits import CodeStatus, UsageLimits


class RuleSetSource(Protocol):
    """The rules in force, kept in memory: the same object until their version changes."""

    def rules(self, at: datetime) -> RuleSet:
        """The rules, at most five seconds older than the last change; mostly without a read."""


class UsageLimitReader(Protocol):
    """What is left of limited things."""

    def limits_for(
        self, basket: Basket, rules: RuleSet, actor: str | None, *, consistent: bool = False
    ) -> UsageLimits:
        """For this basket: its codes looked up, and the quotas and limits that it could meet.

        May be some milliseconds old: it informs, it promises nothing. ``surely`` tells what was
        last written.

        ``who`` is the name under which this customer's uses are counted. Nothing is read where the
        basket has no code and no promotion with a limit is about its goods; otherwise once, and a
        second time for a code that has a limit for each customer.
        """


class PurchaseHistory(Protocol):
    """What is known of earlier orders."""

    def has_ordered(self, customer_id: str) -> bool:
        """Whether this customer has an order that was not called off."""


class UsageCounterRepository(Protocol):
    """The rows that hand their uses over to bins."""

    def get(self, kind: str, name: str, limit: int) -> UsageCounter:
        """As last written; all of ``limit`` left where nothing was counted yet."""

    def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
        """So many uses leave the row (below zero: return), if it is still as it was read."""

    def set_shard_count(self, row: UsageCounter, bins: int) -> None:
        """Note in the row how many bins there are: a hint for whoever reads it."""


class UsageCounters(Protocol):
    """Where uses are counted: each with its limit as the row's own condition."""

    def pick_shards(self, counts: Sequence[UsageReservation]) -> Sequence[UsageReservation]:
        """Choose the bins of those that are kept in several. Reads nothing and promises nothing;
        the order keeps what is drawn.
        """

    def consume(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        """Count what an order uses up, each on condition that it is still there."""

    def release(self, counts: Sequence[UsageReservation]) -> WriteOperation:
        """Count back what an order used up and does not keep. Called once for an order: in the
        transaction that calls it off.
        """

    def exhausted(
        self, clash: ConditionFailed | PartitionThrottled, counts: Sequence[UsageReservation]
    ) -> Sequence[UsageReservation]:
        """Those of the counts, as they were before they were drawn, of which a transaction that
        failed found too few. None: draw again.
        """


class PromotionRepository(Protocol):
    """The calendar of promotions."""

    def get(self, promotion_id: str) -> Promotion:
        """The promotion of that id. Raises NotFound."""

    def list_published(self) -> Sequence[Promotion]:
        """Those published and not called off: scheduled, running, and ended by the clock."""

    def list_all(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: PromotionStatus | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        """All of them, drafts included, in the order of their ids; or those of one status ``at``
        that instant: then a page may hold fewer than ``limit`` although more follow.
        """

    def list_revisions(self, promotion_id: str) -> Sequence[PromotionRevision]:
        """Its versions, the newest first, 50 at most."""

    def save(
        self,
        before: Promotion | None,
        after: Promotion,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None] | None = None,
    ) -> Promotion:
        """Write one; without ``before`` a new one. Raises Stale.

        ``check`` is handed those :meth:`published` where it is published, and may refuse; what is
        written stands beside these and no others.
        """


class PriceListRepository(Protocol):
    """The price lists."""

    def get(self, list_id: str) -> PriceList:
        """The list of that id. Raises NotFound."""

    def list_all(self) -> Sequence[PriceList]:
        """Every list, also those that have ended."""

    def save(
        self,
        before: PriceList | None,
        after: PriceList,
        events: Sequence[Event],
        check: Callable[[Sequence[PriceList]], None] | None = None,
    ) -> PriceList:
        """Write one and put it in force; without ``before`` a new one. ``check`` is handed all
        lists and may refuse; what is written stands beside these and no others.

        Raises Stale, Conflict (``id_taken``, ``list_too_large``).
        """


class PriceHistoryRepository(Protocol):
    """The price histories, by article and market."""

    def get(self, article: str, market: str) -> PriceHistory:
        """The history; an empty one where nothing was recorded."""

    def save(self, before: PriceHistory, after: PriceHistory, market: str) -> PriceHistory:
        """Append what is new. Raises Stale where another was quicker."""


class CouponRepository(Protocol):
    """Coupons and their codes, in normal form."""

    def get(self, coupon_id: str) -> Coupon:
        """The coupon of that id. Raises NotFound."""

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        """Write a new coupon, with its code where it has one. Raises Conflict for a code taken."""

    def list_limited_codes(self, promotion_id: str) -> Sequence[str]:
        """Codes that open this promotion for many, up to a number of uses; 20 at most."""

    def begin_batch(self, coupon: Coupon, batch: CodeBatch, at: datetime) -> CodeBatch:
        """Keep a batch that is about to be issued; of its id, the one that was kept first.

        Raises KeyReused where that one was for another count or prefix, and Conflict
        (``batch_in_progress``) while another call is issuing it.
        """

    def write_codes(self, coupon: Coupon, batch: CodeBatch, codes: Sequence[str]) -> Sequence[str]:
        """Write codes of a batch, as they are given out, that do not exist yet; returns the normal
        forms of those that exist in another batch, and were not written.
        """

    def complete_batch(self, coupon: Coupon, batch: CodeBatch) -> None:
        """All codes of the batch are kept."""

    def get_codes(self, codes: Sequence[str], customer: str | None) -> Mapping[str, CodeStatus]:
        """What is known of these codes, by normal form; the unknown are left out."""

    def list_codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        """The codes of a batch, as they are given out, a thousand or so at a time."""


class PricingPolicyRepository(Protocol):
    """Where staff keep how promotions stack and halves are decided."""

    def get(self) -> PricingPolicy:
        """The policy in force; the usual one where nobody changed it."""

    def get_version(self, version: int) -> PricingPolicy:
        """What it was at that version. Raises NotFound."""

    def save(
        self,
        after: PricingPolicy,
        events: Sequence[Event],
        check: Callable[[Sequence[Promotion]], None],
    ) -> PricingPolicy:
        """Write the next version and put it in force. Raises Stale where it is not the next.

        ``check`` is handed what is on the calendar and may refuse; what is written stands beside
        these promotions and no others.
        """


class GroupBuyRepository(Protocol):
    """Groups that buy together."""

    def get(self, group_id: str) -> GroupBuy:
        """The group of that id. Raises NotFound."""

    def insert_op(self, group: GroupBuy, events: Sequence[Event]) -> WriteOperation:
        """Write a new group, and its code with as many uses as it has members."""

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        """Write a group as it is now; the code of one that is decided opens nothing any more.
        Raises Stale.
        """

    def list_due(self, at: datetime, max_results: int) -> Iterable[GroupBuy]:
        """Groups whose deadline is past and whose orders are not settled, the oldest first."""

    def mark_settled(self, group: GroupBuy) -> None:
        """Every order of a decided group was told: it is due no more. Twice is once."""


class ReferenceChecker(Protocol):
    """What the shop sells, as far as a promotion may name it."""

    def find_unknown(self, named: Iterable[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Those of these things (sort, id) that there are not. Sorts are ``product``, ``variant``,
        ``category``, ``sku`` and ``method``, a way of shipping; few reads for many.
        """

    def sku_and_title(self, variant_id: str) -> tuple[str, str] | None:
        """SKU and title of a variant, as it is called on an order; ``None`` for none of that id."""

    def find_unknown_articles(self, articles: Iterable[str]) -> Sequence[str]:
        """Those of these ids that are neither a product's nor a variant's; few reads for many."""
