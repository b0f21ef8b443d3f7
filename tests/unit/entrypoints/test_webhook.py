"""Webhooks: what is signed rightly and just now is let in, and nothing else."""

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
from moto import mock_aws
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

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
KEY = bytes(range(33))
SECRET = base64.b64encode(KEY).decode()
OTHER = base64.b64encode(b"another key of 24 bytes!").decode()
RAW = '{"a":"Ø"}'.encode()


@dataclass
class Known(SigningSecret):
    """A secret that is known without asking for it. ``reads`` counts how often it is asked for."""

    arn: str = ""
    texts: tuple[str, ...] = (SECRET,)
    reads: list[datetime] = field(default_factory=list)

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        return tuple(decode_signing_key(text) for text in self.texts)

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        self.reads.append(at)
        return self.keys(at)


def signed(raw: bytes = RAW, at: datetime = NOW, delivery: str = "msg_1") -> dict[str, str]:
    return sign(KEY, delivery, at, raw)


def test_what_is_signed_rightly_and_now_is_let_in() -> None:
    assert verify_standard_webhook(signed(), RAW, Known(), NOW) == "msg_1"


def test_the_specifications_own_example_is_let_in() -> None:
    """Source: standardwebhooks' README and tests, the vector every implementation shares."""
    at = datetime.fromtimestamp(1614265330, UTC)
    raw = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = Known(texts=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",))
    assert verify_standard_webhook(headers, raw, secret, at) == headers["webhook-id"]


@given(
    raw=st.binary(max_size=200),
    delivery=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1),
    key=st.binary(min_size=24, max_size=64),
)
def test_ours_and_the_published_implementation_sign_alike(
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
    ("spoil", "raw"),
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
def test_what_was_altered_or_forged_is_refused_without_a_hint(
    spoil: dict[str, str], raw: bytes
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        verify_standard_webhook({**signed(), **spoil}, raw, Known(), NOW)
    assert refused.value.code == "signature_invalid"
    assert refused.value.detail == "this delivery is not signed as it must be, or not just now"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_is_refused(missing: str) -> None:
    headers = signed()
    del headers[missing]
    with pytest.raises(Unauthenticated):
        verify_standard_webhook(headers, RAW, Known(), NOW)


@pytest.mark.parametrize(("seconds", "good"), [(300, True), (301, False), (3600, False)])
@pytest.mark.parametrize("side", [1, -1])
def test_a_delivery_is_good_for_five_minutes_to_either_side(
    seconds: int, good: bool, side: int
) -> None:
    headers = signed(at=NOW + timedelta(seconds=side * seconds))
    if good:
        assert verify_standard_webhook(headers, RAW, Known(), NOW)
    else:
        with pytest.raises(Unauthenticated):
            verify_standard_webhook(headers, RAW, Known(), NOW)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Unauthenticated):
        verify_standard_webhook(signed(), RAW, Known(texts=(OTHER,)), NOW)


def test_of_several_signatures_one_that_fits_is_enough() -> None:
    good = signed()["webhook-signature"]
    for header in (f"v1,AAAA {good}", f"{good} v1a,xyz", f"v2,abc {good} v1,%%"):
        assert verify_standard_webhook({**signed(), "webhook-signature": header}, RAW, Known(), NOW)


def test_a_signature_of_another_version_opens_nothing() -> None:
    digest = signed()["webhook-signature"].removeprefix("v1,")
    for version in ("v1a", "v2", "V1", ""):
        with pytest.raises(Unauthenticated):
            verify_standard_webhook(
                {**signed(), "webhook-signature": f"{version},{digest}"}, RAW, Known(), NOW
            )


def test_both_keys_open_while_one_replaces_the_other() -> None:
    assert verify_standard_webhook(signed(), RAW, Known(texts=(OTHER, SECRET)), NOW)


def test_a_delivery_that_is_too_large_is_not_even_looked_at() -> None:
    secret = Known()
    raw = b"x" * (BODY_LIMIT + 1)
    with pytest.raises(PayloadTooLarge):
        verify_standard_webhook(signed(raw), raw, secret, NOW)
    assert verify_standard_webhook(signed(raw[:-1]), raw[:-1], secret, NOW)


@pytest.mark.parametrize("text", [SECRET, f"whsec_{SECRET}", f" whsec_{SECRET}\n"])
def test_a_secret_may_stand_with_its_prefix_or_without(text: str) -> None:
    assert decode_signing_key(text) == KEY


@pytest.mark.parametrize("text", ["whsec_%%%", "whsec_abc"])
def test_a_secret_that_is_none_stops_us(text: str) -> None:
    with pytest.raises(ValueError):
        decode_signing_key(text)


def test_the_published_implementation_accepts_ours_and_we_refuse_what_it_refuses() -> None:
    hook = Webhook(SECRET)
    now = datetime.now(UTC)  # the published implementation looks at the clock itself
    assert hook.verify(RAW.decode(), signed(at=now)) == json.loads(RAW)
    with pytest.raises(WebhookVerificationError):
        hook.verify(RAW.decode() + " ", signed(at=now))


# The secret


@dataclass
class Manager:
    """Secrets Manager with one secret. ``asked`` counts how often it was read."""

    client: Any
    arn: str
    asked: list[str]

    def replace(self, text: str) -> None:
        self.client.put_secret_value(SecretId=self.arn, SecretString=text)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        arn = client.create_secret(Name="hook", SecretString=SECRET)["ARN"]
        asked: list[str] = []
        from shop.entrypoints import webhook

        read: Callable[[str], tuple[bytes, ...]] = webhook._keys_of

        def counted(name: str) -> tuple[bytes, ...]:
            asked.append(name)
            return read(name)

        monkeypatch.setattr(webhook, "_keys_of", counted)
        yield Manager(client, arn, asked)


def test_a_secret_is_read_once_while_it_is_fresh(manager: Manager) -> None:
    secret = SigningSecret(manager.arn)
    assert secret.keys(NOW) == secret.keys(NOW + SECRET_CACHE_TTL - timedelta(seconds=1)) == (KEY,)
    assert len(manager.asked) == 1
    secret.keys(NOW + SECRET_CACHE_TTL)
    assert len(manager.asked) == 2


def test_a_secret_that_was_replaced_opens_at_once_and_so_does_the_one_before(
    manager: Manager,
) -> None:
    secret = SigningSecret(manager.arn)
    assert verify_standard_webhook(signed(), RAW, secret, NOW)
    manager.replace(OTHER)
    later = NOW + MIN_REFETCH_INTERVAL
    anew = sign(decode_signing_key(OTHER), "msg_2", later, RAW)
    assert verify_standard_webhook(anew, RAW, secret, later)
    assert verify_standard_webhook(signed(at=later), RAW, secret, later)


def test_forgeries_do_not_make_us_read_the_secret_over_and_over(manager: Manager) -> None:
    secret = SigningSecret(manager.arn)
    for second in range(29):
        at = NOW + timedelta(seconds=second)
        with pytest.raises(Unauthenticated):
            verify_standard_webhook(
                {**signed(at=at), "webhook-signature": "v1,AAAA"}, RAW, secret, at
            )
    assert len(manager.asked) == 1


def test_a_secret_is_not_shown_where_it_is_printed(manager: Manager) -> None:
    secret = SigningSecret(manager.arn)
    secret.keys(NOW)
    assert repr(KEY)[2:-1] not in repr(secret)


# A secret for each of several senders


def ring_of(manager: Manager, **senders: Any) -> SecretSet:
    arn = manager.client.create_secret(Name="ring", SecretString=json.dumps(senders))["ARN"]
    return SecretSet(arn)


def test_each_sender_has_keys_of_its_own_and_two_while_it_changes_them(manager: Manager) -> None:
    ring = ring_of(manager, ups=f"whsec_{SECRET}", dhl=[OTHER, SECRET])
    assert ring.for_sender("ups", NOW).keys(NOW) == (KEY,)
    assert ring.for_sender("dhl", NOW).keys(NOW) == (decode_signing_key(OTHER), KEY)
    assert verify_standard_webhook(signed(), RAW, ring.for_sender("ups", NOW), NOW)


def test_a_sender_nobody_named_is_not_found(manager: Manager) -> None:
    with pytest.raises(NotFound):
        ring_of(manager, ups=SECRET).for_sender("dhl", NOW)


def test_a_sender_that_was_just_named_is_found_and_one_taken_out_is_not(manager: Manager) -> None:
    ring = ring_of(manager, ups=SECRET)
    ring.for_sender("ups", NOW)
    manager.client.put_secret_value(SecretId=ring.arn, SecretString=json.dumps({"dhl": OTHER}))
    with pytest.raises(NotFound):
        ring.for_sender("dhl", NOW + MIN_REFETCH_INTERVAL - timedelta(seconds=1))
    assert ring.for_sender("dhl", NOW + MIN_REFETCH_INTERVAL).keys(NOW + MIN_REFETCH_INTERVAL) == (
        decode_signing_key(OTHER),
    )
    with pytest.raises(NotFound):
        ring.for_sender("ups", NOW + SECRET_CACHE_TTL)


def test_a_key_that_was_replaced_opens_nothing_once_it_is_read_anew(manager: Manager) -> None:
    ring = ring_of(manager, ups=SECRET)
    assert verify_standard_webhook(signed(), RAW, ring.for_sender("ups", NOW), NOW)
    manager.client.put_secret_value(SecretId=ring.arn, SecretString=json.dumps({"ups": OTHER}))
    later = NOW + MIN_REFETCH_INTERVAL
    anew = sign(decode_signing_key(OTHER), "msg_2", later, RAW)
    assert verify_standard_webhook(anew, RAW, ring.for_sender("ups", later), later)
    with pytest.raises(Unauthenticated):
        verify_standard_webhook(signed(at=later), RAW, ring.for_sender("ups", later), later)


def test_a_ring_is_not_shown_where_it_is_printed(manager: Manager) -> None:
    ring = ring_of(manager, ups=SECRET)
    one = ring.for_sender("ups", NOW)
    assert repr(KEY)[2:-1] not in repr(one)


# Sending


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    heard: list[tuple[dict[str, str], bytes]] = []
    answers = [202]

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            heard.append(({k.lower(): v for k, v in self.headers.items()}, raw))
            self.send_response(answers[0])
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard, answers
    server.shutdown()
    server.server_close()


def test_what_we_send_verifies(receiver: Any) -> None:
    url, heard, _ = receiver
    send_webhook(url, {"reference": "pay_1"}, "msg_9", Known(), NOW)
    ((headers, raw),) = heard
    assert json.loads(raw) == {"reference": "pay_1"}
    assert headers["content-type"] == "application/json"
    assert verify_standard_webhook(headers, raw, Known(), NOW) == "msg_9"


@pytest.mark.parametrize("status", [400, 401, 413, 500, 503])
def test_what_is_not_taken_is_to_be_sent_again(receiver: Any, status: int) -> None:
    url, _, answers = receiver
    answers[0] = status
    with pytest.raises(Unavailable):
        send_webhook(url, {}, "msg_9", Known(), NOW)


def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(Unavailable):
        send_webhook("http://127.0.0.1:9/hook", {}, "msg_9", Known(), NOW)
