"""Payment provider for tests and demonstrations.

**It moves no money and never runs in production.**

It behaves like a real provider: it stores payments in its own table and honours idempotency keys.
It declines, challenges, settles late, sends signed webhooks and can be down. The token decides:

=========================  ==========================================================
``tok_success``            authorized at once
``tok_declined``           declined: ``card_declined``
``tok_insufficient_funds`` declined: ``insufficient_funds``
``tok_challenge``          the customer must first approve at the challenge URL
``tok_pending``            processing; authorized some seconds later, by webhook
``tok_pending_declined``   processing; declined some seconds later, by webhook
``tok_never``              processing without end: the order expires at its deadline
``tok_down``               the provider does not respond
=========================  ==========================================================
"""

import json
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.update import Action

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.ids import derived_id
from shop.kernel.money import Money
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState
from shop.storage.connection import Row

HANDLER = "dev.doorbuster.sandbox"
SETTLE_AFTER_SECONDS = 2

PROVIDER_DOWN_TOKEN = "tok_down"  # noqa: S105 - a test token, not a secret
TOKENS: dict[str, tuple[PaymentStatus, str | None]] = {
    "tok_success": (PaymentStatus.AUTHORIZED, None),
    "tok_declined": (PaymentStatus.FAILED, "card_declined"),
    "tok_insufficient_funds": (PaymentStatus.FAILED, "insufficient_funds"),
    "tok_challenge": (PaymentStatus.REQUIRES_ACTION, None),
    "tok_pending": (PaymentStatus.PROCESSING, None),
    "tok_pending_declined": (PaymentStatus.PROCESSING, None),
    "tok_never": (PaymentStatus.PROCESSING, None),
}
SETTLEMENT_OUTCOMES: dict[str, tuple[PaymentStatus, str | None]] = {
    "tok_pending": (PaymentStatus.AUTHORIZED, None),
    "tok_pending_declined": (PaymentStatus.FAILED, "card_declined"),
}


