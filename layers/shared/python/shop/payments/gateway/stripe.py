"""Stripe: cards set aside now and taken when the goods leave, by PaymentIntents.

A payment is opened (created) and paid (confirmed) in two calls. What opens it is known from the
order alone, so the same call under the same key finds it again while nobody knows its reference:
Stripe's search by metadata lags behind, and a payment that is not found in time is goods given
away. Nothing that was only opened can move money.

Written for stripe-python 16.1.0, which pins the API version :data:`VERSION`. Sources:
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
from shop.kernel.money import Money, exponent
from shop.payments.model import Credential, PaymentStatus, ProviderPaymentState

API_VERSION = "2026-10-28.endive"
CONNECT, READ = 2.0, 6.0
"""Seconds that a call may take to connect and to be answered. Two calls, each tried twice, end
before the gateway gives up on a checkout."""
MAX_RETRIES = 1

PAYMENT_METHOD_TYPES = ("card",)
"""Apple Pay and Google Pay are cards to Stripe. Each of these can be set aside and taken later."""

_TOKEN = re.compile(r"(pm|ctoken)_[A-Za-z0-9_]{1,200}")
_REFERENCE = re.compile(r"(pi|ch|py|re|pyr)_[A-Za-z0-9]{1,200}")

_NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_TWO_DECIMALS = frozenset({"ISK", "UGX"})
"""Without decimals by now, and still to be written with two."""

_TEN = (1, 10, 100, 1_000, 10_000)

DECLINE_REASONS: Mapping[str, str] = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "processing_error": "processing_error",
    "authentication_required": "challenge_failed",
    "payment_intent_authentication_failure": "challenge_failed",
}
"""Stripe's words for a decline in ours. All others are ``card_declined``: that a card was reported
stolen is not told to whoever holds it (Stripe, "Decline codes")."""

STATUS_BY_STRIPE_STATUS: Mapping[str, PaymentStatus] = {
    "requires_payment_method": PaymentStatus.CREATED,
    "requires_confirmation": PaymentStatus.CREATED,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.AUTHORISED,
    "succeeded": PaymentStatus.CAPTURED,
    "canceled": PaymentStatus.CANCELLED,
}


def stripe_decimals(currency: str) -> int:
    """How many decimals an amount has at Stripe: not always as many as in ISO 4217."""
    if currency in _NO_DECIMALS:
        return 0
    return 2 if currency in _TWO_DECIMALS else exponent(currency)


def to_stripe(amount: Money) -> int:
    """An amount in Stripe's units. Raises Invalid for one that Stripe cannot take exactly.

    Of currencies with three decimals Stripe takes tens only; a total is never rounded here, for the
    buyer agreed to it as it stands.
    """
    theirs, ours = stripe_decimals(amount.currency), exponent(amount.currency)
    units, rest = divmod(amount.minor * _TEN[theirs], _TEN[ours])
    if rest or (theirs == 3 and units % 10):
        raise InvalidRequest(
            f"{amount} cannot be paid exactly with this provider",
            code="payment_amount_unsupported",
        )
    return units


def from_stripe(units: int, currency: str) -> int:
    """Stripe's units in minor units."""
    return units * _TEN[exponent(currency)] // _TEN[stripe_decimals(currency)]


