"""What pricing needs from the world. Every write names what it was read as, and is refused
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # what is spoken of here, a door loads where it uses it
    from shop.kernel.counts import Count
    from shop.kernel.events import Event
    from shop.kernel.paging import Page
    from shop.kernel.transactions import Clash, Crowded, Part
    from shop.pricing.model.basket import Basket
    from shop.pricing.model.counts import CountRow
    from shop.pricing.model.coupons import Batch, Coupon
    from shop.pricing.model.credits import Ledger
    from shop.pricing.model.group_buy import GroupBuy
    from shop.pricing.model.history import PriceHistory
    from shop.pricing.model.known import Known
    from shop.pricing.model.policy import PricingPolicy
    from shop.pricing.model.price_lists import PriceList
    from shop.pricing.model.promotions import Promotion, Revision, Status
    from shop.pricing.model.rules import Rules
    from shop.pricing.model.standing import CodeFacts, Standing
    from shop.pricing.model.tax import TaxTable
    from shop.pricing.model.tax_rates import CountryRates


class RuleBook(Protocol):
    """The rules in force, kept in memory: the same object until their version changes."""

    def rules(self, at: datetime) -> Rules:
        """The rules, at most five seconds older than the last change; mostly without a read."""


class Standings(Protocol):
    """What is left of limited things."""

    def standing(
        self, basket: Basket, rules: Rules, who: str | None, *, surely: bool = False
    ) -> Standing:
        """For this basket: its codes looked up, and the quotas and limits that it could meet.

        May be some milliseconds old: it informs, it promises nothing. ``surely`` tells what was
        last written.

        ``who`` is the name under which this customer's uses are counted. Nothing is read where the
        basket has no code and no promotion with a limit is about its goods; otherwise once, and a
        second time for a code that has a limit for each customer.
        """


class Purchases(Protocol):
    """What is known of earlier orders."""

    def bought_before(self, customer_id: str) -> bool:
        """Whether this customer has an order that was not called off."""


class Customers(Protocol):
    """What staff tell of customers, for the rules."""

    def of(self, customer_id: str) -> Known:
        """Groups and segments; none for somebody nobody spoke of."""

    def save(self, before: Known, after: Known, events: Sequence[Event]) -> Known:
        """Write them, if ``before`` still stands. Raises Stale."""


class CountRows(Protocol):
    """The rows that hand their uses over to bins."""

    def of(self, sort: str, name: str, limit: int) -> CountRow:
        """As last written; all of ``limit`` left where nothing was counted yet."""

    def handing_over(self, row: CountRow, units: int) -> Part:
        """So many uses leave the row (below zero: return), if it is still as it was read."""

    def tell(self, row: CountRow, bins: int) -> None:
        """Note in the row how many bins there are: a hint for whoever reads it."""


class Tallies(Protocol):
    """Where uses are counted: each with its limit as the row's own condition."""

    def draw(self, counts: Sequence[Count]) -> Sequence[Count]:
        """Choose the bins of those that are kept in several. Reads nothing and promises nothing;
        the order keeps what is drawn.
        """

    def taking(self, counts: Sequence[Count]) -> Part:
        """Count what an order uses up, each on condition that it is still there."""

    def giving(self, counts: Sequence[Count]) -> Part:
        """Count back what an order used up and does not keep. Called once for an order: in the
        transaction that calls it off.
        """

    def spent(self, clash: Clash | Crowded, counts: Sequence[Count]) -> Sequence[Count]:
        """Those of the counts, as they were before they were drawn, of which a transaction that
        failed found too few. None: draw again.
        """


class Guesses(Protocol):
    """How many codes somebody tried that there are not: discount codes and gift cards alike."""

    def trying(self, who: str, codes: int, at: datetime, *, path: str) -> None:
        """Before so many new codes, sent at ``path``, are looked up. Raises TooMany."""

    def known(self, who: str, codes: int, at: datetime) -> None:
        """So many of them exist: they were no guesses."""


class Promotions(Protocol):
    """The calendar of promotions."""

    def of(self, promotion_id: str) -> Promotion:
        """The promotion of that id. Raises NotFound."""

    def published(self) -> Sequence[Promotion]:
        """Those published and not called off: scheduled, running, and ended by the clock."""

    def listed(
        self,
        *,
        cursor: str | None,
        limit: int,
        status: Status | None = None,
        at: datetime | None = None,
    ) -> Page[Promotion]:
        """All of them, drafts included, in the order of their ids; or those of one status ``at``
        that instant: then a page may hold fewer than ``limit`` although more follow.
        """

    def past(self, promotion_id: str) -> Sequence[Revision]:
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


class PriceBook(Protocol):
    """The price lists."""

    def of(self, list_id: str) -> PriceList:
        """The list of that id. Raises NotFound."""

    def all(self) -> Sequence[PriceList]:
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


class Histories(Protocol):
    """The price histories, by article and market."""

    def of(self, article: str, market: str) -> PriceHistory:
        """The history; an empty one where nothing was recorded."""

    def save(self, before: PriceHistory, after: PriceHistory, market: str) -> PriceHistory:
        """Append what is new. Raises Stale where another was quicker."""


