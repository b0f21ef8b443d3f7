"""Webhooks as Standard Webhooks signs them: who sent this, unaltered, and just now.

The signature is the base64 of HMAC-SHA256 over ``<id>.<timestamp>.<raw body>``; the header may hold
several, while the sender changes its key. Timestamps five minutes off, to *either* side, are
refused: a recorded delivery must not work later, nor one made for the future.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from shop.kernel.errors import NotFound, PayloadTooLarge, Unauthenticated, Unavailable
from shop.kernel.frozen import frozen

TOLERANCE = timedelta(minutes=5)
BODY_LIMIT = 64 * 1024
"""Bytes of a delivery. It goes on a queue, whose messages hold 256 KB in all."""
TIMEOUT_SECONDS = 5
"""Seconds that a receiver has to answer."""
SECRET_CACHE_TTL = timedelta(minutes=5)
"""How long a warm Lambda keeps a secret."""
MIN_REFETCH_INTERVAL = timedelta(seconds=30)
"""How often, at most, a signature that does not fit makes a warm Lambda read the secret anew."""


@dataclass
class SigningSecret:
    """A signing secret from Secrets Manager, kept in a warm Lambda for :data:`KEPT`.

    While a secret is being replaced both the current and the previous one are good.
    """

    arn: str
    _keys: tuple[bytes, ...] = field(default=(), repr=False)
    _read_at: datetime | None = None

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        """The keys that are good now."""
        if self._read_at is None or at - self._read_at >= SECRET_CACHE_TTL:
            self._keys, self._read_at = self._fetched(), at
        return self._keys

    def _fetched(self) -> tuple[bytes, ...]:
        return _keys_of(self.arn)

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        """The keys once more, read anew if they were not read just now: they may have changed."""
        if self._read_at is None or at - self._read_at >= MIN_REFETCH_INTERVAL:
            self._read_at = None
        return self.keys(at)


@dataclass
class RawSigningSecret(SigningSecret):
    """A signing secret whose every character is part of the key, as :func:`stamped` takes it."""

    def _fetched(self) -> tuple[bytes, ...]:
        return tuple(text.strip().encode() for text in _texts_of(self.arn))


@dataclass
class SecretSet:
    """Signing secrets of several senders, in one secret of Secrets Manager kept as :class:`Secret`.

    It holds a JSON object: the sender's name, and its secret or, while that is being replaced, a
    list of two. A sender that is not named does not exist; one that is taken out, and a secret that
    is, are no longer good once a warm Lambda has read it anew.
    """

    arn: str
    _keys: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    _read_at: datetime | None = None

    def for_sender(self, sender: str, at: datetime) -> "SenderSecrets":
        """The keys of one sender. Raises :class:`NotFound` for one that is not named."""
        if not self.has_sender(sender, at):
            raise NotFound("nobody of this name sends us anything")
        return SenderSecrets(self, sender)

    def has_sender(self, sender: str, at: datetime) -> bool:
        """Whether anybody of this name sends us anything."""
        return sender in self._kept(at, SECRET_CACHE_TTL) or sender in self._kept(
            at, MIN_REFETCH_INTERVAL
        )

    def _kept(self, at: datetime, most: timedelta) -> Mapping[str, tuple[bytes, ...]]:
        if self._read_at is None or at - self._read_at >= most:
            self._keys, self._read_at = _ring_of(self.arn), at
        return self._keys


@frozen(slots=False)
class SenderSecrets:
    """What :func:`verified` needs of one sender's secret."""

    ring: SecretSet
    sender: str

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        return self.ring._kept(at, SECRET_CACHE_TTL).get(self.sender, ())

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        return self.ring._kept(at, MIN_REFETCH_INTERVAL).get(self.sender, ())


class SigningKeys(Protocol):
    """The keys that are good now, and once more after they may have changed."""

    def keys(self, at: datetime) -> tuple[bytes, ...]: ...

    def refreshed(self, at: datetime) -> tuple[bytes, ...]: ...


