"""Stripe gateway: PaymentIntents, authorized at the order and captured at dispatch.

A payment takes two calls: create and confirm. The create call depends on the order alone. So the
same call with the same idempotency key finds the payment again, even if its reference was lost.
Stripe's search by metadata lags behind, and an unseen payment would mean unpaid goods. A payment
that is only created moves no money.

Written for stripe-python 16.1.0, which pins the API version :data:`API_VERSION`. Sources:
https://docs.stripe.com/payments/place-a-hold-on-a-payment-method,
https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/currencies,
https://docs.stripe.com/declines/codes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from shop.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from shop.kernel.money import Money
from shop.payments.gateway.stripe_amounts import from_stripe, to_stripe
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState

API_VERSION = "2026-10-28.endive"
CONNECT_TIMEOUT, READ_TIMEOUT = 2.0, 6.0
"""Seconds. Two calls, each with one retry, end before API Gateway times out a checkout."""
MAX_RETRIES = 1
"""Stripe's client repeats a lost call with the same idempotency key, so it charges only once."""

PAYMENT_METHOD_TYPES = ("card",)
"""Apple Pay and Google Pay are cards to Stripe. Each type supports a separate capture."""

_TOKEN = re.compile(r"(pm|ctoken)_[A-Za-z0-9_]{1,200}")
_REFERENCE = re.compile(r"(pi|ch|py|re|pyr)_[A-Za-z0-9]{1,200}")

DECLINE_REASONS: Mapping[str, str] = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "processing_error": "processing_error",
    "authentication_required": "challenge_failed",
    "payment_intent_authentication_failure": "challenge_failed",
}
"""Stripe's decline codes and the reason the shop shows. Every other code is ``card_declined``: a
customer must not learn that a card was reported stolen (Stripe, "Decline codes")."""

STATUS_BY_STRIPE_STATUS: Mapping[str, PaymentStatus] = {
    "requires_payment_method": PaymentStatus.CREATED,
    "requires_confirmation": PaymentStatus.CREATED,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.AUTHORIZED,
    "succeeded": PaymentStatus.CAPTURED,
    "canceled": PaymentStatus.CANCELLED,
}


