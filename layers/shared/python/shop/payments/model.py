"""A payment: where it stands, and the ledger its balances are computed from.

Events of a payment arrive late, twice and out of order. So a payment is never *set*: what a
provider reports is merged by rank, and a lower rank never replaces a higher one::

    created < requires_action < processing < authorised < captured
                     failed and cancelled end it, unless money has moved
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shop.kernel.frozen import frozen


class PaymentStatus(StrEnum):
    CREATED = "created"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    FAILED = "failed"
    CANCELLED = "cancelled"
    AUTHORISED = "authorised"
    CAPTURED = "captured"


STATUS_RANK: Mapping[PaymentStatus, int] = {
    PaymentStatus.CREATED: 0,
    PaymentStatus.REQUIRES_ACTION: 1,
    PaymentStatus.PROCESSING: 2,
    PaymentStatus.FAILED: 3,
    PaymentStatus.AUTHORISED: 4,
    PaymentStatus.CANCELLED: 5,
    PaymentStatus.CAPTURED: 6,
}
"""A captured payment outranks a cancelled one: money that moved is a fact, whatever came before."""


@frozen(slots=False)
class Credential:
    """What the buyer pays with: the provider's token for it, never a card number."""

    handler_id: str
    type: str
    token: str


@frozen(slots=False)
class ProviderPaymentState:
    """What a provider says of a payment at one moment. Amounts are minor units, cumulative.

    ``reference`` is the provider's name for the payment; ``action_url`` is where the buyer proves
    who they are when ``status`` is REQUIRES_ACTION; ``reason`` is a decline code.
    """

    reference: str
    status: PaymentStatus
    authorised: int = 0
    captured: int = 0
    refunded: int = 0
    action_url: str | None = None
    reason: str | None = None


@frozen(slots=False)
class PaymentEntry:
    """A line of the ledger: an amount that moved, in minor units, and the provider's name of it."""

    at: datetime
    kind: str
    amount: int
    reference: str


@frozen(slots=False)
class Payment:
    """The payment of an order: status by rank, balances by ledger."""

    provider: str
    status: PaymentStatus = PaymentStatus.CREATED
    reference: str | None = None
    action_url: str | None = None
    reason: str | None = None
    entries: tuple[PaymentEntry, ...] = ()

    def total_of(self, kind: str) -> int:
        """Minor units that moved so far as ``kind``: authorised, captured or refunded."""
        return sum(entry.amount for entry in self.entries if entry.kind == kind)

    @property
    def net_captured(self) -> int:
        """Captured and not given back."""
        return self.total_of("captured") - self.total_of("refunded")

    def with_provider_state(self, state: ProviderPaymentState, at: datetime) -> "Payment":
        """This payment after a report: the same report twice, or an older one, changes nothing.

        Reports carry cumulative amounts, so the ledger grows by the difference to what it already
        holds, and never shrinks.
        """
        ledger = list(self.entries)
        for kind, total in (
            ("authorised", state.authorised),
            ("captured", state.captured),
            ("refunded", state.refunded),
        ):
            more = total - self.total_of(kind)
            if more > 0:
                ledger.append(PaymentEntry(at, kind, more, state.reference))
        merged = replace(self, entries=tuple(ledger), reference=state.reference)
        if STATUS_RANK[state.status] > STATUS_RANK[self.status]:
            merged = replace(
                merged,
                status=state.status,
                action_url=state.action_url,
                reason=state.reason,
            )
        return merged

    def to_dict(self) -> dict[str, Any]:
        """JSON values; what is empty is left out, and so is the reference where it is this one."""
        told = {
            "provider": self.provider,
            "status": self.status.value,
            "reference": self.reference,
            "action_url": self.action_url,
            "reason": self.reason,
            "ledger": [
                [e.at.isoformat(), e.kind, e.amount]
                + ([] if e.reference == self.reference else [e.reference])
                for e in self.entries
            ],
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Payment":
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
                for at, kind, amount, *other in raw.get("ledger", ())
            ),
        )
