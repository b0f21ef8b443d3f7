"""Signed webhooks: verification of deliveries from others, and deliveries of our own.

Deliveries follow Standard Webhooks. The signature is the base64 form of HMAC-SHA256 over
``<id>.<timestamp>.<raw body>``; the header may hold several signatures while the sender rotates its
key. Timestamps more than five minutes in the past or in the future are rejected: a recorded
delivery must not work later, nor one prepared for the future.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import json
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from shop.kernel.errors import NotFound, PayloadTooLarge, Unauthenticated, Unavailable
from shop.kernel.frozen import frozen

TOLERANCE = timedelta(minutes=5)
BODY_LIMIT = 64 * 1024
"""Maximum bytes of a delivery. It goes on a queue, whose messages hold 256 KB in total."""
TIMEOUT_SECONDS = 5
"""Timeout of a delivery of our own."""
SECRET_CACHE_TTL = timedelta(minutes=5)
"""How long a warm Lambda caches a secret."""
MIN_REFETCH_INTERVAL = timedelta(seconds=30)
"""Minimum time between two reads of a secret that invalid signatures cause."""


class SigningKeys(Protocol):
    """The valid keys of one sender."""

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        """Return the valid keys, possibly cached."""

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        """Return the keys after a new read, unless the last read is very recent."""


# -------------------------------------------------------------------------------------- secrets


@dataclass
class SigningSecret:
    """A signing secret in Secrets Manager, cached for :data:`SECRET_CACHE_TTL`.

    During a rotation, both the current and the previous secret are valid.
    """

    arn: str
    _keys: tuple[bytes, ...] = field(default=(), repr=False)
    _read_at: datetime | None = None

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        """Return the valid keys."""
        if self._read_at is None or at - self._read_at >= SECRET_CACHE_TTL:
            self._keys, self._read_at = self._fetch(), at
        return self._keys

    def _fetch(self) -> tuple[bytes, ...]:
        return _fetch_keys(self.arn)

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        """Return the keys, read again unless they were read within the last 30 seconds."""
        # Limited: forged deliveries must not cause a read each.
        if self._read_at is None or at - self._read_at >= MIN_REFETCH_INTERVAL:
            self._read_at = None
        return self.keys(at)


@dataclass
class RawSigningSecret(SigningSecret):
    """A signing secret whose characters are the key itself, as for Stripe signatures."""

    def _fetch(self) -> tuple[bytes, ...]:
        return tuple(text.strip().encode() for text in _fetch_secret_texts(self.arn))


@dataclass
class SecretSet:
    """Signing secrets of several senders in one secret of Secrets Manager.

    The secret is a JSON object from the sender's name to its key, or to a list of two keys during a
    rotation. It is cached like a :class:`SigningSecret`: removed senders and keys become invalid
    with the next read.
    """

    arn: str
    _keys: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict, repr=False)
    _read_at: datetime | None = None

    def for_sender(self, sender: str, at: datetime) -> "SenderSecrets":
        """Return the keys of one sender. Raises :class:`NotFound` for an unknown one."""
        if not self.has_sender(sender, at):
            raise NotFound("No webhook sender has this name. Check the last part of the address.")
        return SenderSecrets(self, sender)

    def has_sender(self, sender: str, at: datetime) -> bool:
        """Return whether a sender of this name is configured."""
        # A sender may be new, so an unknown name causes a read, at most one per 30 seconds.
        return sender in self.keys_by_sender(at, SECRET_CACHE_TTL) or sender in self.keys_by_sender(
            at, MIN_REFETCH_INTERVAL
        )

    def keys_by_sender(self, at: datetime, max_age: timedelta) -> Mapping[str, tuple[bytes, ...]]:
        """Return the keys of all senders, read again if they are older than ``max_age``."""
        if self._read_at is None or at - self._read_at >= max_age:
            self._keys, self._read_at = _fetch_keys_by_sender(self.arn), at
        return self._keys


@frozen(slots=False)
class SenderSecrets:
    """The :class:`SigningKeys` of one sender in a set."""

    secret_set: SecretSet
    sender: str

    def keys(self, at: datetime) -> tuple[bytes, ...]:
        return self.secret_set.keys_by_sender(at, SECRET_CACHE_TTL).get(self.sender, ())

    def refreshed(self, at: datetime) -> tuple[bytes, ...]:
        return self.secret_set.keys_by_sender(at, MIN_REFETCH_INTERVAL).get(self.sender, ())


def decode_signing_key(secret: str) -> bytes:
    """Return the key of a secret: its base64 part, with or without the prefix ``whsec_``."""
    return base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)


def _secrets_manager() -> Any:
    import boto3  # lazy: the first delivery needs it, the cold start does not

    return boto3.client("secretsmanager")


def _fetch_keys_by_sender(arn: str) -> dict[str, tuple[bytes, ...]]:
    secrets = json.loads(_secrets_manager().get_secret_value(SecretId=arn)["SecretString"])
    return {
        sender: tuple(
            decode_signing_key(text) for text in ([texts] if isinstance(texts, str) else texts)
        )
        for sender, texts in secrets.items()
    }


def _fetch_keys(arn: str) -> tuple[bytes, ...]:
    return tuple(decode_signing_key(text) for text in _fetch_secret_texts(arn))


def _fetch_secret_texts(arn: str) -> list[str]:
    """Return the current secret and, during a rotation, the previous one."""
    client = _secrets_manager()
    texts = [str(client.get_secret_value(SecretId=arn)["SecretString"])]
    try:
        previous: Any = client.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
        texts.append(str(previous["SecretString"]))
    except client.exceptions.ResourceNotFoundException:
        pass  # the secret was never rotated
    return texts


# --------------------------------------------------------------------------------- verification


def verify_standard_webhook(
    headers: Mapping[str, str], raw: bytes, signing_keys: SigningKeys, at: datetime
) -> str:
    """Verify a delivery and return its id.

    Raises :class:`PayloadTooLarge`, or :class:`Unauthenticated` without the reason, so that a
    forger learns nothing.
    """
    if len(raw) > BODY_LIMIT:
        raise PayloadTooLarge(f"The body has {len(raw)} bytes; it must have at most {BODY_LIMIT}.")
    delivery = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = _v1_signatures(headers.get("webhook-signature", ""))
    valid_id = 0 < len(delivery) <= 255 and delivery.isascii()
    if not valid_id or not signatures or not _is_recent(timestamp, at):
        raise _invalid_signature()
    signed = b".".join((delivery.encode(), timestamp.encode(), raw))

    def digest(key: bytes) -> bytes:
        return hmac.digest(key, signed, hashlib.sha256)

    _require_match(signatures, digest, signing_keys, at)
    return delivery


def verify_stripe_signature(
    header: str, raw: bytes, signing_keys: SigningKeys, at: datetime
) -> None:
    """Verify a signature of the form ``t=<seconds>,v1=<hex>``.

    It is HMAC-SHA256 over ``<t>.<raw body>``; there are several during a rotation. Stripe's own
    library accepts timestamps in the future, this function does not, as for Standard Webhooks.
    Raises :class:`Unauthenticated`. Source: https://docs.stripe.com/webhooks#verify-manually
    """
    pairs = [part.partition("=")[::2] for part in header.split(",")]
    timestamp = next((value for name, value in pairs if name.strip() == "t"), "")
    signatures = [v.encode() for name, v in pairs if name.strip() == "v1" and v.isascii()]
    if not signatures or not _is_recent(timestamp, at):
        raise _invalid_signature()
    signed = timestamp.encode() + b"." + raw

    def digest(key: bytes) -> bytes:
        return hmac.new(key, signed, hashlib.sha256).hexdigest().encode()

    _require_match(signatures, digest, signing_keys, at)


def _require_match(
    signatures: Iterable[bytes],
    digest: Callable[[bytes], bytes],
    signing_keys: SigningKeys,
    at: datetime,
) -> None:
    """Raise :class:`Unauthenticated` unless one of the signatures is that of a valid key."""

    def matches(keys: Iterable[bytes]) -> bool:
        expected = [digest(key) for key in keys]
        # Constant time, so that response times reveal no prefix of a signature.
        return any(hmac.compare_digest(one, other) for one in signatures for other in expected)

    # The key may have been rotated since the last read, so a mismatch is checked twice.
    if not matches(signing_keys.keys(at)) and not matches(signing_keys.refreshed(at)):
        raise _invalid_signature()


def _invalid_signature() -> Unauthenticated:
    return Unauthenticated(
        "The signature or the timestamp of this delivery is invalid.", code="signature_invalid"
    )


def _is_recent(timestamp: str, at: datetime) -> bool:
    # 12 digits at most: int() of a very long text would take long.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(at.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()


def _v1_signatures(header: str) -> list[bytes]:
    """Return the ``v1`` signatures of a header; other versions are ignored."""
    signatures = []
    for part in header.split(" "):
        version, _, text = part.partition(",")
        if version == "v1":
            try:
                signatures.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue  # another signature of the header may be valid
    return signatures


# ------------------------------------------------------------------------------------- sending


def sign(key: bytes, delivery: str, at: datetime, raw: bytes) -> dict[str, str]:
    """Return the signature headers of a delivery of our own."""
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
    """Send a signed delivery. Raises :class:`Unavailable` for any response but 2xx."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    headers = sign(secret.keys(at)[0], delivery, at, raw)
    request = urllib.request.Request(  # noqa: S310  the shop's own address, from its settings
        url, raw, {"Content-Type": "application/json", **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            return
    except OSError as error:
        raise Unavailable(f"The webhook could not be delivered: {error}.") from None
