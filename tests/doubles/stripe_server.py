"""A fake of Stripe's HTTP API, as far as the shop uses it, written from Stripe's documentation.

It implements the protocol: form parameters, JSON bodies, bearer keys, errors, and replay by
``Idempotency-Key``. So tests run the real stripe-python against it. Requests are validated with
Stripe's own generated types (``stripe.params`` of the pinned release): an unknown parameter is an
error, as at Stripe. Its responses are only as exact as the reading of the documentation.

Test cards are Stripe's: ``pm_card_visa`` and so on. ``pm_usBankAccount`` stays in processing.
"""

import json
import re
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic import ConfigDict, TypeAdapter, ValidationError

KEY = "sk_test_standin"
MAX_WAIT_SECONDS = 60
"""Longest wait for an event, so that a failing test ends."""
VERSION = "2026-10-28.endive"

DECLINES = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", None),
}
CARDS = {"pm_card_visa", "pm_card_authenticationRequired", "pm_usBankAccount", *DECLINES}
OPEN = {
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
}


RecordedRequest = tuple[str, str, Mapping[str, Any], Mapping[str, str]]
"""Method, path, parameters and headers of a request."""


class ApiError(Exception):
    """An error response of the API."""

    def __init__(self, status: int, kind: str, message: str, *, stored: bool = True, **more: Any):
        super().__init__(message)
        self.status = status
        self.stored = stored
        """Stripe stores a response under its key once the operation has begun."""
        self.body = {"error": {"type": kind, "message": message, **more}}


