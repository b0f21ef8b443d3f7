"""The payment sandbox, through its handlers."""

from typing import Any

import pytest

from functions.sandbox import answer_challenge, get_challenge, list_test_tokens, settle_payment
from functions.sandbox.manifest import FEATURE
from shop.entrypoints.webhook import SigningSecret, verify_standard_webhook
from shop.kernel.errors import Unavailable
from shop.payments.model import PaymentStatus
from shop.payments.schemas import SANDBOX_TOKENS
from tests.kit.order_fixtures import (
    WEBHOOK_KEY,
    messages,
    order_fixture,
    order_placed_today,
    put_secrets,
    receive_all,
)
from tests.kit.shop import ApiResponse, Context, call

PAGE = "GET /sandbox/challenges/{reference}"
ANSWER = "POST /sandbox/challenges/{reference}"

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _public_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "public")


def pay_with_challenge(token: str = "tok_challenge") -> str:
    fixture = order_fixture()
    order = fixture.pay(fixture.place(order_placed_today()), token)
    reference = order.payment.reference
    assert reference
    return reference


def send_answer(reference: str, body: Any) -> ApiResponse:
    return call(answer_challenge.handler, ANSWER, body, reference=reference)


def test_sandbox_describes_itself() -> None:
    document = call(list_test_tokens.handler, "GET /sandbox").json
    assert document["notice"] == "This is a payment sandbox. No money moves here."
    assert "No money" in document["notice"]
    assert set(document["tokens"]) == set(SANDBOX_TOKENS)


def test_production_has_no_sandbox() -> None:
    assert FEATURE.stages == frozenset({"local", "test", "dev"})


def test_challenge_shows_a_page() -> None:
    page = call(get_challenge.handler, PAGE, reference=pay_with_challenge())
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src 'unsafe-inline'" in page.headers["Content-Security-Policy"]
    assert "Approve" in page.text
    assert "jane@example.com" not in page.text


@pytest.mark.parametrize(("approved", "status"), [(True, "authorized"), (False, "failed")])
def test_challenge_answer_is_queued_for_a_webhook(approved: bool, status: str) -> None:
    reference = pay_with_challenge()
    response = send_answer(reference, {"approved": approved})
    assert (response.status, response.json) == (200, {"reference": reference, "status": status})
    assert receive_all("QUEUE_SANDBOX_SETTLEMENTS") == [{"reference": reference}]


def test_repeated_answer_is_accepted_and_another_rejected() -> None:
    reference = pay_with_challenge()
    assert [send_answer(reference, {"approved": True}).status for _ in range(2)] == [200, 200]
    assert send_answer(reference, {"approved": False}).status == 409


@pytest.mark.parametrize("body", [{}, {"approved": "yes"}, {"approved": 1}, None, [], {"x": True}])
def test_invalid_answer_is_rejected(body: Any) -> None:
    reference = pay_with_challenge()
    assert send_answer(reference, body).status == 400
    assert receive_all("QUEUE_SANDBOX_SETTLEMENTS") == []


@pytest.mark.parametrize("reference", ["pay_nobodys", "x", "ord_1", "%00", "x" * 500])
def test_unknown_payment_returns_404(reference: str) -> None:
    assert send_answer(reference, {"approved": True}).status == 404
    assert call(get_challenge.handler, PAGE, reference=reference).status == 404


def test_payment_without_challenge_rejects_an_answer() -> None:
    assert send_answer(pay_with_challenge("tok_never"), {"approved": True}).status == 409


# Settlement and its webhook


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, str]]:
    """Collect webhooks instead of sending them over HTTP."""
    response: list[tuple[str, Any, str]] = []

    def deliver(url: str, body: Any, delivery: str, secret: SigningSecret, at: Any) -> None:
        response.append((url, body, delivery))

    monkeypatch.setattr(settle_payment, "send_webhook", deliver)
    return response


def settle(reference: str) -> list[str]:
    result = settle_payment.handler(messages({"reference": reference}), Context())
    return [each["itemIdentifier"] for each in result["batchItemFailures"]]


@pytest.mark.parametrize(
    ("token", "status"), [("tok_pending", "authorized"), ("tok_pending_declined", "failed")]
)
def test_pending_payment_is_settled_and_sends_a_webhook(
    sent: list[Any], token: str, status: str
) -> None:
    reference = pay_with_challenge(token)
    assert settle(reference) == []
    url = "http://shop.test/webhooks/payments/sandbox"
    assert sent == [(url, {"type": f"payment.{status}", "reference": reference}, "m0")]
    report = provider_status(reference)
    assert report is PaymentStatus(status)


def provider_status(reference: str) -> PaymentStatus:
    status: PaymentStatus = settle_payment.sandbox.get_payment(reference)[1].status
    return status


def test_repeated_settlement_settles_once_and_sends_two_webhooks(sent: list[Any]) -> None:
    reference = pay_with_challenge("tok_pending")
    assert settle(reference) + settle(reference) == []
    assert [body for _, body, _ in sent] == [
        {"type": "payment.authorized", "reference": reference}
    ] * 2


def test_failed_webhook_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(*_: Any) -> None:
        raise Unavailable("the endpoint is down")

    monkeypatch.setattr(settle_payment, "send_webhook", deliver)
    assert settle(pay_with_challenge("tok_pending")) == ["m0"]


def test_sent_webhook_is_signed_with_the_stage_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    requests: list[Any] = []

    class EmptyResponse:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: Any) -> None: ...

    def urlopen(request: Any, timeout: float) -> EmptyResponse:
        requests.append((request.full_url, request.headers, request.data, timeout))
        return EmptyResponse()

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    settle_payment.secret._read_at = None
    assert settle(pay_with_challenge("tok_pending")) == []
    ((url, headers, raw, timeout),) = requests
    assert url == "http://shop.test/webhooks/payments/sandbox"
    assert 0 < timeout <= 10
    plain = {name.lower(): value for name, value in headers.items()}
    from datetime import UTC, datetime

    known = SigningSecret("sandbox-webhook")
    assert verify_standard_webhook(plain, raw, known, datetime.now(UTC)) == "m0"
    assert WEBHOOK_KEY not in str(requests)