class StripeGateway:
    """See the module. ``key`` gives the secret key when it is first needed, and again when Stripe
    refuses the one we have; ``return_url`` names the page a buyer comes back to."""

    name = "stripe"

    def __init__(
        self,
        *,
        key: Callable[[], str],
        return_url: Callable[[str], str],
        base: str | None = None,
        timeout: tuple[float, float] = (CONNECT, READ),
    ) -> None:
        self._key = key
        self._return_url = return_url
        self._base = base
        self._timeout = timeout
        self._client: Any = None

    @cached_property
    def _stripe(self) -> Any:
        import stripe  # 130 ms: paid with the first payment, by nobody else

        stripe.enable_telemetry = (
            False  # it writes to the home directory, and tells of the platform
        )
        return stripe

    def validate_credential(self, credential: Credential) -> None:
        if credential.handler_id != "stripe":
            raise InvalidRequest(
                f"this shop has no payment handler {credential.handler_id!r}",
                code="payment_handler_unknown",
                path="$.payment.instruments[0].handler_id",
            )
        if not _TOKEN.fullmatch(credential.token):
            raise _unreadable("send the id of a Stripe PaymentMethod or ConfirmationToken")

    def authorise(
        self, order_id: str, amount: Money, credential: Credential, *, key: str
    ) -> ProviderPaymentState:
        self.validate_credential(credential)
        intent = self._opened(order_id, amount)
        kind = "payment_method" if credential.token.startswith("pm_") else "confirmation_token"
        requested_ids = {
            kind: credential.token,
            "return_url": self._return_url(order_id),
            "expand": ["latest_charge"],
        }
        try:
            with self._asking() as payments:
                return _report(
                    payments.confirm(
                        intent["id"], requested_ids, {"idempotency_key": f"confirm:{key}"}
                    )
                )
        except self._stripe.CardError as error:
            return ProviderPaymentState(
                intent["id"], PaymentStatus.FAILED, reason=_reason(error.error)
            )
        except self._stripe.IdempotencyError:
            return self._seen(intent["id"])  # asked before, with another card: that one counts
        except self._stripe.InvalidRequestError as error:
            if str(error.param or "").startswith(("payment_method", "confirmation_token")):
                raise _unreadable("the provider knows no such means of payment") from None
            if error.code == "payment_intent_unexpected_state":
                return self._seen(intent["id"])
            raise

    def capture(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        intent = self._retrieved(reference)
        report = _report(intent)
        if report.status is PaymentStatus.CAPTURED:
            return report
        if report.status is not PaymentStatus.AUTHORISED:
            raise Conflict(f"this payment is {report.status}")
        taken = {
            "amount_to_capture": min(to_stripe(amount), intent["amount_capturable"]),
            "expand": ["latest_charge"],
        }
        with self._moving(reference) as payments:
            return _report(payments.capture(intent["id"], taken, _once(intent, key)))

    def cancel(self, reference: str, *, key: str) -> ProviderPaymentState:
        intent = self._retrieved(reference)
        report = _report(intent)
        if report.status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
            return report
        if report.status is PaymentStatus.CAPTURED:
            if report.refunded < report.captured:
                # Without an amount: all that is left. Another call needs another key.
                self._refund({"payment_intent": intent["id"]}, _once(intent, f"{key}:refund"))
            return self._seen(intent["id"])
        released = {"expand": ["latest_charge"]}
        with self._moving(reference) as payments:
            return _report(payments.cancel(intent["id"], released, _once(intent, key)))

    def refund(self, reference: str, amount: Money, *, key: str) -> ProviderPaymentState:
        intent = self._retrieved(reference)
        part = {"payment_intent": intent["id"], "amount": to_stripe(amount)}
        self._refund(part, _once(intent, key))
        return self._seen(intent["id"])

    def get_payment(self, reference: str) -> tuple[str, ProviderPaymentState]:
        intent = self._retrieved(reference)
        order_id = getattr(intent["metadata"], "order_id", None)
        if not order_id:
            raise NotFound("this payment is for no order of this shop")
        return order_id, _report(intent)

    def find_by_order(self, order_id: str, amount: Money) -> ProviderPaymentState | None:
        try:
            report = self._seen(self._opened(order_id, amount)["id"])
        except (
            Unavailable,
            InvalidRequest,
            self._stripe.InvalidRequestError,
            self._stripe.IdempotencyError,
        ):
            report = None
        if report is not None and report.status is not PaymentStatus.CREATED:
            return report
        # Opened just now, or never: Stripe forgets a key after a day, and the search lags behind.
        with self._asking() as payments:
            query = f"metadata['order_id']:'{order_id}'"
            found = payments.search({"query": query, "limit": 10})["data"]
        older = [self._seen(intent["id"]) for intent in found]
        paid = [one for one in older if one.status is not PaymentStatus.CREATED]
        return next(iter(paid), report)

    # ---------------------------------------------------------------------------- the wire

    def _opened(self, order_id: str, amount: Money) -> Any:
        """The order's payment, opened now or before. Says what it said when it was opened."""
        wanted = {
            "amount": to_stripe(amount),
            "currency": amount.currency.lower(),
            "automatic_payment_methods": {"enabled": True},
            "allowed_payment_method_types": list(PAYMENT_METHOD_TYPES),
            "payment_method_options": {"card": {"capture_method": "manual"}},
            "metadata": {"order_id": order_id},
        }
        try:
            with self._asking() as payments:
                return payments.create(wanted, {"idempotency_key": f"open:{order_id}"})
        except self._stripe.InvalidRequestError as error:
            if str(error.param or "") in ("amount", "currency"):
                raise InvalidRequest(
                    f"the provider does not take {amount}", code="payment_amount_unsupported"
                ) from None
            raise

    def _retrieved(self, reference: str) -> Any:
        kind = _REFERENCE.fullmatch(reference)
        if kind is None:
            raise NotFound("Stripe gives no payment such a name")
        try:
            if kind[1] != "pi":
                with self._asking("charges" if kind[1] in ("ch", "py") else "refunds") as others:
                    reference = others.retrieve(reference)["payment_intent"]
                if not reference:
                    raise NotFound("this is no part of a payment of ours")
            with self._asking() as payments:
                return payments.retrieve(reference, {"expand": ["latest_charge"]})
        except self._stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            raise NotFound("Stripe knows no such payment") from None

    def _seen(self, reference: str) -> ProviderPaymentState:
        return _report(self._retrieved(reference))

    def _refund(self, part: Mapping[str, Any], once: Mapping[str, str]) -> None:
        try:
            with self._asking("refunds") as refunds:
                refunds.create(part, once)
        except (self._stripe.InvalidRequestError, self._stripe.IdempotencyError):
            raise Conflict("this payment has not so much to give back") from None

    @contextmanager
    def _moving(self, reference: str) -> Iterator[Any]:
        """Something else may have moved the payment meanwhile: then it is a Conflict."""
        try:
            with self._asking() as payments:
                yield payments
        except (
            self._stripe.InvalidRequestError,
            self._stripe.IdempotencyError,
            self._stripe.CardError,
        ) as error:
            said = error.code or "refused"
            raise Conflict(f"this payment is {self._seen(reference).status}: {said}") from None

    @contextmanager
    def _asking(self, what: str = "payment_intents") -> Iterator[Any]:
        """Ask Stripe. What leaves the outcome open is Unavailable; the rest is for the caller."""
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
            yield getattr(self._client.v1, what)
        except (stripe.AuthenticationError, stripe.PermissionError):
            self._client = None  # the key may have been replaced: it is read anew
            raise Unavailable(
                "the payment provider does not accept this shop", code="payment_provider_down"
            ) from None
        except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError):
            raise _down() from None
        except stripe.IdempotencyError as error:
            if error.http_status != 409 and error.code != "idempotency_key_in_use":
                raise
            raise _down() from None


