"""Port to a payment provider."""

from typing import Protocol

from shop.kernel.money import Money
from shop.payments.model import Credential, ProviderPaymentState


class PaymentProvider(Protocol):
    """A payment provider.

    - ``key`` is an idempotency key: a repeated call with the same key has no further effect.
    - A call with an unknown outcome raises :class:`shop.kernel.errors.Unavailable`. The money may
      have moved. Repeat the call with the same key, or use :meth:`find_by_order`.
    - A decline is a result: a :class:`ProviderPaymentState` with status FAILED and a reason.
    """

    name: str

    def validate_credential(self, credential: Credential) -> None:
        """Raise InvalidRequest for a credential of another provider or of a wrong form.

        The check is local. Only :meth:`authorize` shows whether the credential is accepted.
        """

    def authorize(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        """Authorize the amount for an order. Raises InvalidRequest for an invalid credential."""

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        """Capture the authorized amount or a part of it; the rest is released.

        Raises Conflict unless the payment is authorized or captured.
        """

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        """Release an authorization, or refund the whole captured amount."""

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        """Refund a part of the captured amount. Raises Conflict if less than that remains."""

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        """Return the order id and the current state of a payment. Raises NotFound."""

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        """Return the payment of an order whose reference is not recorded.

        ``None`` or a state of CREATED means that no money has moved. ``amount`` is the total of
        the order, as it was or will be authorized.
        """