class StripeGateway:
    """A payment provider over Stripe's API; see the module.

    ``key`` reads the secret key at the first call, and again after Stripe rejects the current one.
    ``return_url`` returns the page to which a challenge sends the customer back. ``base`` replaces
    the address of the API. ``timeout`` is seconds to connect and to read.
    """

    name = "stripe"

    def __init__(
        self,
        *,
        key: Callable[[], str],
        return_url: Callable[[str], str],
        base: str | None = None,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
    ) -> None:
        self._key = key
        self._return_url = return_url
        self._base = base
        self._timeout = timeout
        self._client: Any = None

    @cached_property
    def _stripe(self) -> Any:
        import stripe  # lazy: it takes 130 ms, which only a payment needs

        # Telemetry writes to the home directory and reports the platform.
        stripe.enable_telemetry = False
        return stripe

    def validate_credential(self, credential: Credential) -> None:
        if credential.handler_id != "stripe":
            raise InvalidRequest(
                f"Payment handler {credential.handler_id!r} is unknown. Use one of the checkout.",
                code="payment_handler_unknown",
                path="$.payment.instruments[0].handler_id",
            )
        if not _TOKEN.fullmatch(credential.token):
            raise _invalid_token("Send the id of a Stripe PaymentMethod or ConfirmationToken.")

    def authorize(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        self.validate_credential(credential)
        intent = self._open_payment(order_id, amount)
        kind = "payment_method" if credential.token.startswith("pm_") else "confirmation_token"
        confirmation = {
            kind: credential.token,
            "return_url": self._return_url(order_id),
            "expand": ["latest_charge"],
        }
        try:
            with self._calls() as payments:
                return _provider_state(
                    payments.confirm(
                        intent["id"], confirmation, {"idempotency_key": f"confirm:{key}"}
                    )
                )
        except self._stripe.CardError as error:
            # A decline is a result, not an error of the caller.
            return ProviderPaymentState(
                intent["id"], PaymentStatus.FAILED, reason=_reason(error.error)
            )
        except self._stripe.IdempotencyError:
            # The order was confirmed before with another card: the first confirmation counts.
            return self._current_state(intent["id"])
        except self._stripe.InvalidRequestError as error:
            if str(error.param or "").startswith(("payment_method", "confirmation_token")):
                raise _invalid_token(
                    "The payment method is unknown to Stripe. Send another."
                ) from None
            # An earlier confirmation moved the payment on, so its state is the result.
            if error.code == "payment_intent_unexpected_state":
                return self._current_state(intent["id"])
            raise

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        intent = self._retrieve(reference)
        state = _provider_state(intent)
        # A retry after the key expired: the capture happened, so there is nothing to do.
        if state.status is PaymentStatus.CAPTURED:
            return state
        if state.status is not PaymentStatus.AUTHORIZED:
            raise Conflict(
                f"The payment is {state.status}, so it cannot be captured. Read it again.",
                code="payment_state",
            )
        # Stripe rejects more than it holds; a partial capture releases the rest.
        capture = {
            "amount_to_capture": min(to_stripe(amount), intent["amount_capturable"]),
            "expand": ["latest_charge"],
        }
        with self._transition(reference) as payments:
            return _provider_state(
                payments.capture(intent["id"], capture, _idempotency_options(intent, key))
            )

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        intent = self._retrieve(reference)
        state = _provider_state(intent)
        if state.status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
            return state
        if state.status is PaymentStatus.CAPTURED:
            if state.refunded < state.captured:
                # Without an amount, Stripe refunds all that remains. A refund is another call than
                # a cancellation, so it needs a key of its own.
                self._refund(
                    {"payment_intent": intent["id"]}, _idempotency_options(intent, f"{key}:refund")
                )
            return self._current_state(intent["id"])
        options = {"expand": ["latest_charge"]}
        with self._transition(reference) as payments:
            return _provider_state(
                payments.cancel(intent["id"], options, _idempotency_options(intent, key))
            )

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        intent = self._retrieve(reference)
        refund = {"payment_intent": intent["id"], "amount": to_stripe(amount)}
        self._refund(refund, _idempotency_options(intent, key))
        return self._current_state(intent["id"])

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        intent = self._retrieve(reference)
        order_id = getattr(intent["metadata"], "order_id", None)
        if not order_id:
            raise NotFound("The payment is of another shop. Check its reference.")
        return order_id, _provider_state(intent)

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        # Opening again with the same key returns the payment of a lost call before search does.
        try:
            state: ProviderPaymentState | None = self._current_state(
                self._open_payment(order_id, amount)["id"]
            )
        except (
            Unavailable,
            InvalidRequest,
            self._stripe.InvalidRequestError,
            self._stripe.IdempotencyError,
        ):
            # Opening failed, which proves nothing: a payment of an earlier call may still exist.
            state = None
        if state is not None and state.status is not PaymentStatus.CREATED:
            return state
        # Either opened just now, or never. Stripe drops a key after a day, so an older payment is
        # found by search only. Search lags behind, so it is the second choice.
        with self._calls() as payments:
            query = f"metadata['order_id']:'{order_id}'"
            intents = payments.search({"query": query, "limit": 10})["data"]
        earlier = [self._current_state(intent["id"]) for intent in intents]
        confirmed = [found for found in earlier if found.status is not PaymentStatus.CREATED]
        return next(iter(confirmed), state)

    # ------------------------------------------------------------------------- API calls

    def _open_payment(self, order_id: str, amount: Money) -> Any:
        """Open the payment of an order, or return it as it was when first opened."""
        intent = {
            "amount": to_stripe(amount),
            "currency": amount.currency.lower(),
            "automatic_payment_methods": {"enabled": True},
            "allowed_payment_method_types": list(PAYMENT_METHOD_TYPES),
            "payment_method_options": {"card": {"capture_method": "manual"}},
            "metadata": {"order_id": order_id},
        }
        try:
            with self._calls() as payments:
                return payments.create(intent, {"idempotency_key": f"open:{order_id}"})
        except self._stripe.InvalidRequestError as error:
            if str(error.param or "") in ("amount", "currency"):
                raise InvalidRequest(
                    f"The payment provider cannot charge {amount}. Change the amount or currency.",
                    code="payment_amount_unsupported",
                ) from None
            raise

    def _retrieve(self, reference: str) -> Any:
        kind = _REFERENCE.fullmatch(reference)
        if kind is None:
            raise NotFound("The reference is not one of Stripe. Send that of a PaymentIntent.")
        try:
            # Webhooks may name a charge or a refund: follow it to its payment.
            if kind[1] != "pi":
                with self._calls("charges" if kind[1] in ("ch", "py") else "refunds") as resources:
                    reference = resources.retrieve(reference)["payment_intent"]
                if not reference:
                    raise NotFound("The charge or refund is of another shop. Check its reference.")
            with self._calls() as payments:
                return payments.retrieve(reference, {"expand": ["latest_charge"]})
        except self._stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            raise NotFound("The payment is unknown to Stripe. Check its reference.") from None

    def _current_state(self, reference: str) -> ProviderPaymentState:
        return _provider_state(self._retrieve(reference))

    def _refund(self, refund: Mapping[str, Any], options: Mapping[str, str]) -> None:
        try:
            with self._calls("refunds") as refunds:
                refunds.create(refund, options)
        except (self._stripe.InvalidRequestError, self._stripe.IdempotencyError):
            raise Conflict(
                "The refund is more than the captured amount that remains. Refund less.",
                code="refund_exceeds_payment",
            ) from None

    @contextmanager
    def _transition(self, reference: str) -> Iterator[Any]:
        """Call Stripe to change a payment; a change made meanwhile becomes a Conflict."""
        try:
            with self._calls() as payments:
                yield payments
        except (
            self._stripe.InvalidRequestError,
            self._stripe.IdempotencyError,
            self._stripe.CardError,
        ) as error:
            # The error shows the earlier state; the current one tells the caller the cause.
            status = self._current_state(reference).status
            raise Conflict(
                f"Stripe rejected the change ({error.code or 'refused'}). The payment is {status}.",
                code="payment_state",
            ) from None

    @contextmanager
    def _calls(self, resource: str = "payment_intents") -> Iterator[Any]:
        """Call Stripe. An unknown outcome raises Unavailable; other errors reach the caller."""
        stripe = self._stripe
        if self._client is None:
            self._client = stripe.StripeClient(
                self._key(),
                stripe_version=API_VERSION,
                max_network_retries=MAX_RETRIES,
                http_client=stripe.RequestsClient(timeout=self._timeout),
                **({"base_addresses": {"api": self._base}} if self._base else {}),
            )
        try:
            yield getattr(self._client.v1, resource)
        except (stripe.AuthenticationError, stripe.PermissionError):
            # The key may have been rotated: the next call reads it again.
            self._client = None
            raise Unavailable(
                "The payment provider is not available. Try again later.",
                code="payment_provider_down",
            ) from None
        except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError):
            raise _provider_down() from None
        except stripe.IdempotencyError as error:
            # 409: the first call with this key still runs, so its outcome is unknown. Otherwise the
            # key was used with other parameters, which the caller handles.
            if error.http_status != 409 and error.code != "idempotency_key_in_use":
                raise
            raise _provider_down() from None


