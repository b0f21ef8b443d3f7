"""Signing keys of tickets and admissions, from Secrets Manager."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shop.peak.ports import WaitingRoomUnavailable

KEY_CACHE_SECONDS = 300.0
"""How long keys are cached. A replaced key stays valid as the previous one until then."""
RETRY_PAUSE_SECONDS = 3.0
"""Seconds until the next read after a failure."""


def secrets_manager() -> Any:
    """Return a client; it is created with the first read of a key, as few requests need one."""
    import boto3  # lazy: clients are slow to create, and most requests need no key

    return boto3.client("secretsmanager")


class SecretAdmissionKeys:
    """See :class:`shop.peak.ports.AdmissionKeys`. The first use reads the secret."""

    def __init__(
        self,
        arn: str,
        client: Callable[[], Any] = secrets_manager,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._arn = arn
        self._client = client
        self._clock = clock
        self._keys: tuple[bytes, ...] = ()
        self._refresh_at = 0.0

    def keys(self) -> Sequence[bytes]:
        if self._clock() >= self._refresh_at:
            self._refresh()
        if not self._keys:
            raise WaitingRoomUnavailable("the signing key cannot be read")
        return self._keys

    def _refresh(self) -> None:
        # Set first, so that a failing read is not repeated by every request.
        self._refresh_at = self._clock() + RETRY_PAUSE_SECONDS
        try:
            manager = self._client()
            secrets = [manager.get_secret_value(SecretId=self._arn)["SecretString"]]
        except (ClientError, BotoCoreError):
            return  # the last known keys stay valid
        with suppress(ClientError, BotoCoreError):  # most secrets have no previous version
            previous = manager.get_secret_value(SecretId=self._arn, VersionStage="AWSPREVIOUS")
            secrets.append(previous["SecretString"])
        self._keys = tuple(dict.fromkeys(text.encode() for text in secrets))
        self._refresh_at = self._clock() + KEY_CACHE_SECONDS
