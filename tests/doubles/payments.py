"""An in-memory payment provider with the sandbox's tokens; it passes the port's tests."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.money import Money
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState

OPEN = frozenset(
    {PaymentStatus.AUTHORIZED, PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION}
)
TOKENS = {
    "tok_success": (PaymentStatus.AUTHORIZED, None),
    "tok_declined": (PaymentStatus.FAILED, "card_declined"),
    "tok_challenge": (PaymentStatus.REQUIRES_ACTION, None),
    "tok_pending": (PaymentStatus.PROCESSING, None),
    "tok_captured": (PaymentStatus.CAPTURED, None),
}
"""``tok_captured`` captures immediately, as Alipay and WeChat Pay do."""


@dataclass
class MemoryProvider:
    """See :class:`shop.payments.ports.PaymentProvider`. ``down``: calls are Unavailable."""

    name: str = "memory"
    down: bool = False
    later: Callable[[str], None] = lambda reference: None
    _payments: dict[str, tuple[str, int, ProviderPaymentState]] = field(default_factory=dict)
    _refunds: dict[str, int] = field(default_factory=dict)

    def validate_credential(self, credential: Credential) -> None:
        if credential.token not in TOKENS:
            raise InvalidRequest(
                "The token is unknown. Send another.", code="payment_token_unknown"
            )

    def authorize(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        self._raise_if_down()
        self.validate_credential(credential)
        reference = f"pay_{order_id}"
        if reference not in self._payments:
            status, reason = TOKENS[credential.token]
            authorized = status in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)
            state = ProviderPaymentState(
                reference,
                status,
                authorized=amount.minor if authorized else 0,
                captured=amount.minor if status is PaymentStatus.CAPTURED else 0,
                action_url="/challenge" if status is PaymentStatus.REQUIRES_ACTION else None,
                reason=reason,
            )
            self._payments[reference] = (order_id, amount.minor, state)
        return self._payments[reference][2]

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        _, _, state = self._known(reference)
        if state.status is PaymentStatus.CAPTURED:
            return state
        if state.status is not PaymentStatus.AUTHORIZED:
            raise Conflict(
                f"The payment is {state.status}, so it cannot be captured. Read it again.",
                code="payment_state",
            )
        captured = min(amount.minor, state.authorized)
        return self._put(reference, status=PaymentStatus.CAPTURED, captured=captured)

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        _, _, state = self._known(reference)
        if state.status is PaymentStatus.CAPTURED:
            return self._put(reference, refunded=state.captured)
        if state.status not in OPEN:
            return state
        return self._put(reference, status=PaymentStatus.CANCELLED, action_url=None)

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        _, _, state = self._known(reference)
        if key in self._refunds:
            return state
        if state.refunded + amount.minor > state.captured:
            raise Conflict(
                "The refund is more than the captured amount that remains. Refund less.",
                code="refund_exceeds_payment",
            )
        self._refunds[key] = amount.minor
        return self._put(reference, refunded=state.refunded + amount.minor)

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        order_id, _, state = self._known(reference)
        return order_id, state

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        self._raise_if_down()
        known = self._payments.get(f"pay_{order_id}")
        return None if known is None else known[2]

    def truth(self, order_id: str) -> ProviderPaymentState | None:
        """Return the state of an order's payment, even while the provider is down."""
        known = self._payments.get(f"pay_{order_id}")
        return None if known is None else known[2]

    def settle(self, reference: str, approved: bool = True) -> ProviderPaymentState:
        """Settle a payment in processing or with a challenge."""
        _, amount, state = self._known(reference)
        if state.status not in (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION):
            return state
        if approved:
            return self._put(
                reference, status=PaymentStatus.AUTHORIZED, authorized=amount, action_url=None
            )
        return self._put(
            reference, status=PaymentStatus.FAILED, reason="card_declined", action_url=None
        )

    def _raise_if_down(self) -> None:
        if self.down:
            raise Unavailable(
                "The payment provider does not respond. Try again later.",
                code="payment_provider_down",
            )

    def _known(self, reference: str) -> tuple[str, int, ProviderPaymentState]:
        self._raise_if_down()
        if reference not in self._payments:
            raise NotFound("The payment is unknown. Check its reference.")
        return self._payments[reference]

    def _put(self, reference: str, **changes: object) -> ProviderPaymentState:
        order_id, amount, state = self._payments[reference]
        after = replace(state, **changes)  # type: ignore[arg-type]  # fields of a state
        self._payments[reference] = (order_id, amount, after)
        return after