@dataclass
class StripeAccount:
    """The account behind the API. ``faults`` are injected into the next requests, one each."""

    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[RecordedRequest] = field(default_factory=list)
    faults: deque[str | int | threading.Event | None] = field(default_factory=deque)
    """``"lost"``: the request is executed, but the connection closes without a response. A status:
    that error instead. An event: silence until it is set, then as lost. ``None``: no fault."""
    indexed: bool = True
    """Whether search finds the payments; Stripe's index lags behind."""
    key: str = KEY
    _responses: dict[str, tuple[str, int, Any]] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)

    def forget_keys(self) -> None:
        """Delete the idempotency keys, as Stripe does after a day."""
        self._responses.clear()

    def settle(self, intent_id: str, approved: bool = True) -> None:
        """Settle a payment that waits for the customer or the bank."""
        with self._lock:
            intent = self.intents[intent_id]
            if intent["status"] not in ("requires_action", "processing"):
                return
            if approved:
                self._mark_charged(intent)
            else:
                self._mark_failed(intent, "payment_intent_authentication_failure", None)

    # ------------------------------------------------------------------------------ routes

    def respond(
        self, method: str, path: str, form: str, headers: Mapping[str, str]
    ) -> tuple[int, Any, bool]:
        """Return the status, the body, and whether the response is a replay."""
        parameters = decoded(form)
        self.requests.append((method, path, parameters, headers))
        with self._lock:
            if headers.get("Authorization") != f"Bearer {self.key}":
                return 401, ApiError(401, "invalid_request_error", "Invalid API Key").body, False
            if headers.get("Stripe-Version") != VERSION:
                return 400, ApiError(400, "invalid_request_error", "no such version").body, False
            key = headers.get("Idempotency-Key") if method == "POST" else None
            fingerprint = json.dumps([method, path, parameters], sort_keys=True)
            if key and key in self._responses:
                before, status, body = self._responses[key]
                if before != fingerprint:
                    message = "Keys for idempotent requests can only be used with the same request"
                    return 400, ApiError(400, "idempotency_error", message).body, False
                return status, body, True
            stored = True
            try:
                status, body = 200, self._execute(method, path, parameters)
            except ApiError as error:
                status, body, stored = error.status, error.body, error.stored
            if key and stored:
                self._responses[key] = (fingerprint, status, json.loads(json.dumps(body)))
            return status, body, False

    def _execute(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        for (verb, pattern), (shape, operation) in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                validate_parameters(shape, parameters)
                return operation(self, parameters, *match.groups())
        raise ApiError(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")

    def _create(self, parameters: dict[str, Any]) -> Any:
        amount = int(parameters["amount"])
        if amount < 50 and parameters["currency"] == "usd":
            raise ApiError(
                400,
                "invalid_request_error",
                "Amount must be at least $0.50 usd",
                stored=False,
                code="amount_too_small",
                param="amount",
            )
        intent = {
            "id": f"pi_{len(self.intents) + 1:024d}",
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": 0,
            "currency": parameters["currency"],
            "status": "requires_payment_method",
            "metadata": dict(parameters.get("metadata", {})),
            "payment_method_options": parameters.get("payment_method_options", {}),
            "last_payment_error": None,
            "latest_charge": None,
            "next_action": None,
            "client_secret": "secret",
        }
        self.intents[intent["id"]] = intent
        return self._rendered(intent, parameters)

    def _confirm(self, parameters: dict[str, Any], intent_id: str) -> Any:
        intent = self._intent(intent_id)
        if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
            raise self._unexpected(intent)
        card = parameters.get("payment_method") or parameters.get("confirmation_token", "")
        card = {"ctoken_visa": "pm_card_visa"}.get(card, card)
        if card not in CARDS:
            raise ApiError(
                400,
                "invalid_request_error",
                f"No such PaymentMethod: '{card}'",
                stored=False,
                code="resource_missing",
                param="payment_method",
            )
        if not parameters.get("return_url"):
            raise ApiError(400, "invalid_request_error", "send a return_url", param="return_url")
        if card in DECLINES:
            self._mark_failed(intent, *DECLINES[card])
            error = {**intent["last_payment_error"], "payment_intent": self._rendered(intent, {})}
            raise ApiError(402, "card_error", "Your card was declined.", **error)
        if card == "pm_card_authenticationRequired":
            url = f"https://hooks.stripe.test/redirect/{intent_id}"
            redirect = {"return_url": parameters["return_url"], "url": url}
            intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
            intent["status"] = "requires_action"
        elif card == "pm_usBankAccount":
            intent["status"] = "processing"
        else:
            self._mark_charged(intent)
        return self._rendered(intent, parameters)

    def _capture(self, parameters: dict[str, Any], intent_id: str) -> Any:
        intent = self._intent(intent_id)
        if intent["status"] != "requires_capture":
            raise self._unexpected(intent)
        amount = int(parameters.get("amount_to_capture", intent["amount"]))
        if not 0 < amount <= intent["amount_capturable"]:
            message = "The amount to capture is more than can be captured"
            raise ApiError(400, "invalid_request_error", message, param="amount_to_capture")
        charge = self.charges[intent["latest_charge"]]
        charge |= {"captured": True, "amount_captured": amount}
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        return self._rendered(intent, parameters)

    def _cancel(self, parameters: dict[str, Any], intent_id: str) -> Any:
        intent = self._intent(intent_id)
        if intent["status"] not in OPEN:
            raise self._unexpected(intent)
        intent |= {"status": "canceled", "amount_capturable": 0, "next_action": None}
        return self._rendered(intent, parameters)

    def _retrieve(self, parameters: dict[str, Any], intent_id: str) -> Any:
        return self._rendered(self._intent(intent_id), parameters)

    def _search(self, parameters: dict[str, Any]) -> Any:
        match = re.fullmatch(r"metadata\['order_id'\]:'([^']*)'", parameters["query"])
        assert match, parameters["query"]
        found = [
            self._rendered(intent, {})
            for intent in self.intents.values()
            if self.indexed and intent["metadata"].get("order_id") == match[1]
        ]
        return {"object": "search_result", "data": found, "has_more": False, "url": ""}

    def _charge(self, parameters: dict[str, Any], charge_id: str) -> Any:
        return self._known(self.charges, charge_id, "charge")

    def _refunded(self, parameters: dict[str, Any], refund_id: str) -> Any:
        return self._known(self.refunds, refund_id, "refund")

    def _refund(self, parameters: dict[str, Any]) -> Any:
        intent = self._intent(parameters["payment_intent"])
        charge = self.charges.get(intent["latest_charge"] or "", {})
        if not charge.get("captured"):
            message = "This PaymentIntent does not have a successful charge to refund."
            raise ApiError(400, "invalid_request_error", message, param="payment_intent")
        remaining = charge["amount_captured"] - charge["amount_refunded"]
        amount = int(parameters.get("amount", remaining))
        if not remaining:
            message = "Charge has already been refunded."
            code = "charge_already_refunded"
            raise ApiError(400, "invalid_request_error", message, code=code)
        if amount > remaining:
            message = "Refund amount is greater than unrefunded amount on charge"
            raise ApiError(400, "invalid_request_error", message, param="amount")
        charge["amount_refunded"] += amount
        refund = {
            "id": f"re_{len(self.refunds) + 1:024d}",
            "object": "refund",
            "amount": amount,
            "payment_intent": intent["id"],
            "status": "succeeded",
        }
        self.refunds[refund["id"]] = refund
        return refund

    # ------------------------------------------------------------------------- transitions

    def _mark_charged(self, intent: dict[str, Any]) -> None:
        options = intent["payment_method_options"].get("card", {})
        manual = options.get("capture_method") == "manual"
        charge = {
            "id": f"ch_{len(self.charges) + 1:024d}",
            "object": "charge",
            "status": "succeeded",
            "amount": intent["amount"],
            "amount_captured": 0 if manual else intent["amount"],
            "amount_refunded": 0,
            "captured": not manual,
            "payment_intent": intent["id"],
            "metadata": dict(intent["metadata"]),
        }
        self.charges[charge["id"]] = charge
        intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
        if manual:
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        else:
            intent |= {"status": "succeeded", "amount_received": intent["amount"]}

    def _mark_failed(self, intent: dict[str, Any], code: str, decline_code: str | None) -> None:
        error = {"code": code, **({"decline_code": decline_code} if decline_code else {})}
        intent |= {
            "status": "requires_payment_method",
            "next_action": None,
            "last_payment_error": error,
        }

    def _intent(self, intent_id: str) -> dict[str, Any]:
        return self._known(self.intents, intent_id, "payment_intent")

    @staticmethod
    def _known(objects: dict[str, dict[str, Any]], name: str, kind: str) -> dict[str, Any]:
        if name not in objects:
            message = f"No such {kind}: '{name}'"
            raise ApiError(
                404, "invalid_request_error", message, code="resource_missing", param="intent"
            )
        return objects[name]

    @staticmethod
    def _unexpected(intent: Mapping[str, Any]) -> ApiError:
        code = "payment_intent_unexpected_state"
        message = f"This PaymentIntent has a status of {intent['status']}"
        return ApiError(400, "invalid_request_error", message, code=code)

    def _rendered(self, intent: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        rendered = dict(intent)
        if "latest_charge" in parameters.get("expand", ()) and intent["latest_charge"]:
            rendered["latest_charge"] = dict(self.charges[intent["latest_charge"]])
        return rendered


_ID = r"([a-z]+_[A-Za-z0-9]+)"
ROUTES: dict[tuple[str, str], tuple[str, Any]] = {
    ("POST", "/v1/payment_intents"): ("PaymentIntentCreateParams", StripeAccount._create),
    ("POST", f"/v1/payment_intents/{_ID}/confirm"): (
        "PaymentIntentConfirmParams",
        StripeAccount._confirm,
    ),
    ("POST", f"/v1/payment_intents/{_ID}/capture"): (
        "PaymentIntentCaptureParams",
        StripeAccount._capture,
    ),
    ("POST", f"/v1/payment_intents/{_ID}/cancel"): (
        "PaymentIntentCancelParams",
        StripeAccount._cancel,
    ),
    ("GET", "/v1/payment_intents/search"): (
        "PaymentIntentSearchParams",
        StripeAccount._search,
    ),
    ("GET", f"/v1/payment_intents/{_ID}"): (
        "PaymentIntentRetrieveParams",
        StripeAccount._retrieve,
    ),
    ("GET", f"/v1/charges/{_ID}"): ("ChargeRetrieveParams", StripeAccount._charge),
    ("GET", f"/v1/refunds/{_ID}"): ("RefundRetrieveParams", StripeAccount._refunded),
    ("POST", "/v1/refunds"): ("RefundCreateParams", StripeAccount._refund),
}

STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_adapters: dict[str, TypeAdapter[Any]] = {}


def validate_parameters(shape: str, parameters: Mapping[str, Any]) -> None:
    """Validate parameters with Stripe's own types; unknown parameters are errors."""
    if shape not in _adapters:
        import stripe.params

        kind = getattr(stripe.params, shape)
        names = vars(sys.modules[kind.__module__])
        for member in names.values():
            if isinstance(member, type) and hasattr(member, "__required_keys__"):
                member.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
        adapter = TypeAdapter(kind)
        adapter.rebuild(_types_namespace={**names, "Mapping": Mapping, "StripeContext": str})
        _adapters[shape] = adapter
    try:
        _adapters[shape].validate_python(parameters)
    except ValidationError as error:
        raise ApiError(
            400,
            "invalid_request_error",
            f"Received unknown or wrong parameters: {error}",
            stored=False,
            code="parameter_unknown",
        ) from None


def decoded(form: str) -> dict[str, Any]:
    """Decode Stripe's form encoding: ``a[b][]`` and ``a[0]`` are nested."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        node = tree
        first, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        path = [first, *rest]
        for part in path[:-1]:
            node = node.setdefault(part, {})
        last = path[-1]
        node[str(len(node)) if last == "" else last] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    plain = {name: _lists(inner) for name, inner in value.items()}
    return list(plain.values()) if plain and all(name.isdigit() for name in plain) else plain


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each response waits 40 ms for a TCP ACK
    server: "StripeServer"

    def _serve(self) -> None:
        account = self.server.account
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fault = account.faults.popleft() if account.faults else None
        if isinstance(fault, threading.Event):
            fault.wait(MAX_WAIT_SECONDS)
        replayed = False
        if isinstance(fault, int):
            status: int = fault
            payload: Any = {"error": {"type": "api_error", "message": "injected fault"}}
        else:
            form = body if self.command == "POST" else query
            headers = {name.title(): value for name, value in self.headers.items()}
            status, payload, replayed = account.respond(self.command, unquote(path), form, headers)
        if fault == "lost" or isinstance(fault, threading.Event):
            self.close_connection = True
            return
        raw = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Request-Id", "req_standin")
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


class StripeServer(ThreadingHTTPServer):
    """The fake on a free port of the loopback interface, until it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.account = StripeAccount()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()