def _once(intent: Any, key: str) -> dict[str, str]:
    """A key of this payment's own: Stripe's keys are one space for the whole account."""
    return {"idempotency_key": f"{intent['id']}:{key}"}


def _down() -> Unavailable:
    return Unavailable("the payment provider does not answer", code="payment_provider_down")


def _unreadable(reason: str) -> InvalidRequest:
    return InvalidRequest(
        reason, code="payment_token_unknown", path="$.payment.instruments[0].credential.token"
    )


def _reason(error: Any) -> str:
    """Why a payment was declined, in our words. ``error`` is Stripe's error object, if there is."""
    said = error or {}
    for name in ("decline_code", "code"):
        word = str(getattr(said, name, None))
        if word in DECLINE_REASONS:
            return DECLINE_REASONS[word]
    return "card_declined"


def _report(intent: Any) -> ProviderPaymentState:
    """Where a payment stands. ``intent`` has its latest charge expanded, if it has one."""
    currency = intent["currency"].upper()
    status = STATUS_BY_STRIPE_STATUS.get(intent["status"], PaymentStatus.PROCESSING)
    failure = getattr(intent, "last_payment_error", None)
    charge: Any = getattr(intent, "latest_charge", None)
    good = charge is not None and charge["status"] == "succeeded"
    if failure and not good and status in (PaymentStatus.CREATED, PaymentStatus.CANCELLED):
        status = PaymentStatus.FAILED
    return ProviderPaymentState(
        reference=intent["id"],
        status=status,
        authorised=from_stripe(charge["amount"], currency) if good else 0,
        captured=from_stripe(charge["amount_captured"], currency) if good else 0,
        refunded=from_stripe(_given_back(charge), currency) if good else 0,
        action_url=_action_url(intent) if status is PaymentStatus.REQUIRES_ACTION else None,
        reason=_reason(failure) if status is PaymentStatus.FAILED else None,
    )


def _given_back(charge: Any) -> int:
    """What was refunded of what was taken: what a partial capture leaves is only released."""
    return min(int(charge["amount_refunded"]), int(charge["amount_captured"]))


def _action_url(intent: Any) -> str | None:
    action = intent["next_action"]
    redirect = getattr(action, "redirect_to_url", None)
    return None if redirect is None else str(redirect["url"])
