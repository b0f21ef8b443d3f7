"""Credit accounts: a double-entry ledger of gift cards, store credit and points."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.frozen import frozen

SHOP, ORDERS, EXPIRED = "shop", "orders", "expired"
"""The accounts on the other side of every entry: source of grants, paid orders, expired credit."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class CreditEntryType(StrEnum):
    """Why credit moved."""

    GRANT = "grant"
    SPEND = "spend"
    REVERSE_SPEND = "reverse_spend"
    REVERSE_GRANT = "reverse_grant"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


@frozen
class LedgerEntry:
    """An amount that moved from ``source`` to ``target``; never changed afterwards.

    ``id`` is the id of the command, which may have one entry for each lot. ``reference`` is the
    order or the reason. ``lot`` is the id of the grant that the units came from. ``expires`` is set
    for grants only; ``None`` means that the grant never expires.
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


@frozen
class GrantBalance:
    """The remaining units of one grant (a lot)."""

    id: str
    remaining: int
    expires: datetime | None
    reference: str

    def is_valid_at(self, at: datetime) -> bool:
        return self.expires is None or at < self.expires


@frozen
class CreditAccount:
    """All entries of one account: money in minor units, or points.

    Every change returns a new account. A repeated command (same id, same entries) returns this
    account. A command whose id has other entries raises :class:`Conflict`
    (``ledger_entry_differs``).

    Expiry is checked on reading. The entries of :meth:`expire` only move expired units out.
    """

    account: str
    entries: tuple[LedgerEntry, ...] = ()

    @property
    def commands(self) -> int:
        """The number of commands; each may have several entries."""
        return len({entry.id for entry in self.entries})

    @property
    def balance(self) -> int:
        """The units in the account, with expired ones that were not moved out yet."""
        return sum(e.amount if e.target == self.account else -e.amount for e in self.entries)

    def granted_total(self, reference: str) -> int | None:
        """Return the units granted for a reference; ``None`` without a grant."""
        grants = list(self._entries(CreditEntryType.GRANT, reference))
        return _sum(grants) if grants else None

    def reversed_grant_total(self, reference: str) -> int:
        """Return the units of grants for a reference that were reversed."""
        return _sum(self._entries(CreditEntryType.REVERSE_GRANT, reference))

    def reversed_spend_total(self, reference: str) -> int:
        """Return the units that were refunded for an order."""
        return _sum(self._entries(CreditEntryType.REVERSE_SPEND, reference))

    def spent_total(self, reference: str) -> int:
        """Return the units that pay an order, less the refunded ones."""
        spent = _sum(self._entries(CreditEntryType.SPEND, reference))
        return spent - self.reversed_spend_total(reference)

    def command_total(self, command_id: str) -> int:
        """Return the units that a command moved; 0 for an unknown command."""
        return _sum(entry for entry in self.entries if entry.id == command_id)

    def balances(self) -> dict[str, int]:
        """Return the balance of every account in the ledger; their sum is always zero."""
        sums: dict[str, int] = {}
        for entry in self.entries:
            sums[entry.source] = sums.get(entry.source, 0) - entry.amount
            sums[entry.target] = sums.get(entry.target, 0) + entry.amount
        return sums

    def lots(self) -> list[GrantBalance]:
        """Return the remaining units of each grant, sorted by expiry; expired ones included."""
        remaining: dict[str, int] = {}
        grants: dict[str, LedgerEntry] = {}
        for entry in self.entries:
            if entry.kind is CreditEntryType.GRANT:
                grants[entry.lot] = entry
            sign = 1 if entry.target == self.account else -1
            remaining[entry.lot] = remaining.get(entry.lot, 0) + sign * entry.amount
        lots = [
            GrantBalance(lot, remaining[lot], grant.expires, grant.reference)
            for lot, grant in grants.items()
        ]
        # Sorting is stable: of lots that expire together, the earlier grant comes first.
        return sorted(lots, key=lambda lot: (lot.expires is None, lot.expires or _NEVER))

    def available(self, at: datetime) -> int:
        """Return the units that may be spent at an instant."""
        return sum(lot.remaining for lot in self.lots() if lot.is_valid_at(at))

    def grant(
        self,
        command_id: str,
        amount: int,
        at: datetime,
        *,
        expires: datetime | None = None,
        reference: str = "",
    ) -> "CreditAccount":
        """Add a lot, such as a sold gift card or earned points.

        Raises :class:`InvalidRequest`: ``amount_invalid``, or ``time_past`` for the expiry.
        """
        _require_positive(amount)
        if expires is not None and expires <= at:
            raise InvalidRequest(
                "Expiry must be in the future.", code="time_past", path="$.expires"
            )
        entry = LedgerEntry(
            command_id,
            CreditEntryType.GRANT,
            at,
            SHOP,
            self.account,
            amount,
            lot=command_id,
            reference=reference,
            expires=expires,
        )
        return self._with(command_id, [entry])

    def spend(
        self, command_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Pay an order (``reference``). Raises :class:`Conflict` (``credit_insufficient``)."""
        return self._draw(command_id, amount, at, CreditEntryType.SPEND, reference)

    def withdraw(
        self, command_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Remove units by hand, with a reason (``reference``). Raises as :meth:`spend`."""
        return self._draw(command_id, amount, at, CreditEntryType.WITHDRAW, reference)

    def void(self, command_id: str, at: datetime, *, reference: str) -> "CreditAccount":
        """Withdraw all available units, with a reason (``reference``)."""
        available = self.available(at)
        # A repeated command withdraws nothing more, although a refund may have come in since.
        if self._has_command(command_id) or not available:
            return self
        return self.withdraw(command_id, available, at, reference=reference)

    def _draw(
        self,
        command_id: str,
        amount: int,
        at: datetime,
        kind: CreditEntryType,
        reference: str,
    ) -> "CreditAccount":
        _require_positive(amount)
        # Before the balance is checked: a repeated command may have spent all of it.
        if self._has_command(command_id):
            return self._repeated(command_id, kind, amount)
        available = self.available(at)
        if amount > available:
            raise Conflict(
                f"The credit has {available} units, {amount} are needed. Use {available} or fewer.",
                code="credit_insufficient",
            )
        target = ORDERS if kind is CreditEntryType.SPEND else SHOP
        valid = [(lot.id, lot.remaining) for lot in self.lots() if lot.is_valid_at(at)]
        return self._with(
            command_id,
            [
                LedgerEntry(command_id, kind, at, self.account, target, units, lot, reference)
                for lot, units in _split(amount, valid)
            ],
        )

    def reverse_spend(
        self, command_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Refund units of an order (``reference``) into the lots that they came from.

        The lot that was spent last is refilled first. An expired lot stays expired. Raises
        :class:`Conflict` (``refund_exceeds_payment``) for more than the order still holds.
        """
        _require_positive(amount)
        if self._has_command(command_id):
            return self._repeated(command_id, CreditEntryType.REVERSE_SPEND, amount)
        paid: dict[str, int] = {}
        for entry in self._entries(CreditEntryType.SPEND, reference):
            paid[entry.lot] = paid.get(entry.lot, 0) + entry.amount
        for entry in self._entries(CreditEntryType.REVERSE_SPEND, reference):
            paid[entry.lot] -= entry.amount
        if amount > sum(paid.values()):
            raise Conflict(
                f"The order was paid with {sum(paid.values())} units. Refund that or less.",
                code="refund_exceeds_payment",
            )
        return self._with(
            command_id,
            [
                LedgerEntry(
                    command_id,
                    CreditEntryType.REVERSE_SPEND,
                    at,
                    ORDERS,
                    self.account,
                    units,
                    lot,
                    reference,
                )
                for lot, units in _split(amount, reversed(paid.items()))
            ],
        )

    def reverse_grant(
        self, command_id: str, amount: int, at: datetime, *, reference: str
    ) -> "CreditAccount":
        """Remove points that an order (``reference``) had earned, as far as they are available."""
        _require_positive(amount)
        if self._has_command(command_id):
            return self
        earned = [
            (lot.id, lot.remaining)
            for lot in self.lots()
            if lot.reference == reference and lot.is_valid_at(at)
        ]
        return self._with(
            command_id,
            [
                LedgerEntry(
                    command_id,
                    CreditEntryType.REVERSE_GRANT,
                    at,
                    self.account,
                    SHOP,
                    units,
                    lot,
                    reference,
                )
                for lot, units in _split(amount, earned)
            ],
        )

    def expire(self, command_id: str, at: datetime) -> "CreditAccount":
        """Move expired units out. :meth:`available` never counted them."""
        if self._has_command(command_id):
            return self
        return self._with(
            command_id,
            [
                LedgerEntry(
                    command_id,
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

    def _entries(self, kind: CreditEntryType, reference: str) -> Iterator[LedgerEntry]:
        return (e for e in self.entries if (e.kind, e.reference) == (kind, reference))

    def _has_command(self, command_id: str) -> bool:
        return any(entry.id == command_id for entry in self.entries)

    def _repeated(self, command_id: str, kind: CreditEntryType, amount: int) -> "CreditAccount":
        kinds = {entry.kind for entry in self.entries if entry.id == command_id}
        if kinds != {kind} or self.command_total(command_id) != amount:
            raise Conflict(
                "This command has moved another amount before. Use a new id.",
                code="ledger_entry_differs",
            )
        return self

    def _with(self, command_id: str, entries: list[LedgerEntry]) -> "CreditAccount":
        if self._has_command(command_id):
            return self._repeated(command_id, entries[0].kind, _sum(entries))
        return replace(self, entries=(*self.entries, *entries))


def _sum(entries: Iterable[LedgerEntry]) -> int:
    return sum(entry.amount for entry in entries)


def _split(amount: int, lots: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Split an amount over lots in their order, as far as the lots have units."""
    for lot, size in lots:
        units = min(amount, size)
        if units:
            amount -= units
            yield lot, units


def _require_positive(amount: int) -> None:
    if amount < 1:
        raise InvalidRequest("Amount must be 1 or more.", code="amount_invalid", path="$.amount")
