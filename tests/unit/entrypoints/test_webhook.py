"""Webhooks: verification of signatures and timestamps, secrets, and deliveries of our own."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shop.entrypoints.webhook import (
    BODY_LIMIT,
    MIN_REFETCH_INTERVAL,
    SECRET_CACHE_TTL,
    SecretSet,
    SigningSecret,
    decode_signing_key,
    send_webhook,
    sign,
    verify_standard_webhook,
)
from shop.kernel.errors import NotFound, PayloadTooLarge, Unauthenticated, Unavailable
from tests.kit.shop import mock_aws

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
KEY = bytes(range(33))
SECRET = base64.b64encode(KEY).decode()
OTHER = base64.b64encode(b"another key of 24 bytes!").decode()
RAW = '{"a":"Ø"}'.encode()


@dataclass
class FixedSecret(SigningSecret):
    """A secret without Secrets Manager. ``refreshes`` records when it was read again."""

    arn: str = ""
    texts: tuple[str, ...] = (SECRET,)
    refreshes: list[datetime] = field(default_factory=list)

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        return tuple(decode_signing_key(text) for text in self.texts)

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        self.refreshes.append(at)
        return self.keys(at)


def signed(raw: bytes = RAW, at: datetime = NOW, delivery: str = "msg_1") -> dict[str, str]:
    return sign(KEY, delivery, at, raw)


def test_valid_recent_delivery_is_accepted() -> None:
    assert verify_standard_webhook(signed(), RAW, FixedSecret(), NOW) == "msg_1"


def test_example_of_the_specification_is_accepted() -> None:
    """Source: standardwebhooks' README and tests, the vector every implementation shares."""
    at = datetime.fromtimestamp(1614265330, UTC)
    raw = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = FixedSecret(texts=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",))
    assert verify_standard_webhook(headers, raw, secret, at) == headers["webhook-id"]


@given(
    raw=st.binary(max_size=200),
    delivery=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1),
    key=st.binary(min_size=24, max_size=64),
)
def test_signature_equals_that_of_the_published_library(
    raw: bytes, delivery: str, key: bytes
) -> None:
    ours = sign(key, delivery, NOW, raw)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    theirs = Webhook(base64.b64encode(key).decode()).sign(delivery, NOW, text)
    assert ours["webhook-signature"] == theirs


@pytest.mark.parametrize(
    ("altered", "raw"),
    [
        ({}, RAW + b" "),
        ({}, b""),
        ({"webhook-id": "msg_2"}, RAW),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, RAW),
        ({"webhook-signature": "v1,AAAA"}, RAW),
        ({"webhook-signature": "v1,"}, RAW),
        ({"webhook-signature": ""}, RAW),
        ({"webhook-signature": "v1,%%%"}, RAW),
        ({"webhook-signature": "garbage"}, RAW),
        ({"webhook-signature": "Ø"}, RAW),
        ({"webhook-id": ""}, RAW),
        ({"webhook-id": "x" * 256}, RAW),
        ({"webhook-id": "Ø"}, RAW),
        ({"webhook-timestamp": ""}, RAW),
        ({"webhook-timestamp": "now"}, RAW),
        ({"webhook-timestamp": "1e9"}, RAW),
        ({"webhook-timestamp": "-5"}, RAW),
        ({"webhook-timestamp": "٣"}, RAW),
        ({"webhook-timestamp": "9" * 400}, RAW),
    ],
)
def test_altered_delivery_is_rejected_without_a_reason(altered: dict[str, str], raw: bytes) -> None:
    with pytest.raises(Unauthenticated) as error:
        verify_standard_webhook({**signed(), **altered}, raw, FixedSecret(), NOW)
    assert error.value.code == "signature_invalid"
    assert error.value.detail == "The signature or the timestamp of this delivery is invalid."


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_header_is_rejected(missing: str) -> None:
    headers = signed()
    del headers[missing]
    with pytest.raises(Unauthenticated):
        verify_standard_webhook(headers, RAW, FixedSecret(), NOW)


@pytest.mark.parametrize(("seconds", "valid"), [(300, True), (301, False), (3600, False)])
@pytest.mark.parametrize("side", [1, -1])
def test_timestamp_is_valid_for_five_minutes_in_both_directions(
    seconds: int, valid: bool, side: int
) -> None:
    headers = signed(at=NOW + timedelta(seconds=side * seconds))
    if valid:
        assert verify_standard_webhook(headers, RAW, FixedSecret(), NOW)
    else:
        with pytest.raises(Unauthenticated):
            verify_standard_webhook(headers, RAW, FixedSecret(), NOW)


