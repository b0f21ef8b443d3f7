"""What the shop needs of a payment provider, whoever it is."""

from typing import Protocol

from shop.kernel.money import Money
from shop.payments.model import Credential, ProviderPaymentState


class PaymentProvider(Protocol):
    """A provider of payments.

    Every call may be made again with the same ``key`` and then does nothing new. A call whose
    outcome is not known raises :class:`shop.kernel.errors.Unavailable`: the money may have moved,
    so nothing is concluded from it; ask again with the same key, or ``find`` the payment.
    A decline is no error: it is a :class:`Report` with status FAILED and a reason.
    """

    name: str

    def validate_credential(self, credential: Credential) -> None:
        """Refuse a credential that cannot be this provider's, before anything is set in motion.

        Raises Invalid. Asks nobody: whether it is good shows when it is authorised.
        """

    def authorise(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        """Set the amount aside for an order. Raises Invalid for a credential it cannot read."""

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        """Take what was set aside, or part of it; the rest is released."""

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        """Release what was set aside, or give back all that was taken."""

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        """Give back a part of what was taken. Raises Conflict for more than the shop still has."""

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        """The order a payment is for, and where the payment stands now. Raises NotFound."""

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        """What the provider knows of an order's payment, whose reference nobody has written down.

        ``None`` if it never heard of it; or one that is CREATED, of which no money can come as it
        stands. ``amount`` is the order's, as it was or will be asked for.
        """