def _idempotency_options(intent: Any, key: str) -> dict[str, str]:
    """Return a key that is unique to the payment: Stripe's keys are shared by the account."""
    return {"idempotency_key": f"{intent['id']}:{key}"}


def _provider_down() -> Unavailable:
    return Unavailable(
        "The payment provider does not respond. Try again later.", code="payment_provider_down"
    )


def _invalid_token(detail: str) -> InvalidRequest:
    return InvalidRequest(
        detail, code="payment_token_unknown", path="$.payment.instruments[0].credential.token"
    )


def _reason(error: Any) -> str:
    """Return the decline reason. ``error`` is Stripe's error object, or ``None``."""
    # The decline code of the bank is more exact than the code of Stripe, so it comes first.
    for name in ("decline_code", "code"):
        code = str(getattr(error, name, None))
        if code in DECLINE_REASONS:
            return DECLINE_REASONS[code]
    return "card_declined"


def _provider_state(intent: Any) -> ProviderPaymentState:
    """Convert a PaymentIntent, with its latest charge expanded, to the shop's state."""
    currency = intent["currency"].upper()
    # A status that a later API version adds must not end a payment: it counts as processing.
    status = STATUS_BY_STRIPE_STATUS.get(intent["status"], PaymentStatus.PROCESSING)
    failure = getattr(intent, "last_payment_error", None)
    charge: Any = getattr(intent, "latest_charge", None)
    succeeded = charge is not None and charge["status"] == "succeeded"
    # After a decline Stripe waits for another card; the shop makes one attempt, so it has failed.
    if failure and not succeeded and status in (PaymentStatus.CREATED, PaymentStatus.CANCELLED):
        status = PaymentStatus.FAILED
    return ProviderPaymentState(
        reference=intent["id"],
        status=status,
        authorized=from_stripe(charge["amount"], currency) if succeeded else 0,
        captured=from_stripe(charge["amount_captured"], currency) if succeeded else 0,
        refunded=from_stripe(_refunded_amount(charge), currency) if succeeded else 0,
        action_url=_action_url(intent) if status is PaymentStatus.REQUIRES_ACTION else None,
        reason=_reason(failure) if status is PaymentStatus.FAILED else None,
    )


def _refunded_amount(charge: Any) -> int:
    """Return the refunded part of the captured amount.

    Stripe also counts the rest of a partial capture as refunded, but that is only released.
    """
    return min(int(charge["amount_refunded"]), int(charge["amount_captured"]))


def _action_url(intent: Any) -> str | None:
    action = intent["next_action"]
    redirect = getattr(action, "redirect_to_url", None)
    return None if redirect is None else str(redirect["url"])
