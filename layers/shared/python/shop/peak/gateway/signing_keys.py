"""The key that passes are signed with, from Secrets Manager."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shop.peak.ports import WaitingRoomUnavailable

KEY_CACHE_SECONDS = 300.0
"""Seconds. A key that is replaced stays valid as the previous one, so nobody loses their place."""
RETRY_PAUSE_SECONDS = 3.0
"""Seconds to the next look where none could be had."""


def secrets_manager() -> Any:
    """A client, made when the first key is looked for: few requests ever need one."""
    import boto3

    return boto3.client("secretsmanager")


class SecretAdmissionKeys:
    """See :class:`shop.peak.ports.AdmissionKeys`. Nothing is read before somebody waits."""

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
        self._look_at = 0.0

    def keys(self) -> Sequence[bytes]:
        if self._clock() >= self._look_at:
            self._look()
        if not self._keys:
            raise WaitingRoomUnavailable("the key of the waiting rooms")
        return self._keys

    def _look(self) -> None:
        self._look_at = self._clock() + RETRY_PAUSE_SECONDS
        try:
            manager = self._client()
            found = [manager.get_secret_value(SecretId=self._arn)["SecretString"]]
        except (ClientError, BotoCoreError):
            return  # what was known holds on
        with suppress(ClientError, BotoCoreError):  # most secrets have no previous value
            before = manager.get_secret_value(SecretId=self._arn, VersionStage="AWSPREVIOUS")
            found.append(before["SecretString"])
        self._keys = tuple(dict.fromkeys(text.encode() for text in found))
        self._look_at = self._clock() + KEY_CACHE_SECONDS