def test_signature_with_another_key_is_rejected() -> None:
    with pytest.raises(Unauthenticated):
        verify_standard_webhook(signed(), RAW, FixedSecret(texts=(OTHER,)), NOW)


def test_one_valid_signature_of_several_is_enough() -> None:
    valid = signed()["webhook-signature"]
    for header in (f"v1,AAAA {valid}", f"{valid} v1a,xyz", f"v2,abc {valid} v1,%%"):
        assert verify_standard_webhook(
            {**signed(), "webhook-signature": header}, RAW, FixedSecret(), NOW
        )


def test_signature_of_another_version_is_rejected() -> None:
    digest = signed()["webhook-signature"].removeprefix("v1,")
    for version in ("v1a", "v2", "V1", ""):
        with pytest.raises(Unauthenticated):
            verify_standard_webhook(
                {**signed(), "webhook-signature": f"{version},{digest}"}, RAW, FixedSecret(), NOW
            )


def test_both_keys_are_valid_during_a_rotation() -> None:
    assert verify_standard_webhook(signed(), RAW, FixedSecret(texts=(OTHER, SECRET)), NOW)


def test_too_large_delivery_is_rejected() -> None:
    secret = FixedSecret()
    raw = b"x" * (BODY_LIMIT + 1)
    with pytest.raises(PayloadTooLarge):
        verify_standard_webhook(signed(raw), raw, secret, NOW)
    assert verify_standard_webhook(signed(raw[:-1]), raw[:-1], secret, NOW)


@pytest.mark.parametrize("text", [SECRET, f"whsec_{SECRET}", f" whsec_{SECRET}\n"])
def test_secret_is_read_with_or_without_prefix(text: str) -> None:
    assert decode_signing_key(text) == KEY


@pytest.mark.parametrize("text", ["whsec_%%%", "whsec_abc"])
def test_malformed_secret_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode_signing_key(text)


def test_published_library_accepts_our_signature_only_unaltered() -> None:
    hook = Webhook(SECRET)
    now = datetime.now(UTC)  # the library reads the clock itself
    assert hook.verify(RAW.decode(), signed(at=now)) == json.loads(RAW)
    with pytest.raises(WebhookVerificationError):
        hook.verify(RAW.decode() + " ", signed(at=now))


# One secret


@dataclass
class SecretsManager:
    """Secrets Manager with one secret. ``reads`` lists the secrets that were read."""

    client: Any
    arn: str
    reads: list[str]

    def rotate(self, text: str) -> None:
        self.client.put_secret_value(SecretId=self.arn, SecretString=text)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        arn = client.create_secret(Name="hook", SecretString=SECRET)["ARN"]
        reads: list[str] = []
        from shop.entrypoints import webhook

        fetch_keys: Callable[[str], tuple[bytes, ...]] = webhook._fetch_keys

        def counted(name: str) -> tuple[bytes, ...]:
            reads.append(name)
            return fetch_keys(name)

        monkeypatch.setattr(webhook, "_fetch_keys", counted)
        yield SecretsManager(client, arn, reads)


def test_secret_is_cached(manager: SecretsManager) -> None:
    secret = SigningSecret(manager.arn)
    assert secret.keys(NOW) == secret.keys(NOW + SECRET_CACHE_TTL - timedelta(seconds=1)) == (KEY,)
    assert len(manager.reads) == 1
    secret.keys(NOW + SECRET_CACHE_TTL)
    assert len(manager.reads) == 2


def test_rotated_secret_and_its_predecessor_are_valid_at_once(
    manager: SecretsManager,
) -> None:
    secret = SigningSecret(manager.arn)
    assert verify_standard_webhook(signed(), RAW, secret, NOW)
    manager.rotate(OTHER)
    later = NOW + MIN_REFETCH_INTERVAL
    with_new_key = sign(decode_signing_key(OTHER), "msg_2", later, RAW)
    assert verify_standard_webhook(with_new_key, RAW, secret, later)
    assert verify_standard_webhook(signed(at=later), RAW, secret, later)


def test_forged_deliveries_do_not_cause_a_read_each(manager: SecretsManager) -> None:
    secret = SigningSecret(manager.arn)
    for second in range(29):
        at = NOW + timedelta(seconds=second)
        with pytest.raises(Unauthenticated):
            verify_standard_webhook(
                {**signed(at=at), "webhook-signature": "v1,AAAA"}, RAW, secret, at
            )
    assert len(manager.reads) == 1


