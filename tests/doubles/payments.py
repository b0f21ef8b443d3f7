"""A payment provider in memory, with the sandbox's tokens. It runs the port's own suite."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.money import Money
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState

OPEN = frozenset(
    {PaymentStatus.AUTHORISED, PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION}
)
TOKENS = {
    "tok_success": (PaymentStatus.AUTHORISED, None),
    "tok_declined": (PaymentStatus.FAILED, "card_declined"),
    "tok_challenge": (PaymentStatus.REQUIRES_ACTION, None),
    "tok_pending": (PaymentStatus.PROCESSING, None),
    "tok_captured": (PaymentStatus.CAPTURED, None),
}
"""``tok_captured`` takes the money at once, as Alipay and WeChat Pay do."""


@dataclass
class MemoryProvider:
    """See :class:`shop.payments.ports.PaymentProvider`. ``down`` makes it not answer."""

    name: str = "memory"
    down: bool = False
    later: Callable[[str], None] = lambda reference: None
    _payments: dict[str, tuple[str, int, ProviderPaymentState]] = field(default_factory=dict)
    _refunds: dict[str, int] = field(default_factory=dict)

    def validate_credential(self, credential: Credential) -> None:
        if credential.token not in TOKENS:
            raise InvalidRequest("this token is nobody's", code="payment_token_unknown")

    def authorise(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        self._answer()
        self.validate_credential(credential)
        reference = f"pay_{order_id}"
        if reference not in self._payments:
            status, reason = TOKENS[credential.token]
            sure = status in (PaymentStatus.AUTHORISED, PaymentStatus.CAPTURED)
            report = ProviderPaymentState(
                reference,
                status,
                authorised=amount.minor if sure else 0,
                captured=amount.minor if status is PaymentStatus.CAPTURED else 0,
                action_url="/challenge" if status is PaymentStatus.REQUIRES_ACTION else None,
                reason=reason,
            )
            self._payments[reference] = (order_id, amount.minor, report)
        return self._payments[reference][2]

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        _, _, report = self._known(reference)
        if report.status is PaymentStatus.CAPTURED:
            return report
        if report.status is not PaymentStatus.AUTHORISED:
            raise Conflict(f"this payment is {report.status}")
        taken = min(amount.minor, report.authorised)
        return self._put(reference, status=PaymentStatus.CAPTURED, captured=taken)

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        _, _, report = self._known(reference)
        if report.status is PaymentStatus.CAPTURED:
            return self._put(reference, refunded=report.captured)
        if report.status not in OPEN:
            return report
        return self._put(reference, status=PaymentStatus.CANCELLED, action_url=None)

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        _, _, report = self._known(reference)
        if key in self._refunds:
            return report
        if report.refunded + amount.minor > report.captured:
            raise Conflict("this payment has not so much to give back")
        self._refunds[key] = amount.minor
        return self._put(reference, refunded=report.refunded + amount.minor)

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        order_id, _, report = self._known(reference)
        return order_id, report

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        self._answer()
        known = self._payments.get(f"pay_{order_id}")
        return None if known is None else known[2]

    def truth(self, order_id: str) -> ProviderPaymentState | None:
        """Where an order's payment stands, also while nobody is answered."""
        known = self._payments.get(f"pay_{order_id}")
        return None if known is None else known[2]

    def settle(self, reference: str, approved: bool = True) -> ProviderPaymentState:
        """A payment that was open comes to its end."""
        _, amount, report = self._known(reference)
        if report.status not in (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION):
            return report
        if approved:
            return self._put(
                reference, status=PaymentStatus.AUTHORISED, authorised=amount, action_url=None
            )
        return self._put(
            reference, status=PaymentStatus.FAILED, reason="card_declined", action_url=None
        )

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("the payment provider does not answer", code="payment_provider_down")

    def _known(self, reference: str) -> tuple[str, int, ProviderPaymentState]:
        self._answer()
        if reference not in self._payments:
            raise NotFound("there is no such payment")
        return self._payments[reference]

    def _put(self, reference: str, **changes: object) -> ProviderPaymentState:
        order_id, amount, report = self._payments[reference]
        after = replace(report, **changes)  # type: ignore[arg-type]  # fields of a report
        self._payments[reference] = (order_id, amount, after)
        return after