def verify_standard_webhook(
    headers: Mapping[str, str], raw: bytes, signing_keys: SigningKeys, at: datetime
) -> str:
    """The id of a delivery whose signature is good.

    Raises :class:`TooLarge`, and :class:`Unauthenticated` without saying which part was wrong: who
    tries to forge learns nothing.
    """
    if len(raw) > BODY_LIMIT:
        raise PayloadTooLarge(f"the body has {len(raw)} bytes; {BODY_LIMIT} are read at most")
    delivery = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = _given(headers.get("webhook-signature", ""))
    named = 0 < len(delivery) <= 255 and delivery.isascii()
    if not named or not given or not _timely(timestamp, at):
        raise _refused()
    signed = b".".join((delivery.encode(), timestamp.encode(), raw))
    if not _fits(signed, given, signing_keys.keys(at)) and not _fits(
        signed, given, signing_keys.refreshed(at)
    ):
        raise _refused()
    return delivery


def verify_stripe_signature(
    header: str, raw: bytes, signing_keys: SigningKeys, at: datetime
) -> None:
    """Let in what is signed as ``t=<seconds>,v1=<hex>``, by whoever keeps to that form (Stripe).

    The signature is HMAC-SHA256 over ``<t>.<raw body>``; there are several while the sender changes
    its secret. As with :func:`verified`, a time off to either side is refused: Stripe's own library
    takes one of the future. Source: https://docs.stripe.com/webhooks#verify-manually
    """
    message = [part.partition("=")[::2] for part in header.split(",")]
    timestamp = next((value for name, value in message if name.strip() == "t"), "")
    given = [value.encode() for name, value in message if name.strip() == "v1" and value.isascii()]
    if not given or not _timely(timestamp, at):
        raise _refused()
    signed = timestamp.encode() + b"." + raw

    def fits(keys: Iterable[bytes]) -> bool:
        expected = [hmac.new(key, signed, hashlib.sha256).hexdigest().encode() for key in keys]
        return any(hmac.compare_digest(one, other) for one in given for other in expected)

    if not fits(signing_keys.keys(at)) and not fits(signing_keys.refreshed(at)):
        raise _refused()


def sign(key: bytes, delivery: str, at: datetime, raw: bytes) -> dict[str, str]:
    """The headers of a delivery signed now, for a sender of ours."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((delivery.encode(), timestamp.encode(), raw))
    digest = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "webhook-id": delivery,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{digest}",
    }


def send_webhook(
    url: str, body: Mapping[str, Any], delivery: str, secret: SigningSecret, at: datetime
) -> None:
    """Send a signed delivery of ours. Raises :class:`Unavailable` for any answer but 2xx."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    headers = sign(secret.keys(at)[0], delivery, at, raw)
    request = urllib.request.Request(  # noqa: S310  the shop's own address, from its settings
        url, raw, {"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            return
    except OSError as error:
        raise Unavailable(f"the delivery was not taken: {error}") from None


def decode_signing_key(secret: str) -> bytes:
    """The key in a secret: what stands in base64 behind ``whsec_``, with or without that prefix."""
    return base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "this delivery is not signed as it must be, or not just now", code="signature_invalid"
    )


def _timely(timestamp: str, at: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(at.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()


def _given(header: str) -> list[bytes]:
    """The ``v1`` signatures of the header; those of other versions are passed over."""
    problems = []
    for part in header.split(" "):
        version, _, text = part.partition(",")
        if version == "v1":
            try:
                problems.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return problems


def _fits(signed: bytes, given: Iterable[bytes], keys: Iterable[bytes]) -> bool:
    expected = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    return any(hmac.compare_digest(one, other) for one in given for other in expected)


def _manager() -> Any:
    import boto3  # built with the first delivery, so that a bare cold start does without

    return boto3.client("secretsmanager")


def _ring_of(arn: str) -> dict[str, tuple[bytes, ...]]:
    ring = json.loads(_manager().get_secret_value(SecretId=arn)["SecretString"])
    return {
        sender: tuple(
            decode_signing_key(text) for text in ([texts] if isinstance(texts, str) else texts)
        )
        for sender, texts in ring.items()
    }


def _keys_of(arn: str) -> tuple[bytes, ...]:
    return tuple(decode_signing_key(text) for text in _texts_of(arn))


def _texts_of(arn: str) -> list[str]:
    """The current secret and, while it is being replaced, the one before."""
    manager = _manager()
    texts = [str(manager.get_secret_value(SecretId=arn)["SecretString"])]
    try:
        previous: Any = manager.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
        texts.append(str(previous["SecretString"]))
    except manager.exceptions.ResourceNotFoundException:
        pass
    return texts