def test_repr_of_a_secret_hides_its_key(manager: SecretsManager) -> None:
    secret = SigningSecret(manager.arn)
    secret.keys(NOW)
    assert repr(KEY)[2:-1] not in repr(secret)


# Secrets of several senders


def secret_set_of(manager: SecretsManager, **senders: Any) -> SecretSet:
    arn = manager.client.create_secret(Name="senders", SecretString=json.dumps(senders))["ARN"]
    return SecretSet(arn)


def replace_senders(manager: SecretsManager, secret_set: SecretSet, **senders: Any) -> None:
    text = json.dumps(senders)
    manager.client.put_secret_value(SecretId=secret_set.arn, SecretString=text)


def test_each_sender_has_its_own_keys_and_two_during_a_rotation(manager: SecretsManager) -> None:
    secret_set = secret_set_of(manager, ups=f"whsec_{SECRET}", dhl=[OTHER, SECRET])
    assert secret_set.for_sender("ups", NOW).keys(NOW) == (KEY,)
    assert secret_set.for_sender("dhl", NOW).keys(NOW) == (decode_signing_key(OTHER), KEY)
    assert verify_standard_webhook(signed(), RAW, secret_set.for_sender("ups", NOW), NOW)


def test_unknown_sender_is_not_found(manager: SecretsManager) -> None:
    with pytest.raises(NotFound):
        secret_set_of(manager, ups=SECRET).for_sender("dhl", NOW)


def test_added_sender_is_found_and_removed_one_is_not(manager: SecretsManager) -> None:
    secret_set = secret_set_of(manager, ups=SECRET)
    secret_set.for_sender("ups", NOW)
    manager.client.put_secret_value(
        SecretId=secret_set.arn, SecretString=json.dumps({"dhl": OTHER})
    )
    with pytest.raises(NotFound):
        secret_set.for_sender("dhl", NOW + MIN_REFETCH_INTERVAL - timedelta(seconds=1))
    assert secret_set.for_sender("dhl", NOW + MIN_REFETCH_INTERVAL).keys(
        NOW + MIN_REFETCH_INTERVAL
    ) == (decode_signing_key(OTHER),)
    with pytest.raises(NotFound):
        secret_set.for_sender("ups", NOW + SECRET_CACHE_TTL)


def test_replaced_key_is_invalid_after_the_next_read(manager: SecretsManager) -> None:
    secret_set = secret_set_of(manager, ups=SECRET)
    assert verify_standard_webhook(signed(), RAW, secret_set.for_sender("ups", NOW), NOW)
    manager.client.put_secret_value(
        SecretId=secret_set.arn, SecretString=json.dumps({"ups": OTHER})
    )
    later = NOW + MIN_REFETCH_INTERVAL
    with_new_key = sign(decode_signing_key(OTHER), "msg_2", later, RAW)
    assert verify_standard_webhook(with_new_key, RAW, secret_set.for_sender("ups", later), later)
    with pytest.raises(Unauthenticated):
        verify_standard_webhook(signed(at=later), RAW, secret_set.for_sender("ups", later), later)


def test_repr_of_sender_secrets_hides_the_keys(manager: SecretsManager) -> None:
    secret_set = secret_set_of(manager, ups=SECRET)
    sender_secrets = secret_set.for_sender("ups", NOW)
    assert repr(KEY)[2:-1] not in repr(sender_secrets)


# Sending


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    deliveries: list[tuple[dict[str, str], bytes]] = []
    statuses = [202]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            deliveries.append(({k.lower(): v for k, v in self.headers.items()}, raw))
            self.send_response(statuses[0])
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", deliveries, statuses
    server.shutdown()
    server.server_close()


def test_sent_delivery_can_be_verified(receiver: Any) -> None:
    url, deliveries, _ = receiver
    send_webhook(url, {"reference": "pay_1"}, "msg_9", FixedSecret(), NOW)
    ((headers, raw),) = deliveries
    assert json.loads(raw) == {"reference": "pay_1"}
    assert headers["content-type"] == "application/json"
    assert verify_standard_webhook(headers, raw, FixedSecret(), NOW) == "msg_9"


@pytest.mark.parametrize("status", [400, 401, 413, 500, 503])
def test_rejected_delivery_raises_unavailable(receiver: Any, status: int) -> None:
    url, _, statuses = receiver
    statuses[0] = status
    with pytest.raises(Unavailable):
        send_webhook(url, {}, "msg_9", FixedSecret(), NOW)


def test_unreachable_receiver_raises_unavailable() -> None:
    with pytest.raises(Unavailable):
        send_webhook("http://127.0.0.1:9/hook", {}, "msg_9", FixedSecret(), NOW)