class _Row(Row):
    """A payment of the sandbox."""

    class Meta:
        table_name = os.environ["TABLE_SANDBOX_PAYMENTS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    order_id = UnicodeAttribute()
    token = UnicodeAttribute()
    currency = UnicodeAttribute()
    amount = NumberAttribute()
    status = UnicodeAttribute()
    authorized = NumberAttribute(default=0)
    captured = NumberAttribute(default=0)
    refunded = NumberAttribute(default=0)
    reason = UnicodeAttribute(null=True)
    keys = UnicodeSetAttribute(null=True)
    """Idempotency keys of the refunds made."""


class SandboxProvider:
    """The sandbox; see the module.

    ``schedule_settlement`` receives the reference of a payment that settles later by itself.
    """

    name = "sandbox"

    def __init__(self, *, shop_url: str, schedule_settlement: Callable[[str], None]) -> None:
        self._shop_url = shop_url
        self._schedule_settlement = schedule_settlement

    def validate_credential(self, credential: Credential) -> None:
        if credential.handler_id != "sandbox":
            raise InvalidRequest(
                f"Payment handler {credential.handler_id!r} is unknown. Use one of the checkout.",
                code="payment_handler_unknown",
                path="$.payment.instruments[0].handler_id",
            )
        if credential.token not in (*TOKENS, PROVIDER_DOWN_TOKEN):
            raise InvalidRequest(
                f"Send one of the test tokens {', '.join([*TOKENS, PROVIDER_DOWN_TOKEN])}.",
                code="payment_token_unknown",
                path="$.payment.instruments[0].credential.token",
            )

    def authorize(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        self.validate_credential(credential)
        if credential.token == PROVIDER_DOWN_TOKEN:
            raise Unavailable(
                "The payment provider does not respond. Try again later.",
                code="payment_provider_down",
            )
        status, reason = TOKENS[credential.token]
        row = _Row(
            self._reference(order_id),
            order_id=order_id,
            token=credential.token,
            currency=amount.currency,
            amount=amount.minor,
            status=status.value,
            reason=reason,
            authorized=amount.minor if status is PaymentStatus.AUTHORIZED else 0,
        )
        try:
            row.save(_Row.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            # The order has a payment already: the first token counts, as at a real provider.
            row = self._row(row.pk)
        # Also for a repeated call: the first may have stopped before it scheduled the settlement.
        if row.status == PaymentStatus.PROCESSING and row.token in SETTLEMENT_OUTCOMES:
            self._schedule_settlement(row.pk)
        return self._provider_state(row)

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        row = self._row(reference)
        if row.status == PaymentStatus.CAPTURED:
            return self._provider_state(row)
        return self._move(
            row,
            when={PaymentStatus.AUTHORIZED},
            to=PaymentStatus.CAPTURED,
            captured=min(amount.minor, int(row.amount)),
        )

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        row = self._row(reference)
        if row.status == PaymentStatus.CAPTURED:
            if row.refunded == row.captured:
                return self._provider_state(row)
            return self._move(
                row,
                when={PaymentStatus.CAPTURED},
                to=PaymentStatus.CAPTURED,
                refunded=int(row.captured),
            )
        if row.status in (PaymentStatus.CANCELLED, PaymentStatus.FAILED):
            return self._provider_state(row)
        return self._move(
            row,
            when={
                PaymentStatus.AUTHORIZED,
                PaymentStatus.PROCESSING,
                PaymentStatus.REQUIRES_ACTION,
            },
            to=PaymentStatus.CANCELLED,
        )

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        row = self._row(reference)
        # A repeated call: the refund was made with this key.
        if key in (row.keys or ()):
            return self._provider_state(row)
        try:
            row.update(
                [
                    _Row.refunded.set(_Row.refunded + amount.minor),
                    _Row.keys.add({key}),
                ],
                # Unchanged since the read, so that two refunds at once cannot exceed the capture.
                condition=(_Row.refunded == row.refunded)
                & (_Row.captured >= int(row.refunded) + amount.minor),
            )
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise Conflict(
                "The refund is more than the captured amount that remains. Refund less.",
                code="refund_exceeds_payment",
            ) from None
        return self._provider_state(row)

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        try:
            return self._provider_state(self._row(self._reference(order_id)))
        except NotFound:
            return None

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        """Return the order id and the state of a payment. Raises NotFound."""
        row = self._row(reference)
        return row.order_id, self._provider_state(row)

    def resolve_challenge(self, reference: str, approved: bool) -> ProviderPaymentState:
        """Approve or decline a challenged payment. A repeated call changes nothing.

        Raises Conflict if the payment has another final state.
        """
        row = self._row(reference)
        if approved:
            return self._move(
                row,
                when={PaymentStatus.REQUIRES_ACTION},
                to=PaymentStatus.AUTHORIZED,
                authorized=int(row.amount),
            )
        return self._move(
            row,
            when={PaymentStatus.REQUIRES_ACTION},
            to=PaymentStatus.FAILED,
            reason="challenge_failed",
        )

    def settle(self, reference: str) -> ProviderPaymentState:
        """Settle a pending payment. A repeated call changes nothing."""
        row = self._row(reference)
        # SQS delivers at least once, and the order may have cancelled the payment meanwhile.
        if row.status != PaymentStatus.PROCESSING or row.token not in SETTLEMENT_OUTCOMES:
            return self._provider_state(row)
        status, reason = SETTLEMENT_OUTCOMES[row.token]
        return self._move(
            row,
            when={PaymentStatus.PROCESSING},
            to=status,
            authorized=int(row.amount) if status is PaymentStatus.AUTHORIZED else 0,
            reason=reason,
        )

    @staticmethod
    def _reference(order_id: str) -> str:
        return derived_id("pay", order_id)

    @staticmethod
    def _row(reference: str) -> _Row:
        try:
            return _Row.get(reference, consistent_read=True)
        except _Row.DoesNotExist:
            raise NotFound("The payment is unknown to the sandbox. Check its reference.") from None

    def _move(
        self,
        row: _Row,
        *,
        when: set[PaymentStatus],
        to: PaymentStatus,
        reason: str | None = None,
        **amounts: int,
    ) -> ProviderPaymentState:
        actions: list[Action] = [_Row.status.set(to.value)]
        actions += [getattr(_Row, name).set(value) for name, value in amounts.items()]
        if reason is not None:
            actions.append(_Row.reason.set(reason))
        try:
            row.update(actions, condition=_Row.status.is_in(*(s.value for s in when)))
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            # The row changed meanwhile. If it has the target state, this is a repeated call.
            row = self._row(row.pk)
            if row.status != to.value:
                raise Conflict(
                    f"The payment is {row.status}, so it cannot become {to.value}. Read it again.",
                    code="payment_state",
                ) from None
        return self._provider_state(row)

    def _provider_state(self, row: _Row) -> ProviderPaymentState:
        status = PaymentStatus(row.status)
        challenged = status is PaymentStatus.REQUIRES_ACTION
        return ProviderPaymentState(
            reference=row.pk,
            status=status,
            authorized=int(row.authorized),
            captured=int(row.captured),
            refunded=int(row.refunded),
            action_url=f"{self._shop_url}/sandbox/challenges/{row.pk}" if challenged else None,
            reason=row.reason,
        )


def settle_through_queue(url: str) -> Callable[[str], None]:
    """Return a function that schedules a settlement on the queue with that URL."""

    def schedule(reference: str) -> None:
        _sqs_client().send_message(
            QueueUrl=url,
            MessageBody=json.dumps({"reference": reference}),
            DelaySeconds=SETTLE_AFTER_SECONDS,
        )

    return schedule


@lru_cache(maxsize=1)
def _sqs_client() -> Any:
    import boto3  # lazy: only payments that settle later need the client

    return boto3.client("sqs")