class Coupons(Protocol):
    """Coupons and their codes, in normal form."""

    def of(self, coupon_id: str) -> Coupon:
        """The coupon of that id. Raises NotFound."""

    def save(self, coupon: Coupon, events: Sequence[Event]) -> Coupon:
        """Write a new coupon, with its code where it has one. Raises Conflict for a code taken."""

    def limited(self, promotion_id: str) -> Sequence[str]:
        """Codes that open this promotion for many, up to a number of uses; 20 at most."""

    def begin(self, coupon: Coupon, batch: Batch, at: datetime) -> Batch:
        """Keep a batch that is about to be issued; of its id, the one that was kept first.

        Raises KeyReused where that one was for another count or prefix, and Conflict
        (``batch_in_progress``) while another call is issuing it.
        """

    def issue(self, coupon: Coupon, batch: Batch, codes: Sequence[str]) -> Sequence[str]:
        """Write codes of a batch, as they are given out, that do not exist yet; returns the normal
        forms of those that exist in another batch, and were not written.
        """

    def finish(self, coupon: Coupon, batch: Batch) -> None:
        """All codes of the batch are kept."""

    def look_up(self, codes: Sequence[str], customer: str | None) -> Mapping[str, CodeFacts]:
        """What is known of these codes, by normal form; the unknown are left out."""

    def codes(self, coupon_id: str, *, cursor: str | None) -> Page[str]:
        """The codes of a batch, as they are given out, a thousand or so at a time."""


class TaxProvider(Protocol):
    """Where the rates of the rules come from: the bundled table with what staff changed of it, or a
    service that knows better.
    """

    def table(self) -> TaxTable:
        """Every rate there is, dated; the same object until one changes."""


class TaxRates(Protocol):
    """Where staff keep the rates of each country."""

    def of(self, country: str) -> CountryRates:
        """The rates of a country; the bundled ones where nobody changed them."""

    def version(self, country: str, version: int) -> CountryRates:
        """What they were at that version. Raises NotFound."""

    def changed(self) -> Sequence[CountryRates]:
        """Those of all countries whose rates somebody changed."""

    def save(self, after: CountryRates, events: Sequence[Event]) -> CountryRates:
        """Write the next version and put it in force. Raises Stale where it is not the next."""


class PricingPolicies(Protocol):
    """Where staff keep how promotions stack and halves are decided."""

    def now(self) -> PricingPolicy:
        """The policy in force; the usual one where nobody changed it."""

    def version(self, version: int) -> PricingPolicy:
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


class VatIds(Protocol):
    """Judges VAT numbers by their form. Whether they are in use, only the tax office knows."""

    def normal(self, number: str) -> str | None:
        """Country prefix and number without separators, or ``None`` for no such form."""


class Ledgers(Protocol):
    """Points, gift cards and store credit."""

    def of(self, account: str) -> Ledger:
        """The account's ledger; an empty one where nothing was posted."""

    def posting(self, before: Ledger, after: Ledger) -> Part:
        """Append what is new, one command, if nothing was appended since; else it clashes."""

    def once(self, command: str, seed: bytes) -> Part:
        """Note a command that is not to be given again, whatever account it is about, with the
        random bytes it drew."""

    def seed_of(self, command: str) -> bytes | None:
        """What a command that was noted drew; ``None`` for one that was not, or drew nothing."""

    def expiring(self, at: datetime, most: int) -> Sequence[str]:
        """Accounts of which something has expired in the last days and was not swept."""

    def swept(self, account: str, at: datetime) -> None:
        """What had expired before today was moved out."""


class GroupBuys(Protocol):
    """Groups that buy together."""

    def of(self, group_id: str) -> GroupBuy:
        """The group of that id. Raises NotFound."""

    def adding(self, group: GroupBuy, events: Sequence[Event]) -> Part:
        """Write a new group, and its code with as many uses as it has members."""

    def save(self, before: GroupBuy, after: GroupBuy, events: Sequence[Event]) -> GroupBuy:
        """Write a group as it is now; the code of one that is decided opens nothing any more.
        Raises Stale.
        """

    def due(self, at: datetime, most: int) -> Iterable[GroupBuy]:
        """Groups whose deadline is past and whose orders are not settled, the oldest first."""

    def settled(self, group: GroupBuy) -> None:
        """Every order of a decided group was told: it is due no more. Twice is once."""


class Assortment(Protocol):
    """What the shop sells, as far as a promotion may name it."""

    def strangers(self, named: Iterable[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Those of these things (sort, id) that there are not. Sorts are ``product``, ``variant``,
        ``category``, ``sku`` and ``method``, a way of shipping; few reads for many.
        """

    def article(self, variant_id: str) -> tuple[str, str] | None:
        """SKU and title of a variant, as it is called on an order; ``None`` for none of that id."""

    def unknown(self, articles: Iterable[str]) -> Sequence[str]:
        """Those of these ids that are neither a product's nor a variant's; few reads for many."""
