"""Gift cards, store credit and points: credits that pay. A ledger in double entry, lot by lot."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.frozen import frozen
from shop.kernel.money import Money

CREDIT = "credit"
"""Units of a gift card, store credit or points that an order is paid with: ``account|order id``."""


class CreditEntryType(StrEnum):
    """Why credit moved."""

    GRANT = "grant"
    SPEND = "spend"
    REVERSE_SPEND = "give_back"
    REVERSE_GRANT = "take_back"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


@frozen
class LedgerEntry:
    """``amount`` moved from one account to another. ``id`` is the command's: the same never counts
    twice.

    ``reference`` is the order (or campaign) it belongs to; ``lot`` what was granted together and
    expires together. ``expires`` stands on grants only; ``None`` never expires.
    """

    id: str
    kind: CreditEntryType
    at: datetime
    source: str
    target: str
    amount: int
    lot: str
    reference: str = ""
    expires: datetime | None = None


SHOP = "shop"
ORDERS = "orders"
EXPIRED = "expired"


@frozen
class GrantBalance:
    """What is left of a grant."""

    id: str
    remaining: int
    expires: datetime | None
    reference: str

    def is_valid_at(self, at: datetime) -> bool:
        return self.expires is None or at < self.expires


@frozen
class CreditAccount:
    """All postings of one customer's account: money credit in minor units, or points.

    Expiry is compared when reading; the postings of :meth:`expired` only tidy up. Every change
    returns a new ledger; the same command id again returns this one, unless it now says something
    else (:class:`Conflict`, ``posting_differs``).
    """

    account: str
    entries: tuple[LedgerEntry, ...] = ()

    @property
    def commands(self) -> int:
        """How many commands it took; each may have several postings."""
        return len({posting.id for posting in self.entries})

    @property
    def balance(self) -> int:
        """What the account holds, what has expired and was not moved out included."""
        return sum(p.amount if p.target == self.account else -p.amount for p in self.entries)

    def granted_total(self, reference: str) -> int | None:
        """What was given for something; ``None`` where nothing ever was."""
        kinds = {p.kind for p in self.entries if p.reference == reference}
        return (
            self._sum(CreditEntryType.GRANT, reference) if CreditEntryType.GRANT in kinds else None
        )

    def reversed_grant_total(self, reference: str) -> int:
        """What was taken back of it."""
        return self._sum(CreditEntryType.REVERSE_GRANT, reference)

    def reversed_spend_total(self, reference: str) -> int:
        """What was given back of what an order was paid with."""
        return self._sum(CreditEntryType.REVERSE_SPEND, reference)

    def spent_total(self, reference: str) -> int:
        """What an order was paid with and was not given back."""
        return self._sum(CreditEntryType.SPEND, reference) - self.reversed_spend_total(reference)

    def _sum(self, kind: CreditEntryType, reference: str) -> int:
        return sum(p.amount for p in self.entries if (p.kind, p.reference) == (kind, reference))

    def balances(self) -> dict[str, int]:
        """The balance of every account the ledger knows: their sum is always zero."""
        sums: dict[str, int] = {}
        for posting in self.entries:
            sums[posting.source] = sums.get(posting.source, 0) - posting.amount
            sums[posting.target] = sums.get(posting.target, 0) + posting.amount
        return sums

    def lots(self) -> list[GrantBalance]:
        """What is left of each grant, what expires first first; expired ones included."""
        remaining: dict[str, int] = {}
        grants: dict[str, LedgerEntry] = {}
        for posting in self.entries:
            if posting.kind is CreditEntryType.GRANT:
                grants[posting.lot] = posting
            sign = 1 if posting.target == self.account else -1
            remaining[posting.lot] = remaining.get(posting.lot, 0) + sign * posting.amount
        lots = [
            GrantBalance(lot, remaining[lot], grant.expires, grant.reference)
            for lot, grant in grants.items()
        ]
        # Sorting is stable: of lots that expire together the earlier granted goes first.
        return sorted(lots, key=lambda lot: (lot.expires is None, lot.expires or _NEVER))

    def available(self, at: datetime) -> int:
        """What can be spent at that instant."""
        return sum(lot.remaining for lot in self.lots() if lot.is_valid_at(at))

    def grant(
        self,
        posting_id: str,
        amount: int,
        at: datetime,
        *,
        expires: datetime | None = None,
        reference: str = "",
    ) -> "CreditAccount":
        """Credit given: a gift card bought, points earned. The posting's id names the lot."""
        _above_zero(amount)
        if expires is not None and expires <= at:
            raise InvalidRequest(
                "it would have expired already", code="ends_before_start", path="$.expires"
            )
        return self._with(
            posting_id,
            [
                LedgerEntry(
                    posting_id,
                    CreditEntryType.GRANT,
                    at,
                    SHOP,
                    self.account,
                    amount,
                    posting_id,
                    reference,
                    expires,
                )
            ],
        )

    def spend(
        self, posting_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Pay an order (``reference``). Raises :class:`Conflict`, ``credit_insufficient``."""
        return self._drawn(posting_id, amount, at, CreditEntryType.SPEND, ORDERS, reference)

    def withdraw(
        self, posting_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Taken by hand, for a reason (``reference``). Raises as :meth:`spend`."""
        return self._drawn(posting_id, amount, at, CreditEntryType.WITHDRAW, SHOP, reference)

    def void(self, posting_id: str, at: datetime, *, reference: str) -> "CreditAccount":
        """All that can be spent is taken by hand, for a reason (``reference``)."""
        there = self.available(at)
        if self._known(posting_id) or not there:
            return self
        return self.withdraw(posting_id, there, at, reference=reference)

    def _drawn(
        self,
        posting_id: str,
        amount: int,
        at: datetime,
        kind: CreditEntryType,
        target: str,
        reference: str,
    ) -> "CreditAccount":
        _above_zero(amount)
        if self._known(posting_id):
            return self._same(posting_id, kind, amount)
        if amount > self.available(at):
            raise Conflict(
                f"{amount} asked for, {self.available(at)} there", code="credit_insufficient"
            )
        postings = []
        need = amount
        for lot in self.lots():
            take = min(need, lot.remaining) if lot.is_valid_at(at) else 0
            if take:
                need -= take
                postings.append(
                    LedgerEntry(posting_id, kind, at, self.account, target, take, lot.id, reference)
                )
        return self._with(posting_id, postings)

    def reverse_spend(
        self, posting_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """A refund of what an order was paid with: into the lots it came from, the last spent
        first.

        A lot that has expired takes it back, and stays expired. Raises :class:`Conflict`,
        ``refund_exceeds_payment``, for more than is still out.
        """
        _above_zero(amount)
        if self._known(posting_id):
            return self._same(posting_id, CreditEntryType.REVERSE_SPEND, amount)
        out: dict[str, int] = {}
        for posting in self.entries:
            if posting.reference == reference and posting.kind is CreditEntryType.SPEND:
                out[posting.lot] = out.get(posting.lot, 0) + posting.amount
            elif posting.reference == reference and posting.kind is CreditEntryType.REVERSE_SPEND:
                out[posting.lot] -= posting.amount
        if amount > sum(out.values()):
            raise Conflict(
                f"{amount} to give back, {sum(out.values())} paid", code="refund_exceeds_payment"
            )
        postings = []
        need = amount
        for lot, spent in reversed(out.items()):
            back = min(need, spent)
            if back:
                need -= back
                postings.append(
                    LedgerEntry(
                        posting_id,
                        CreditEntryType.REVERSE_SPEND,
                        at,
                        ORDERS,
                        self.account,
                        back,
                        lot,
                        reference,
                    )
                )
        return self._with(posting_id, postings)

    def reverse_grant(
        self, posting_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Points that an order had earned go with its goods, as far as they are still there."""
        _above_zero(amount)
        if self._known(posting_id):
            return self
        postings = []
        need = amount
        for lot in self.lots():
            take = min(need, lot.remaining) if lot.reference == reference else 0
            if take and lot.is_valid_at(at):
                need -= take
                postings.append(
                    LedgerEntry(
                        posting_id,
                        CreditEntryType.REVERSE_GRANT,
                        at,
                        self.account,
                        SHOP,
                        take,
                        lot.id,
                        reference,
                    )
                )
        return self._with(posting_id, postings)

    def expire(self, posting_id: str, at: datetime) -> "CreditAccount":
        """Move out what has expired. Housekeeping: :meth:`available` never counted it."""
        if self._known(posting_id):
            return self
        return self._with(
            posting_id,
            [
                LedgerEntry(
                    posting_id,
                    CreditEntryType.EXPIRE,
                    at,
                    self.account,
                    EXPIRED,
                    lot.remaining,
                    lot.id,
                )
                for lot in self.lots()
                if lot.remaining and not lot.is_valid_at(at)
            ],
        )

    def _known(self, posting_id: str) -> bool:
        return any(posting.id == posting_id for posting in self.entries)

    def _same(self, posting_id: str, kind: CreditEntryType, amount: int) -> "CreditAccount":
        before = [posting for posting in self.entries if posting.id == posting_id]
        if sum(p.amount for p in before) != amount or any(p.kind is not kind for p in before):
            raise Conflict("this command was given before, differently", code="posting_differs")
        return self

    def _with(self, posting_id: str, postings: list[LedgerEntry]) -> "CreditAccount":
        if self._known(posting_id):
            return self._same(posting_id, postings[0].kind, sum(p.amount for p in postings))
        return replace(self, entries=(*self.entries, *postings))


_NEVER = datetime.max.replace(tzinfo=UTC)


def _above_zero(amount: int) -> None:
    if amount < 1:
        raise InvalidRequest("an amount is above zero", code="amount_invalid", path="$.amount")


@frozen
class AvailableCredit:
    """A credit that the customer would pay with: how much of it there is, in money."""

    account: str
    available: Money


@frozen
class Settlement:
    """Who pays what: credits in the order they were offered, and what is left to pay otherwise."""

    paid: tuple[tuple[str, Money], ...]
    due: Money


def settle(total: Money, offers: Iterable[AvailableCredit]) -> Settlement:
    """Pay a total with credits, each up to what is left. Credits change neither price nor tax."""
    due = total
    paid = []
    for offer in offers:
        share = min(due.minor, max(0, offer.available.minor))
        due = due - Money(share, offer.available.currency)
        if share:
            paid.append((offer.account, Money(share, total.currency)))
    return Settlement(tuple(paid), due)


def split_refund(
    amount: Money, settlement: Settlement, refunded: Money
) -> tuple[tuple[str | None, Money], ...]:
    """Where a refund goes, when ``refunded`` has gone back before: money first (account ``None``),
    then credits, the last used first.

    Raises :class:`Conflict`, ``refund_exceeds_payment``.
    """
    pots: list[tuple[str | None, int]] = [(None, settlement.due.minor)]
    pots += [(account, paid.minor) for account, paid in reversed(settlement.paid)]
    if refunded.minor + amount.minor > sum(size for _, size in pots):
        raise Conflict("more to give back than was paid", code="refund_exceeds_payment")
    before, need = refunded.minor, amount.minor
    shares = []
    for account, size in pots:
        gone = min(before, size)
        before -= gone
        share = min(need, size - gone)
        need -= share
        if share:
            shares.append((account, Money(share, amount.currency)))
    return tuple(shares)


@frozen
class EarnRule:
    """So many points for every full ``per`` spent on goods, after reductions and without shipping.

    ``times`` multiplies for customer groups (the highest counts).
    """

    per: Money
    points: int = 1
    times: tuple[tuple[str, int], ...] = ()

    def earned(self, goods: Money, groups: Sequence[str] = ()) -> int:
        """The points for goods of that amount; none in another currency."""
        if goods.currency != self.per.currency:
            return 0
        times = max([1, *(factor for group, factor in self.times if group in groups)])
        return goods.minor // self.per.minor * self.points * times

    def points_to_reverse(
        self, goods: Money, returned_before: Money, returned: Money, groups: Sequence[str] = ()
    ) -> int:
        """The points that go when goods come back: any number of returns takes what one would."""
        kept_before = goods - returned_before
        return self.earned(kept_before, groups) - self.earned(kept_before - returned, groups)
