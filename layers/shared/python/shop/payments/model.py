"""The payment of an order: its status, and the entries that its balances are computed from.

Provider states arrive late, twice and out of order. So a payment is never overwritten: each
reported state is merged by rank, and a lower rank never replaces a higher one::

    created < requires_action < processing < authorized < captured
                  failed ranks below authorized, cancelled below captured
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shop.kernel.frozen import frozen


class PaymentStatus(StrEnum):
    """The status of a payment at the provider."""

    CREATED = "created"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    FAILED = "failed"
    CANCELLED = "cancelled"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"


AUTHORIZATION_GRACE = timedelta(seconds=45)
"""How long an authorization request may be in flight: longer than the timeout of the Lambda that
sends it, and shorter than the first retry interval of events. A request without an answer may then
be abandoned."""

STATUS_RANK: Mapping[PaymentStatus, int] = {
    PaymentStatus.CREATED: 0,
    PaymentStatus.REQUIRES_ACTION: 1,
    PaymentStatus.PROCESSING: 2,
    PaymentStatus.FAILED: 3,
    PaymentStatus.AUTHORIZED: 4,
    PaymentStatus.CANCELLED: 5,
    PaymentStatus.CAPTURED: 6,
}
"""Higher ranks win, whatever the order of arrival.

- AUTHORIZED outranks FAILED: reserved money must be captured or released, never forgotten.
- CANCELLED outranks AUTHORIZED: a void follows an authorization, never the reverse.
- CAPTURED outranks all: money has moved.
"""


@frozen(slots=False)
class Credential:
    """A means of payment: the provider's token for it, never a card number."""

    handler_id: str
    type: str
    token: str


@frozen(slots=False)
class ProviderPaymentState:
    """A payment at the provider at one moment. Amounts are cumulative, in minor units.

    ``reference`` is the provider's id of the payment. ``action_url`` is the page on which the
    customer authenticates while ``status`` is REQUIRES_ACTION. ``reason`` is a decline code.
    """

    reference: str
    status: PaymentStatus
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    action_url: str | None = None
    reason: str | None = None


@frozen(slots=False)
class PaymentEntry:
    """An amount that moved, in minor units, with the provider's reference."""

    at: datetime
    kind: str
    amount: int
    reference: str


@frozen(slots=False)
class Payment:
    """The payment of an order: its status by rank, its balances by entries."""

    provider: str
    status: PaymentStatus = PaymentStatus.CREATED
    reference: str | None = None
    action_url: str | None = None
    reason: str | None = None
    entries: tuple[PaymentEntry, ...] = ()

    def total_of(self, kind: str) -> int:
        """Return the total of a kind in minor units: authorized, captured or refunded."""
        return sum(entry.amount for entry in self.entries if entry.kind == kind)

    @property
    def net_captured(self) -> int:
        """Return the captured amount less refunds, in minor units."""
        return self.total_of("captured") - self.total_of("refunded")

    def with_provider_state(self, state: ProviderPaymentState, at: datetime) -> "Payment":
        """Merge a provider state. A repeated one changes nothing.

        An older one adds only amounts that were not recorded. The reference is always the latest.

        Amounts are cumulative, so an entry holds the difference to the recorded total. Entries are
        never removed.
        """
        entries = list(self.entries)
        for kind, total in (
            ("authorized", state.authorized),
            ("captured", state.captured),
            ("refunded", state.refunded),
        ):
            # A late state reports less than is recorded, so its difference is negative.
            difference = total - self.total_of(kind)
            if difference > 0:
                entries.append(PaymentEntry(at, kind, difference, state.reference))
        merged = replace(self, entries=tuple(entries), reference=state.reference)
        # Amounts always count, but only a higher rank sets the status and its details.
        if STATUS_RANK[state.status] > STATUS_RANK[self.status]:
            merged = replace(
                merged,
                status=state.status,
                action_url=state.action_url,
                reason=state.reason,
            )
        return merged

    def changes_since(self, before: "Payment") -> tuple[str, ...]:
        """Return what a merged report changed, as the history of the order names it.

        A new status, money that moved without one, or both: a refund leaves the status as it is.
        """
        changes = []
        if self.status is not before.status:
            changes.append(self.status.value)
        moved = [
            kind
            for kind in ("authorized", "captured", "refunded")
            if self.total_of(kind) > before.total_of(kind)
        ]
        changes += [kind for kind in moved if kind == "refunded" or not changes]
        return tuple(changes) or (self.status.value,)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values. Empty values and repeated references are omitted."""
        document = {
            "provider": self.provider,
            "status": self.status.value,
            "reference": self.reference,
            "action_url": self.action_url,
            "reason": self.reason,
            "entries": [
                [e.at.isoformat(), e.kind, e.amount]
                + ([] if e.reference == self.reference else [e.reference])
                for e in self.entries
            ],
        }
        return {name: value for name, value in document.items() if value}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Payment":
        """Read the values of :meth:`to_dict`."""
        return cls(
            provider=raw["provider"],
            status=PaymentStatus(raw["status"]),
            reference=raw.get("reference"),
            action_url=raw.get("action_url"),
            reason=raw.get("reason"),
            entries=tuple(
                PaymentEntry(
                    datetime.fromisoformat(at), kind, amount, *(other or [raw["reference"]])
                )
                for at, kind, amount, *other in raw.get("entries", ())
            ),
        )
